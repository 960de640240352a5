// SPDX-License-Identifier: Apache-2.0
#include "controls/controls.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace leeward::controls {
namespace {

constexpr std::array<std::pair<std::string_view, RuleConfig::Type>, 3> kRuleTypes{
    {{"ATLEAST", RuleConfig::Type::kAtLeast},
     {"AND", RuleConfig::Type::kAnd},
     {"OR", RuleConfig::Type::kOr}}};

Status check_members(const ControlPanel& panel, std::string_view what,
                     const std::vector<std::string>& names) {
  if (names.empty()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' names no routing control", what));
  }
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (!panel.controls.contains(name)) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("'{}' names '{}', which is no routing control of this panel", what,
                              name.substr(0, kNameBytesMax)));
    }
    if (!seen.insert(name).second) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' names '{}' twice", what, name));
    }
  }
  return {};
}

bool mentions(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// The controls whose change a rule guards.
const std::vector<std::string>& guarded(const SafetyRule& rule) {
  return rule.kind == SafetyRule::Kind::kAssertion ? rule.controls : rule.targets;
}

std::string describe(const RuleConfig& config, std::size_t controls) {
  const std::string wanted = [&] {
    switch (config.type) {
      case RuleConfig::Type::kAnd:
        return fmt::format("all {}", controls);
      case RuleConfig::Type::kOr:
        return std::string("at least 1");
      case RuleConfig::Type::kAtLeast:
        break;
    }
    return fmt::format("at least {}", config.threshold);
  }();
  return fmt::format("{}{} of them must be On", config.inverted ? "not " : "", wanted);
}

// Why the rule refuses; empty: it does not.
std::string refusal(const SafetyRule& rule, const ControlPanel& before, const ControlPanel& after,
                    WallTime now) {
  if (rule.last_passed && now < *rule.last_passed + rule.wait_period) {
    return fmt::format("its wait period of {} since the last change is not over",
                       format_duration(rule.wait_period));
  }
  const bool assertion = rule.kind == SafetyRule::Kind::kAssertion;
  if (condition_holds(rule, assertion ? after : before)) {
    return {};
  }
  return fmt::format("{} {}: {}", assertion ? "asserted controls" : "gating controls",
                     fmt::join(rule.controls, ", "), describe(rule.config, rule.controls.size()));
}

Status check_update(const Panels& panels, const StateUpdate& update) {
  if (update.changes.empty() || update.changes.size() > kChangesMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("an update changes 1 to {} routing controls, this one {}", kChangesMax,
                            update.changes.size()));
  }
  std::set<MemberId> seen;
  for (const StateChange& change : update.changes) {
    const auto panel = panels.find(change.control.panel);
    if (panel == panels.end() || !panel->second.controls.contains(change.control.name)) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("there is no routing control {}", to_string(change.control)));
    }
    if (!seen.insert(change.control).second) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("routing control {} is set twice", to_string(change.control)));
    }
  }
  for (const MemberId& rule : update.overridden) {
    const auto panel = panels.find(rule.panel);
    if (panel == panels.end() || !panel->second.rules.contains(rule.name)) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("there is no safety rule {} to override", to_string(rule)));
    }
  }
  return {};
}

}  // namespace

std::string_view to_string(ControlState state) {
  return state == ControlState::kOn ? "On" : "Off";
}

std::optional<ControlState> parse_control_state(std::string_view text) {
  if (text == "On") {
    return ControlState::kOn;
  }
  return text == "Off" ? std::optional(ControlState::kOff) : std::nullopt;
}

std::string_view to_string(RuleConfig::Type type) {
  return std::ranges::find(kRuleTypes, type, &decltype(kRuleTypes)::value_type::second)->first;
}

std::optional<RuleConfig::Type> parse_rule_type(std::string_view text) {
  const auto* found = std::ranges::find(kRuleTypes, text, &decltype(kRuleTypes)::value_type::first);
  return found == kRuleTypes.end() ? std::nullopt : std::optional(found->second);
}

std::string_view to_string(SafetyRule::Kind kind) {
  return kind == SafetyRule::Kind::kAssertion ? "assertion" : "gating";
}

std::string to_string(const MemberId& id) {
  return id.panel + "/" + id.name;
}

std::string arn_of_control(const MemberId& id) {
  return fmt::format(
      "arn:aws:route53-recovery-control::000000000000:controlpanel/{}/routingcontrol/{}", id.panel,
      id.name);
}

Result<MemberId> parse_member_id(std::string_view text) {
  std::string_view rest = text;
  constexpr std::string_view kPanel = ":controlpanel/";
  const bool is_arn = rest.starts_with("arn:");
  if (is_arn) {
    const std::size_t at = rest.find(kPanel);
    rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + kPanel.size());
  }
  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    MemberId id{std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1))};
    if (is_arn) {
      const std::size_t kind = id.name.find('/');
      id.name.erase(0, kind == std::string::npos ? id.name.size() : kind + 1);
    }
    if (check_name("panel", id.panel) && check_name("name", id.name)) {
      return id;
    }
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is not <panel>/<name>, nor the ARN of a routing control",
                          text.substr(0, 256)));
}

Status check_name(std::string_view what, std::string_view name) {
  const bool good =
      !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
      });
  if (good) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is no {}: use 1 to {} letters, digits, '-', '_' and '.'",
                          name.substr(0, kNameBytesMax), what, kNameBytesMax));
}

Result<ControlPanel> with_control(const ControlPanel& panel, const std::string& name, WallTime now,
                                  std::string_view by) {
  RETURN_IF_ERROR(check_name("routing control's name", name));
  if (panel.controls.contains(name)) {
    return fail(ErrorCode::kAlreadyExists, fmt::format("routing control '{}' exists", name));
  }
  if (panel.controls.size() >= kControlsPerPanelMax) {
    return fail(
        ErrorCode::kResourceExhausted,
        fmt::format("a control panel holds at most {} routing controls", kControlsPerPanelMax));
  }
  ControlPanel changed = panel;
  changed.controls.emplace(name, RoutingControl{ControlState::kOff, now, std::string(by)});
  return changed;
}

Result<ControlPanel> without_control(const ControlPanel& panel, std::string_view name) {
  const auto found = panel.controls.find(name);
  if (found == panel.controls.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no routing control '{}'", name));
  }
  for (const auto& [rule_name, rule] : panel.rules) {
    if (mentions(rule.controls, name) || mentions(rule.targets, name)) {
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("safety rule '{}' names routing control '{}'; delete or change the "
                              "rule first",
                              rule_name, name));
    }
  }
  ControlPanel changed = panel;
  changed.controls.erase(std::string(name));
  return changed;
}

Result<ControlPanel> with_rule(const ControlPanel& panel, const std::string& name,
                               SafetyRule rule) {
  RETURN_IF_ERROR(check_name("safety rule's name", name));
  const bool gating = rule.kind == SafetyRule::Kind::kGating;
  RETURN_IF_ERROR(
      check_members(panel, gating ? "gating_controls" : "asserted_controls", rule.controls));
  if (gating) {
    RETURN_IF_ERROR(check_members(panel, "target_controls", rule.targets));
  }
  const auto controls = static_cast<int>(rule.controls.size());
  if (rule.config.type == RuleConfig::Type::kAtLeast &&
      (rule.config.threshold < 1 || rule.config.threshold > controls)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'threshold' must be from 1 to the number of controls ({}), found {}",
                            controls, rule.config.threshold));
  }
  if (rule.wait_period < Duration{} || rule.wait_period > kWaitPeriodMax) {
    return fail(ErrorCode::kInvalidArgument, "the wait period must be from 0 to 1 hour");
  }
  const auto existing = panel.rules.find(name);
  if (existing == panel.rules.end() && panel.rules.size() >= kRulesPerPanelMax) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("a control panel holds at most {} safety rules", kRulesPerPanelMax));
  }
  rule.last_passed = existing == panel.rules.end() ? std::nullopt : existing->second.last_passed;
  ControlPanel changed = panel;
  changed.rules.insert_or_assign(name, std::move(rule));
  return changed;
}

Result<ControlPanel> without_rule(const ControlPanel& panel, std::string_view name) {
  ControlPanel changed = panel;
  const auto found = changed.rules.find(name);
  if (found == changed.rules.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no safety rule '{}'", name));
  }
  changed.rules.erase(found);
  return changed;
}

Result<PanelsEdit> create_panel(const Panels& panels, const std::string& name) {
  RETURN_IF_ERROR(check_name("control panel's name", name));
  if (name.starts_with(kApplicationPanelPrefix)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("names that begin with '{}' are those of applications' own panels",
                            kApplicationPanelPrefix));
  }
  if (panels.contains(name)) {
    return fail(ErrorCode::kAlreadyExists, fmt::format("control panel '{}' exists", name));
  }
  if (panels.size() >= kPanelsMax) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("there may be at most {} control panels", kPanelsMax));
  }
  return PanelsEdit{{{name, {}}}, {}};
}

Result<PanelsEdit> delete_panel(const Panels& panels, const std::string& name) {
  const auto found = panels.find(name);
  if (found == panels.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no control panel '{}'", name));
  }
  if (!found->second.controls.empty()) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("control panel '{}' still has {} routing controls; delete them first",
                            name, found->second.controls.size()));
  }
  return PanelsEdit{{}, {name}};
}

bool condition_holds(const SafetyRule& rule, const ControlPanel& panel) {
  const auto on = std::ranges::count_if(rule.controls, [&](const std::string& name) {
    const auto found = panel.controls.find(name);
    return found != panel.controls.end() && found->second.state == ControlState::kOn;
  });
  const auto wanted = [&]() -> std::ptrdiff_t {
    switch (rule.config.type) {
      case RuleConfig::Type::kAnd:
        return static_cast<std::ptrdiff_t>(rule.controls.size());
      case RuleConfig::Type::kOr:
        return 1;
      case RuleConfig::Type::kAtLeast:
        break;
    }
    return rule.config.threshold;
  }();
  return (on >= wanted) != rule.config.inverted;
}

Result<Panels> update_states(const Panels& panels, const StateUpdate& update, WallTime now) {
  RETURN_IF_ERROR(check_update(panels, update));
  Panels changed;
  std::set<MemberId> moved;
  for (const StateChange& change : update.changes) {
    const ControlPanel& panel = panels.find(change.control.panel)->second;
    if (panel.controls.find(change.control.name)->second.state == change.state) {
      continue;
    }
    moved.insert(change.control);
    ControlPanel& after = changed.try_emplace(change.control.panel, panel).first->second;
    after.controls[change.control.name] = {change.state, now, update.requested_by};
  }
  std::vector<std::string> refusals;
  for (auto& [panel_name, after] : changed) {
    const ControlPanel& before = panels.find(panel_name)->second;
    for (auto& [rule_name, rule] : after.rules) {
      const bool concerned = std::ranges::any_of(guarded(rule), [&](const std::string& name) {
        return moved.contains({panel_name, name});
      });
      if (!concerned) {
        continue;
      }
      if (!update.overridden.contains({panel_name, rule_name})) {
        if (std::string reason = refusal(rule, before, after, now); !reason.empty()) {
          refusals.push_back(fmt::format("{} rule {}/{}: {}", to_string(rule.kind), panel_name,
                                         rule_name, reason));
        }
      }
      rule.last_passed = now;
    }
  }
  if (!refusals.empty()) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("refused by {}; nothing was changed. Override by naming the rules",
                            fmt::join(refusals, "; ")));
  }
  return changed;
}

}  // namespace leeward::controls
