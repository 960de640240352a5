// SPDX-License-Identifier: Apache-2.0
//
// Control panels, routing controls and safety rules, with the names and the meaning that Amazon
// Application Recovery Controller gives them ("Safety rules in Amazon Route 53 ARC", developer
// guide; the route53-recovery-control-config and route53-recovery-cluster APIs).
//
// Where the guide leaves a choice:
//   - An assertion rule is evaluated on the states as they would be after all changes of the
//     request, a gating rule on the gates as they were before it: a request cannot open a gate and
//     pass it at once.
//   - A rule is evaluated when one of its asserted or target controls changes. Setting a control to
//     the state that it has is no change.
//   - The wait period runs from the last change that the rule let pass; within it the rule refuses.
//   - Rules named as overridden are not evaluated, wait period included; the change still starts
//     their wait period.
//
// Thread-safety: values and pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace leeward::controls {

enum class ControlState : std::uint8_t { kOff, kOn };

[[nodiscard]] std::string_view to_string(ControlState state);  // "On"
[[nodiscard]] std::optional<ControlState> parse_control_state(std::string_view text);

struct RoutingControl {
  ControlState state = ControlState::kOff;  // of a new control, as in ARC
  WallTime changed_at{};
  std::string changed_by;  // who created it or changed its state last

  friend bool operator==(const RoutingControl&, const RoutingControl&) = default;
};

// How many of the controls must be on.
struct RuleConfig {
  enum class Type : std::uint8_t { kAtLeast, kAnd, kOr };
  Type type = Type::kAtLeast;
  int threshold = 1;      // of kAtLeast; 1 to the number of controls
  bool inverted = false;  // the rule holds when the condition does not

  friend bool operator==(const RuleConfig&, const RuleConfig&) = default;
};

[[nodiscard]] std::string_view to_string(RuleConfig::Type type);  // "ATLEAST"
[[nodiscard]] std::optional<RuleConfig::Type> parse_rule_type(std::string_view text);

struct SafetyRule {
  enum class Kind : std::uint8_t { kAssertion, kGating };
  Kind kind = Kind::kAssertion;
  std::vector<std::string> controls;  // asserted, or gating: what `config` is about; names
  std::vector<std::string> targets;   // of a gating rule: what may not change while it is shut
  RuleConfig config;
  Duration wait_period{};  // 0 to 1 hour
  std::optional<WallTime> last_passed;

  friend bool operator==(const SafetyRule&, const SafetyRule&) = default;
};

[[nodiscard]] std::string_view to_string(SafetyRule::Kind kind);  // "assertion"

struct ControlPanel {
  std::map<std::string, RoutingControl, std::less<>> controls;  // by name
  std::map<std::string, SafetyRule, std::less<>> rules;         // by name

  friend bool operator==(const ControlPanel&, const ControlPanel&) = default;
};

using Panels = std::map<std::string, ControlPanel, std::less<>>;  // by name

inline constexpr std::size_t kPanelsMax = 50;
inline constexpr std::size_t kControlsPerPanelMax = 100;
inline constexpr std::size_t kRulesPerPanelMax = 20;
inline constexpr std::size_t kChangesMax = 100;  // of one update
inline constexpr std::size_t kNameBytesMax = 64;
inline constexpr Duration kWaitPeriodMax = std::chrono::hours(1);

// A control or a rule within its panel: "panel/name".
struct MemberId {
  std::string panel;
  std::string name;

  friend auto operator<=>(const MemberId&, const MemberId&) = default;
};

[[nodiscard]] std::string to_string(const MemberId& id);
// "panel/name" or an ARN that ends in "controlpanel/<panel>/routingcontrol/<name>" (of rules:
// ".../safetyrule/<name>").
Result<MemberId> parse_member_id(std::string_view text);
// "arn:aws:route53-recovery-control::000000000000:controlpanel/<panel>/routingcontrol/<name>": what
// a health check's RoutingControlArn says.
[[nodiscard]] std::string arn_of_control(const MemberId& id);

// 1 to 64 letters, digits, '-', '_' and '.'; nothing that would need escaping in a path.
Status check_name(std::string_view what, std::string_view name);

// Edits of one panel. Errors: kInvalidArgument, kAlreadyExists, kNotFound, kResourceExhausted, and
// kFailedPrecondition where a rule still needs the control.
Result<ControlPanel> with_control(const ControlPanel& panel, const std::string& name, WallTime now,
                                  std::string_view by);
Result<ControlPanel> without_control(const ControlPanel& panel, std::string_view name);
// Adds or replaces; a replaced rule keeps its wait period's start. Its controls must exist.
Result<ControlPanel> with_rule(const ControlPanel& panel, const std::string& name, SafetyRule rule);
Result<ControlPanel> without_rule(const ControlPanel& panel, std::string_view name);

struct StateChange {
  MemberId control;
  ControlState state = ControlState::kOff;

  friend bool operator==(const StateChange&, const StateChange&) = default;
};

struct StateUpdate {
  std::vector<StateChange> changes;  // all or none; a control at most once
  std::set<MemberId> overridden;     // safety rules to leave out; each must exist
  std::string requested_by;

  friend bool operator==(const StateUpdate&, const StateUpdate&) = default;
};

// The panels that changed; empty where every control already had its state. kFailedPrecondition
// names every rule that refuses, and how to override it.
Result<Panels> update_states(const Panels& panels, const StateUpdate& update, WallTime now);

// What is to be stored: panels that are new or changed, and those that are gone.
struct PanelsEdit {
  Panels put;
  std::set<std::string, std::less<>> removed;

  friend bool operator==(const PanelsEdit&, const PanelsEdit&) = default;
};

// Panels of applications are named so, made by the daemon, and follow the assignment; nobody else
// may take such a name.
inline constexpr std::string_view kApplicationPanelPrefix = "application.";

// kAlreadyExists, kResourceExhausted, kInvalidArgument.
Result<PanelsEdit> create_panel(const Panels& panels, const std::string& name);
// Of a panel without controls; rules cannot be left without them. kFailedPrecondition, kNotFound.
Result<PanelsEdit> delete_panel(const Panels& panels, const std::string& name);

// Whether a rule's condition holds for these states. For status pages.
[[nodiscard]] bool condition_holds(const SafetyRule& rule, const ControlPanel& panel);

}  // namespace leeward::controls
