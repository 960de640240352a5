// SPDX-License-Identifier: Apache-2.0
//
// The one table of names for every enumeration of the model.
#include <array>
#include <cstddef>
#include <utility>

#include "base/check.h"
#include "model/application.h"
#include "model/decision.h"
#include "model/health.h"
#include "model/health_check.h"
#include "model/standing.h"

namespace leeward {
namespace {

template <typename Enum, std::size_t kSize>
using NameTable = std::array<std::pair<Enum, std::string_view>, kSize>;

template <typename Enum, std::size_t kSize>
std::string_view name_of(const NameTable<Enum, kSize>& table, Enum value) {
  for (const auto& [entry, name] : table) {
    if (entry == value) {
      return name;
    }
  }
  check_failed("name_of", "an enumerator has no name in its table", __FILE__, __LINE__);
}

template <typename Enum, std::size_t kSize>
std::optional<Enum> value_of(const NameTable<Enum, kSize>& table, std::string_view text) {
  for (const auto& [value, name] : table) {
    if (name == text) {
      return value;
    }
  }
  return std::nullopt;
}

constexpr NameTable<CheckType, 5> kCheckTypes = {{
    {CheckType::kHttp, "HTTP"},
    {CheckType::kHttps, "HTTPS"},
    {CheckType::kHttpStrMatch, "HTTP_STR_MATCH"},
    {CheckType::kHttpsStrMatch, "HTTPS_STR_MATCH"},
    {CheckType::kTcp, "TCP"},
}};

constexpr NameTable<GrayAction, 3> kGrayActions = {{
    {GrayAction::kNone, "none"},
    {GrayAction::kReport, "report"},
    {GrayAction::kUnhealthy, "unhealthy"},
}};

constexpr NameTable<StandingChange, 3> kStandingChanges = {{
    {StandingChange::kHold, "hold"},
    {StandingChange::kRelease, "release"},
    {StandingChange::kAcknowledge, "acknowledge"},
}};

constexpr NameTable<Health, 3> kHealths = {{
    {Health::kUnknown, "unknown"},
    {Health::kHealthy, "healthy"},
    {Health::kUnhealthy, "unhealthy"},
}};

constexpr NameTable<ProbeOutcome, 11> kOutcomes = {{
    {ProbeOutcome::kSuccess, "success"},
    {ProbeOutcome::kRefused, "refused"},
    {ProbeOutcome::kUnreachable, "unreachable"},
    {ProbeOutcome::kTimeout, "timeout"},
    {ProbeOutcome::kTlsError, "tls-error"},
    {ProbeOutcome::kBadStatus, "bad-status"},
    {ProbeOutcome::kNoMatch, "no-match"},
    {ProbeOutcome::kMalformed, "malformed"},
    {ProbeOutcome::kClosed, "closed"},
    {ProbeOutcome::kNameResolution, "name-resolution"},
    {ProbeOutcome::kLocalError, "local-error"},
}};

constexpr NameTable<Failback, 2> kFailbacks = {{
    {Failback::kManual, "manual"},
    {Failback::kAutomatic, "automatic"},
}};

constexpr NameTable<FencingMode, 3> kFencingModes = {{
    {FencingMode::kNone, "none"},
    {FencingMode::kLease, "lease"},
    {FencingMode::kTransaction, "transaction"},
}};

constexpr NameTable<ApplicationMode, 2> kModes = {{
    {ApplicationMode::kActivePassive, "active-passive"},
    {ApplicationMode::kActiveActive, "active-active"},
}};

constexpr NameTable<MoveKind, 5> kMoveKinds = {{
    {MoveKind::kInitial, "initial"},
    {MoveKind::kFailover, "failover"},
    {MoveKind::kSwitchover, "switchover"},
    {MoveKind::kFailback, "failback"},
    {MoveKind::kRollback, "rollback"},
}};

constexpr NameTable<GuardOutcome, 4> kGuardOutcomes = {{
    {GuardOutcome::kPassed, "passed"},
    {GuardOutcome::kFailed, "failed"},
    {GuardOutcome::kNotEvaluated, "not-evaluated"},
    {GuardOutcome::kOverridden, "overridden"},
}};

constexpr NameTable<DecisionOutcome, 5> kDecisionOutcomes = {{
    {DecisionOutcome::kPending, "pending"},
    {DecisionOutcome::kPublished, "published"},
    {DecisionOutcome::kRefused, "refused"},
    {DecisionOutcome::kFailed, "failed"},
    {DecisionOutcome::kPlanned, "planned"},
}};

}  // namespace

std::string_view to_string(MoveKind kind) {
  return name_of(kMoveKinds, kind);
}
std::string_view to_string(GuardOutcome outcome) {
  return name_of(kGuardOutcomes, outcome);
}
std::string_view to_string(DecisionOutcome outcome) {
  return name_of(kDecisionOutcomes, outcome);
}
std::string_view to_string(CheckType type) {
  return name_of(kCheckTypes, type);
}
std::string_view to_string(GrayAction action) {
  return name_of(kGrayActions, action);
}
std::string_view to_string(Health health) {
  return name_of(kHealths, health);
}
std::string_view to_string(ProbeOutcome outcome) {
  return name_of(kOutcomes, outcome);
}
std::string_view to_string(Failback failback) {
  return name_of(kFailbacks, failback);
}
std::string_view to_string(FencingMode mode) {
  return name_of(kFencingModes, mode);
}
std::string_view to_string(ApplicationMode mode) {
  return name_of(kModes, mode);
}

std::optional<CheckType> parse_check_type(std::string_view text) {
  return value_of(kCheckTypes, text);
}
std::optional<GrayAction> parse_gray_action(std::string_view text) {
  return value_of(kGrayActions, text);
}
std::optional<Health> parse_health(std::string_view text) {
  return value_of(kHealths, text);
}
std::optional<ProbeOutcome> parse_probe_outcome(std::string_view text) {
  return value_of(kOutcomes, text);
}
std::optional<Failback> parse_failback(std::string_view text) {
  return value_of(kFailbacks, text);
}
std::optional<FencingMode> parse_fencing_mode(std::string_view text) {
  return value_of(kFencingModes, text);
}
std::optional<ApplicationMode> parse_application_mode(std::string_view text) {
  return value_of(kModes, text);
}
std::optional<MoveKind> parse_move_kind(std::string_view text) {
  return value_of(kMoveKinds, text);
}
std::optional<GuardOutcome> parse_guard_outcome(std::string_view text) {
  return value_of(kGuardOutcomes, text);
}
std::optional<DecisionOutcome> parse_decision_outcome(std::string_view text) {
  return value_of(kDecisionOutcomes, text);
}

std::string_view to_string(StandingChange change) {
  return name_of(kStandingChanges, change);
}

std::optional<StandingChange> parse_standing_change(std::string_view text) {
  return value_of(kStandingChanges, text);
}

}  // namespace leeward
