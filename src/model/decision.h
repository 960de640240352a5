// SPDX-License-Identifier: Apache-2.0
//
// A move of an application from one region to another: who asked, what was known, which guards
// passed, and when each step happened. `leeward explain` prints one; the journal holds all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/application.h"
#include "model/health.h"
#include "model/ids.h"

namespace leeward {

enum class MoveKind : std::uint8_t {
  kInitial,     // the first assignment of a new application
  kFailover,    // unplanned: the active region is dead, or an operator says so
  kSwitchover,  // planned, both regions healthy
  kFailback,    // the way back to the most preferred region
  kRollback,    // a planned move could not be finished; the region it left goes on
};

enum class GuardOutcome : std::uint8_t {
  kPassed,
  kFailed,
  kNotEvaluated,  // it could not be measured; `detail` says why, and whether that blocks
  kOverridden,    // failed, and an operator accepted it by name
};

// A condition that must hold before a shift.
struct Guard {
  std::string name;  // "target-healthy", "hold-down", "replication-lag" ...
  GuardOutcome outcome = GuardOutcome::kFailed;
  std::string detail;  // one line for a person, with the numbers

  friend bool operator==(const Guard&, const Guard&) = default;
};

enum class DecisionOutcome : std::uint8_t {
  kPending,    // decided, not yet committed
  kPublished,  // committed and answered by DNS
  kRefused,    // a guard failed
  kFailed,     // the commit failed; nothing changed
  kPlanned,    // a dry run: what would be done
};

[[nodiscard]] std::string_view to_string(MoveKind kind);            // "failover"
[[nodiscard]] std::string_view to_string(GuardOutcome outcome);     // "not-evaluated"
[[nodiscard]] std::string_view to_string(DecisionOutcome outcome);  // "published"
[[nodiscard]] std::optional<MoveKind> parse_move_kind(std::string_view text);
[[nodiscard]] std::optional<GuardOutcome> parse_guard_outcome(std::string_view text);
[[nodiscard]] std::optional<DecisionOutcome> parse_decision_outcome(std::string_view text);

struct RegionEvidence {
  RegionId region;
  HealthStatus status;

  friend bool operator==(const RegionEvidence&, const RegionEvidence&) = default;
};

// Each nullopt until it happened; of one process's monotonic clock.
struct DecisionTimes {
  std::optional<MonoTime> first_miss;  // the first unanswered probe of the verdict that triggered
  std::optional<MonoTime> verdict;     // the quorum's verdict turned
  std::optional<MonoTime> decided;     // guards passed (or refused)
  std::optional<MonoTime> committed;   // durable in the state store
  std::optional<MonoTime> published;   // the health board changed: DNS answers with it
  std::optional<MonoTime> fenced;      // nobody can write in the region that was left
  std::optional<MonoTime> drained;     // planned moves: what was written there has arrived
  std::optional<MonoTime> granted;     // the new region may write

  friend bool operator==(const DecisionTimes&, const DecisionTimes&) = default;
};

struct Decision {
  std::uint64_t id = 0;  // from 1, increasing
  ApplicationId application;
  MoveKind kind = MoveKind::kFailover;
  bool automatic = false;
  std::string requested_by;  // a token's name, or "leeward"
  std::string reason;        // one line: "GRA11 is unhealthy: 3 of 3 probes refused"
  Assignment from;
  Assignment to;
  std::vector<RegionEvidence> evidence;  // every region of the application
  std::vector<Guard> guards;             // all that were evaluated, in order
  DecisionOutcome outcome = DecisionOutcome::kPending;
  std::string outcome_detail;
  std::vector<std::string> notes;  // one line each: what fence and drain barrier found
  DecisionTimes times;
  WallTime decided_at;

  friend bool operator==(const Decision&, const Decision&) = default;
};

// What an operator asks for.
struct MoveCommand {
  MoveKind kind = MoveKind::kFailover;  // kFailover, kSwitchover or kFailback
  ApplicationId application;
  std::optional<RegionId> to;  // required but for kFailback
  bool dry_run = false;
  std::optional<Duration> accept_data_loss;  // overrides the replication-lag guard up to this
  std::string requested_by;
  std::string reason;  // free text, at most 500 bytes

  friend bool operator==(const MoveCommand&, const MoveCommand&) = default;
};

}  // namespace leeward
