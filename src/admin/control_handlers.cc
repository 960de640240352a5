// SPDX-License-Identifier: Apache-2.0
//
// Control panels, routing controls, safety rules: what the routes below /v1/control-panels and
// /v1/control-states do. The rules themselves are controls/controls.h's.
#include <algorithm>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "admin/body.h"
#include "admin/handlers.h"
#include "admin/json.h"
#include "admin/problem.h"
#include "base/utf8.h"
#include "controls/controls_json.h"

namespace leeward::admin {
namespace {

namespace json = boost::json;
using controls::ControlPanel;
using controls::MemberId;
using controls::Panels;
using controls::PanelsEdit;

constexpr std::size_t kIdBytesMax = 256;

Response ok(const json::value& body) {
  Response response;
  response.body = json::serialize(body) + "\n";
  return response;
}

json::object controls_json(const ControlPanelView& view) {
  json::array array;
  for (const auto& [name, control] : view.panel.controls) {
    array.emplace_back(
        json::object{{"name", name},
                     {"arn", controls::arn_of_control({view.name, name})},
                     {"state", controls::to_string(control.state)},
                     {"changed_at", control.changed_at == WallTime{}
                                        ? json::value(nullptr)
                                        : json::value(format_rfc3339(control.changed_at))},
                     {"changed_by", valid_utf8(control.changed_by)}});
  }
  json::array rules;
  for (const auto& [name, rule] : view.panel.rules) {
    json::object body{{"name", name}};
    for (auto& member : controls::to_json(rule)) {
      body.emplace(member.key(), std::move(member.value()));
    }
    body.emplace("condition_holds", controls::condition_holds(rule, view.panel));
    rules.emplace_back(std::move(body));
  }
  return {{"name", view.name},
          {"managed", view.managed},
          {"routing_controls", std::move(array)},
          {"safety_rules", std::move(rules)}};
}

Result<ControlPanelView> find_panel(const Call& call, std::string_view name) {
  for (ControlPanelView& view : call.control.control_panels()) {
    if (view.name == name) {
      return std::move(view);
    }
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("there is no control panel '{}'", name.substr(0, kIdBytesMax)));
}

Status check_not_managed(std::string_view panel) {
  if (!panel.starts_with(controls::kApplicationPanelPrefix)) {
    return {};
  }
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("control panel '{}' follows its application; move that with failover, "
                          "switchover or failback",
                          panel.substr(0, kIdBytesMax)));
}

// The answer to an edit of one panel: the panel as it is now; 204 once it is gone.
void change_panel(const Call& call, PanelsEditor edit) {
  const std::string& name = call.parameters[0];
  if (const Status allowed = check_not_managed(name); !allowed) {
    return call.respond(problem(allowed.error()));
  }
  call.control.change_control_panels(
      std::move(edit),
      [respond = call.respond, &control = call.control, name](const Status& status) {
        if (!status) {
          return respond(problem(status.error()));
        }
        const auto views = control.control_panels();
        const auto found = std::ranges::find(views, name, &ControlPanelView::name);
        if (found != views.end()) {
          return respond(ok(controls_json(*found)));
        }
        Response gone;
        gone.status = 204;
        respond(std::move(gone));
      });
}

// Edits one panel that exists.
template <typename Edit>
PanelsEditor on_panel(std::string name, Edit edit) {
  return [name = std::move(name), edit = std::move(edit)](const Panels& panels,
                                                          WallTime now) -> Result<PanelsEdit> {
    const auto found = panels.find(name);
    if (found == panels.end()) {
      return fail(ErrorCode::kNotFound, fmt::format("there is no control panel '{}'", name));
    }
    ASSIGN_OR_RETURN(ControlPanel changed, edit(found->second, now));
    return PanelsEdit{{{name, std::move(changed)}}, {}};
  };
}

Result<controls::StateChange> change_of(const json::value& value) {
  if (!value.is_object()) {
    return fail(ErrorCode::kInvalidArgument, "'changes' must be a list of objects");
  }
  const json::object& object = value.get_object();
  const json::value* control = object.if_contains("control");
  const json::value* state = object.if_contains("state");
  if (control == nullptr || state == nullptr || object.size() != 2) {
    return fail(ErrorCode::kInvalidArgument,
                "each of 'changes' has exactly the keys control and state");
  }
  ASSIGN_OR_RETURN(const std::string id, string_member("control", *control, kIdBytesMax));
  ASSIGN_OR_RETURN(const std::string wanted, string_member("state", *state, kIdBytesMax));
  controls::StateChange change;
  ASSIGN_OR_RETURN(change.control, controls::parse_member_id(id));
  RETURN_IF_ERROR(check_not_managed(change.control.panel));
  const auto parsed = controls::parse_control_state(wanted);
  if (!parsed) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'state' must be On or Off, found '{}'", wanted.substr(0, 64)));
  }
  change.state = *parsed;
  return change;
}

Result<controls::StateUpdate> update_of(std::string_view body, const std::string& requested_by) {
  ASSIGN_OR_RETURN(const json::object object, parse_json_object(body));
  controls::StateUpdate update;
  update.requested_by = requested_by;
  for (const auto& member : object) {
    const std::string_view key(member.key().data(), member.key().size());
    if (!member.value().is_array() || (key != "changes" && key != "override")) {
      return fail(ErrorCode::kInvalidArgument,
                  "known keys: changes, a list of {control, state}, and override, a list of safety "
                  "rules as panel/name");
    }
    const json::array& array = member.value().get_array();
    if (array.size() > controls::kChangesMax) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' holds more than {} entries", key, controls::kChangesMax));
    }
    for (const json::value& each : array) {
      if (key == "changes") {
        ASSIGN_OR_RETURN(controls::StateChange change, change_of(each));
        update.changes.push_back(std::move(change));
      } else {
        ASSIGN_OR_RETURN(const std::string id, string_member("override", each, kIdBytesMax));
        ASSIGN_OR_RETURN(MemberId rule, controls::parse_member_id(id));
        update.overridden.insert(std::move(rule));
      }
    }
  }
  return update;
}

json::object panels_json(const std::vector<ControlPanelView>& views) {
  json::array panels;
  for (const ControlPanelView& view : views) {
    panels.emplace_back(controls_json(view));
  }
  return {{"control_panels", std::move(panels)}};
}

Status check_no_body(const Call& call) {
  if (call.request.body.find_first_not_of(" \t\r\n{}") == std::string::npos) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument, "this request takes no body");
}

}  // namespace

void get_control_panels(const Call& call) {
  call.respond(ok(panels_json(call.control.control_panels())));
}

void get_control_panel(const Call& call) {
  const auto panel = find_panel(call, call.parameters[0]);
  call.respond(panel ? ok(controls_json(*panel)) : problem(panel.error()));
}

void put_control_panel(const Call& call) {
  if (const Status empty = check_no_body(call); !empty) {
    return call.respond(problem(empty.error()));
  }
  change_panel(call, [name = call.parameters[0]](const Panels& panels, WallTime) {
    return controls::create_panel(panels, name);
  });
}

void delete_control_panel(const Call& call) {
  change_panel(call, [name = call.parameters[0]](const Panels& panels, WallTime) {
    return controls::delete_panel(panels, name);
  });
}

void put_routing_control(const Call& call) {
  if (const Status empty = check_no_body(call); !empty) {
    return call.respond(problem(empty.error()));
  }
  change_panel(call,
               on_panel(call.parameters[0], [name = call.parameters[1], by = call.identity.name](
                                                const ControlPanel& panel, WallTime now) {
                 return controls::with_control(panel, name, now, by);
               }));
}

void delete_routing_control(const Call& call) {
  change_panel(call, on_panel(call.parameters[0],
                              [name = call.parameters[1]](const ControlPanel& panel, WallTime) {
                                return controls::without_control(panel, name);
                              }));
}

void put_safety_rule(const Call& call) {
  Result<json::object> body = parse_json_object(call.request.body);
  Result<controls::SafetyRule> rule =
      body ? controls::rule_from_json(*body) : Result<controls::SafetyRule>(fail(body.error()));
  if (!rule) {
    return call.respond(problem(rule.error()));
  }
  change_panel(call,
               on_panel(call.parameters[0], [name = call.parameters[1], rule = *std::move(rule)](
                                                const ControlPanel& panel, WallTime) {
                 return controls::with_rule(panel, name, rule);
               }));
}

void delete_safety_rule(const Call& call) {
  change_panel(call, on_panel(call.parameters[0],
                              [name = call.parameters[1]](const ControlPanel& panel, WallTime) {
                                return controls::without_rule(panel, name);
                              }));
}

void post_control_states(const Call& call) {
  Result<controls::StateUpdate> update = update_of(call.request.body, call.identity.name);
  if (!update) {
    return call.respond(problem(update.error()));
  }
  std::set<std::string> touched;
  for (const controls::StateChange& change : update->changes) {
    touched.insert(change.control.panel);
  }
  call.control.change_control_panels(
      [update = *std::move(update)](const Panels& panels, WallTime now) -> Result<PanelsEdit> {
        ASSIGN_OR_RETURN(Panels changed, controls::update_states(panels, update, now));
        return PanelsEdit{std::move(changed), {}};
      },
      [respond = call.respond, &control = call.control,
       touched = std::move(touched)](const Status& status) {
        if (!status) {
          return respond(problem(status.error()));
        }
        std::vector<ControlPanelView> views = control.control_panels();
        std::erase_if(views,
                      [&](const ControlPanelView& view) { return !touched.contains(view.name); });
        respond(ok(panels_json(views)));
      });
}

}  // namespace leeward::admin
