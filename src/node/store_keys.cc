// SPDX-License-Identifier: Apache-2.0
#include "node/store_keys.h"

#include <charconv>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace leeward::node {
namespace {

namespace json = boost::json;

constexpr std::size_t kSequenceDigits = 20;

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(ErrorCode::kDataCorrupt, fmt::format("the stored assignment {}", what));
}

}  // namespace

std::string assignment_key(const ApplicationId& application) {
  return std::string(kAssignmentPrefix) + application.str();
}

std::string granted_key(const ApplicationId& application) {
  return std::string(kGrantedPrefix) + application.str();
}

std::string standing_key(const ApplicationId& application) {
  return std::string(kStandingPrefix) + application.str();
}

std::string health_key(const HealthCheckId& check) {
  return std::string(kHealthPrefix) + check.str();
}

std::string journal_key(std::uint64_t sequence) {
  return fmt::format("{}{:0{}}", kJournalPrefix, sequence, kSequenceDigits);
}

// Three numbers, the digest in hexadecimal.
std::string format_journal_head(const JournalHead& head) {
  return fmt::format("{} {:016x} {}", head.sequence, head.digest, head.next_decision_id);
}

Result<JournalHead> parse_journal_head(std::string_view text) {
  JournalHead head;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, head.sequence);
  if (first.ec == std::errc{} && first.ptr != end && *first.ptr == ' ') {
    const auto second = std::from_chars(first.ptr + 1, end, head.digest, 16);
    if (second.ec == std::errc{} && second.ptr != end && *second.ptr == ' ') {
      const auto third = std::from_chars(second.ptr + 1, end, head.next_decision_id);
      if (third.ec == std::errc{} && third.ptr == end && head.next_decision_id > 0) {
        return head;
      }
    }
  }
  return fail(ErrorCode::kDataCorrupt,
              fmt::format("the stored journal head '{}' cannot be read", text));
}

std::string format_assignment(const AssignmentRecord& record) {
  json::object object{{"region", record.assignment.region.str()},
                      {"epoch", record.assignment.epoch}};
  if (record.automatic_shift_at) {
    object["automatic_shift_at"] = format_rfc3339(*record.automatic_shift_at);
  }
  return json::serialize(object);
}

Result<AssignmentRecord> parse_assignment(std::string_view text) {
  boost::system::error_code bad;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), bad);
  const json::object* object = bad ? nullptr : value.if_object();
  if (object == nullptr) {
    return corrupt("is not a JSON object");
  }
  const json::value* region = object->if_contains("region");
  const json::value* epoch = object->if_contains("epoch");
  if (region == nullptr || !region->is_string() || epoch == nullptr) {
    return corrupt("lacks its region or epoch");
  }
  AssignmentRecord record;
  record.assignment.region = RegionId(std::string(region->get_string()));
  record.assignment.epoch = epoch->to_number<Epoch>(bad);
  if (bad || record.assignment.epoch == 0) {
    return corrupt("has an epoch that is no positive number");
  }
  if (const json::value* at = object->if_contains("automatic_shift_at")) {
    if (!at->is_string()) {
      return corrupt("has an automatic_shift_at that is no time");
    }
    ASSIGN_OR_RETURN(record.automatic_shift_at, parse_rfc3339(std::string_view(at->get_string())));
  }
  return record;
}

}  // namespace leeward::node
