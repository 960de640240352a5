// SPDX-License-Identifier: Apache-2.0
//
// `leeward control ...`: routing controls, their panels and their safety rules.
#include <algorithm>
#include <string>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "admin/target.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "controls/controls.h"

namespace leeward::cli {
namespace {

namespace json = boost::json;

constexpr std::string_view kPanelsPath = "/v1/control-panels";

// "/v1/control-panels/shop", or with "/controls/gra" behind it.
Result<std::string> path_of(const std::string& id, std::string_view kind) {
  if (!id.contains('/')) {
    RETURN_IF_ERROR(controls::check_name("control panel's name", id));
    return fmt::format("{}/{}", kPanelsPath, id);
  }
  ASSIGN_OR_RETURN(const controls::MemberId member, controls::parse_member_id(id));
  return fmt::format("{}/{}/{}/{}", kPanelsPath, admin::percent_encode(member.panel), kind,
                     admin::percent_encode(member.name));
}

void show(const Context& context, const json::value& body) {
  if (context.json) {
    print(json::serialize(body) + "\n");
  } else if (body.is_object() && body.get_object().contains("control_panels")) {
    print(render_control_panels(body, context.style));
  } else {
    print(
        render_control_panels(json::object{{"control_panels", json::array{body}}}, context.style));
  }
}

// Prints the panels of the answer; what is gone has none.
int finish(const Context& context, const Result<HttpAnswer>& answer) {
  if (!answer) {
    return report(answer.error());
  }
  if (answer->status == 204) {
    return kOk;
  }
  json::value body;
  if (answer->status != 200 || !parse_json(answer->body, body)) {
    return report(*answer);
  }
  show(context, body);
  return kOk;
}

int send(const Context& context, std::string_view method, const std::string& id,
         std::string_view kind, std::string body) {
  Result<std::string> path = path_of(id, kind);
  if (!path) {
    return report(path.error());
  }
  return finish(
      context,
      ask(context.api, {.method = method, .path = *std::move(path), .body = std::move(body)}));
}

json::array texts(const std::vector<std::string>& values) {
  json::array array;
  for (const std::string& value : values) {
    array.emplace_back(value);
  }
  return array;
}

}  // namespace

int list_controls(const Context& context, const std::string& panel) {
  json::value body;
  int code = kOk;
  const std::string path = panel.empty()
                               ? std::string(kPanelsPath)
                               : fmt::format("{}/{}", kPanelsPath, admin::percent_encode(panel));
  if (fetch(context, path, body, code)) {
    show(context, body);
  }
  return code;
}

int get_control(const Context& context, const std::string& id) {
  const Result<controls::MemberId> member = controls::parse_member_id(id);
  if (!member) {
    return report(member.error());
  }
  json::value panel;
  int code = kOk;
  if (!fetch(context, fmt::format("{}/{}", kPanelsPath, admin::percent_encode(member->panel)),
             panel, code)) {
    return code;
  }
  const json::object* const object = panel.if_object();
  const json::value* const list =
      object != nullptr ? object->if_contains("routing_controls") : nullptr;
  if (list != nullptr && list->is_array()) {
    for (const json::value& control : list->get_array()) {
      const json::object* const entry = control.if_object();
      const json::value* const name = entry != nullptr ? entry->if_contains("name") : nullptr;
      const json::value* const state = entry != nullptr ? entry->if_contains("state") : nullptr;
      if (name == nullptr || !name->is_string() ||
          std::string_view(name->get_string()) != member->name || state == nullptr ||
          !state->is_string()) {
        continue;
      }
      print(context.json ? json::serialize(control) + "\n"
                         : printable(std::string(state->get_string())) + "\n");
      return kOk;
    }
  }
  return report(Error{ErrorCode::kNotFound, fmt::format("there is no routing control {}", id)});
}

int set_controls(const Context& context, const SetControlsOptions& options) {
  json::array changes;
  for (const std::string& assignment : options.changes) {
    const std::size_t equals = assignment.rfind('=');
    if (equals == std::string::npos) {
      return report(Error{ErrorCode::kInvalidArgument,
                          fmt::format("'{}' is not PANEL/CONTROL=On or =Off", assignment)});
    }
    changes.emplace_back(json::object{{"control", assignment.substr(0, equals)},
                                      {"state", assignment.substr(equals + 1)}});
  }
  const json::object body{{"changes", std::move(changes)}, {"override", texts(options.overridden)}};
  return finish(context, ask(context.api, {.method = "POST",
                                           .path = "/v1/control-states",
                                           .body = json::serialize(body)}));
}

int create_control(const Context& context, const std::string& id) {
  return send(context, "PUT", id, "controls", "{}");
}

int delete_control(const Context& context, const std::string& id) {
  return send(context, "DELETE", id, "controls", "");
}

int set_rule(const Context& context, const RuleOptions& options) {
  const bool gating = !options.targets.empty();
  json::object body{{"kind", gating ? "gating" : "assertion"},
                    {gating ? "gating_controls" : "asserted_controls", texts(options.controls)},
                    {"rule_config", json::object{{"type", options.type},
                                                 {"threshold", options.threshold},
                                                 {"inverted", options.inverted}}},
                    {"wait_period", options.wait_period}};
  if (gating) {
    body["target_controls"] = texts(options.targets);
  }
  return send(context, "PUT", options.id, "rules", json::serialize(body));
}

int delete_rule(const Context& context, const std::string& id) {
  return send(context, "DELETE", id, "rules", "");
}

}  // namespace leeward::cli
