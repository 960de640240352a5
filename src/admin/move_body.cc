// SPDX-License-Identifier: Apache-2.0
#include "admin/move_body.h"

#include <string>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "admin/body.h"
#include "base/time.h"

namespace leeward::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kReasonBytesMax = 500;
constexpr std::size_t kRegionBytesMax = 128;

Status set_member(MoveCommand& command, std::string_view key, const json::value& value) {
  if (key == "to") {
    ASSIGN_OR_RETURN(std::string region, string_member(key, value, kRegionBytesMax));
    command.to = RegionId(std::move(region));
  } else if (key == "dry_run") {
    if (!value.is_bool()) {
      return fail(ErrorCode::kInvalidArgument, "'dry_run' must be true or false");
    }
    command.dry_run = value.as_bool();
  } else if (key == "accept_data_loss") {
    ASSIGN_OR_RETURN(const std::string text, string_member(key, value, 64));
    auto duration = parse_duration(text);
    if (!duration) {
      return fail(with_context(duration.error(), "'accept_data_loss'"));
    }
    command.accept_data_loss = *duration;
  } else if (key == "reason") {
    ASSIGN_OR_RETURN(command.reason, string_member(key, value, kReasonBytesMax));
  } else {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("unknown key '{}'; known: to, dry_run, accept_data_loss, reason",
                            key.substr(0, 64)));
  }
  return {};
}

}  // namespace

Result<MoveCommand> parse_move_body(MoveKind kind, std::string_view body) {
  ASSIGN_OR_RETURN(const json::object object, parse_json_object(body));
  MoveCommand command;
  command.kind = kind;
  for (const auto& member : object) {
    RETURN_IF_ERROR(set_member(command, std::string_view(member.key().data(), member.key().size()),
                               member.value()));
  }
  if (command.to && command.to->empty()) {
    return fail(ErrorCode::kInvalidArgument, "'to' must name a region");
  }
  if (!command.to && kind != MoveKind::kFailback) {
    return fail(ErrorCode::kInvalidArgument,
                "'to' is missing: name the region that the application moves to");
  }
  return command;
}

Result<StandingCommand> parse_standing_body(StandingChange change, std::string_view body) {
  ASSIGN_OR_RETURN(const json::object object, parse_json_object(body));
  StandingCommand command;
  command.change = change;
  for (const auto& member : object) {
    const std::string_view key(member.key().data(), member.key().size());
    if (key != "reason") {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("unknown key '{}'; known: reason", key.substr(0, 64)));
    }
    ASSIGN_OR_RETURN(command.reason, string_member(key, member.value(), kReasonBytesMax));
  }
  return command;
}

}  // namespace leeward::admin
