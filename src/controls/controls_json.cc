// SPDX-License-Identifier: Apache-2.0
#include "controls/controls_json.h"

#include <cstdint>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace leeward::controls {
namespace {

namespace json = boost::json;

std::string_view view(json::string_view text) {
  return {text.data(), text.size()};
}

json::array names_json(const std::vector<std::string>& names) {
  json::array array;
  for (const std::string& name : names) {
    array.emplace_back(name);
  }
  return array;
}

Error wrong(std::string_view key, std::string_view what) {
  return {ErrorCode::kInvalidArgument, fmt::format("'{}' {}", key.substr(0, 64), what)};
}

Result<std::vector<std::string>> names_of(std::string_view key, const json::value& value) {
  if (!value.is_array() || value.get_array().size() > kControlsPerPanelMax) {
    return fail(wrong(key, "must be a list of routing controls' names"));
  }
  std::vector<std::string> names;
  for (const json::value& each : value.get_array()) {
    if (!each.is_string()) {
      return fail(wrong(key, "must be a list of routing controls' names"));
    }
    names.emplace_back(view(each.get_string()));
  }
  return names;
}

Result<RuleConfig> config_of(const json::value& value) {
  if (!value.is_object()) {
    return fail(wrong("rule_config", "must be an object"));
  }
  RuleConfig config;
  for (const auto& member : value.get_object()) {
    const std::string_view key = view(member.key());
    if (key == "type") {
      const auto type = member.value().is_string()
                            ? parse_rule_type(view(member.value().get_string()))
                            : std::nullopt;
      if (!type) {
        return fail(wrong("rule_config.type", "must be ATLEAST, AND or OR"));
      }
      config.type = *type;
    } else if (key == "threshold") {
      if (!member.value().is_int64() || member.value().get_int64() < 0 ||
          member.value().get_int64() > static_cast<std::int64_t>(kControlsPerPanelMax)) {
        return fail(wrong("rule_config.threshold", "must be a whole number of controls"));
      }
      config.threshold = static_cast<int>(member.value().get_int64());
    } else if (key == "inverted") {
      if (!member.value().is_bool()) {
        return fail(wrong("rule_config.inverted", "must be true or false"));
      }
      config.inverted = member.value().get_bool();
    } else {
      return fail(wrong(key, "is not known in rule_config; known: type, threshold, inverted"));
    }
  }
  return config;
}

Result<SafetyRule::Kind> kind_of(const json::object& object) {
  const json::value* kind = object.if_contains("kind");
  if (kind != nullptr && kind->is_string()) {
    if (kind->get_string() == "assertion") {
      return SafetyRule::Kind::kAssertion;
    }
    if (kind->get_string() == "gating") {
      return SafetyRule::Kind::kGating;
    }
  }
  return fail(wrong("kind", "must be assertion or gating"));
}

Status set_member(SafetyRule& rule, std::string_view key, const json::value& value) {
  const bool gating = rule.kind == SafetyRule::Kind::kGating;
  if (key == (gating ? "gating_controls" : "asserted_controls")) {
    ASSIGN_OR_RETURN(rule.controls, names_of(key, value));
  } else if (gating && key == "target_controls") {
    ASSIGN_OR_RETURN(rule.targets, names_of(key, value));
  } else if (key == "rule_config") {
    ASSIGN_OR_RETURN(rule.config, config_of(value));
  } else if (key == "wait_period") {
    if (!value.is_string()) {
      return fail(wrong(key, "must be a duration such as \"5s\""));
    }
    auto duration = parse_duration(view(value.get_string()));
    if (!duration) {
      return fail(with_context(duration.error(), "'wait_period'"));
    }
    rule.wait_period = *duration;
  } else if (key != "kind") {
    return fail(wrong(key, gating ? "is not known in a gating rule; known: kind, gating_controls, "
                                    "target_controls, rule_config, wait_period"
                                  : "is not known in an assertion rule; known: kind, "
                                    "asserted_controls, rule_config, wait_period"));
  }
  return {};
}

std::int64_t to_ns(WallTime time) {
  return time.time_since_epoch().count();
}

WallTime from_ns(std::int64_t ns) {
  return WallTime(WallTime::duration(ns));
}

Result<ControlPanel> panel_of(const json::object& object) {
  ControlPanel panel;
  for (const auto& member : object.at("controls").as_object()) {
    const json::object& control = member.value().as_object();
    const auto state = parse_control_state(view(control.at("state").as_string()));
    if (!state) {
      return fail(ErrorCode::kDataCorrupt, "a routing control's state is neither On nor Off");
    }
    panel.controls.emplace(view(member.key()),
                           RoutingControl{*state, from_ns(control.at("changed_at_ns").as_int64()),
                                          std::string(view(control.at("changed_by").as_string()))});
  }
  for (const auto& member : object.at("rules").as_object()) {
    json::object body = member.value().as_object();
    std::optional<WallTime> last_passed;
    if (const json::value* last = body.if_contains("last_passed_ns")) {
      last_passed = from_ns(last->as_int64());
      body.erase("last_passed_ns");
    }
    ASSIGN_OR_RETURN(SafetyRule rule, rule_from_json(body));
    rule.last_passed = last_passed;
    panel.rules.emplace(view(member.key()), std::move(rule));
  }
  return panel;
}

}  // namespace

json::object to_json(const SafetyRule& rule) {
  const bool gating = rule.kind == SafetyRule::Kind::kGating;
  json::object object{{"kind", to_string(rule.kind)}};
  object.emplace(gating ? "gating_controls" : "asserted_controls", names_json(rule.controls));
  if (gating) {
    object.emplace("target_controls", names_json(rule.targets));
  }
  object.emplace("rule_config", json::object{{"type", to_string(rule.config.type)},
                                             {"threshold", rule.config.threshold},
                                             {"inverted", rule.config.inverted}});
  object.emplace("wait_period", format_duration(rule.wait_period));
  return object;
}

Result<SafetyRule> rule_from_json(const json::object& object) {
  SafetyRule rule;
  ASSIGN_OR_RETURN(rule.kind, kind_of(object));
  for (const auto& member : object) {
    RETURN_IF_ERROR(set_member(rule, view(member.key()), member.value()));
  }
  return rule;
}

std::string format_panel(const ControlPanel& panel) {
  json::object controls;
  for (const auto& [name, control] : panel.controls) {
    controls.emplace(name, json::object{{"state", to_string(control.state)},
                                        {"changed_at_ns", to_ns(control.changed_at)},
                                        {"changed_by", control.changed_by}});
  }
  json::object rules;
  for (const auto& [name, rule] : panel.rules) {
    json::object body = to_json(rule);
    if (rule.last_passed) {
      body.emplace("last_passed_ns", to_ns(*rule.last_passed));
    }
    rules.emplace(name, std::move(body));
  }
  return json::serialize(
      json::object{{"controls", std::move(controls)}, {"rules", std::move(rules)}});
}

Result<ControlPanel> parse_panel(std::string_view text) {
  json::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) {
    return fail(ErrorCode::kDataCorrupt, "a control panel is not a JSON object");
  }
  try {  // Boost.JSON throws where a member is missing or of another type
    Result<ControlPanel> panel = panel_of(value.get_object());
    if (!panel) {
      return fail(ErrorCode::kDataCorrupt, "a control panel: " + panel.error().message);
    }
    return panel;
  } catch (const std::exception& exception) {
    return fail(ErrorCode::kDataCorrupt,
                fmt::format("a control panel misses something: {}", exception.what()));
  }
}

}  // namespace leeward::controls
