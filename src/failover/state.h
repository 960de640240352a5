// SPDX-License-Identifier: Apache-2.0
//
// What the decision engine knows, as values: it can be printed, stored, compared, and handed to
// step() again years later.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/application.h"
#include "model/decision.h"
#include "model/health.h"
#include "model/ids.h"

namespace leeward::failover {

// The part of an application's config that decisions read.
struct Policy {
  ApplicationId id;
  ApplicationMode mode = ApplicationMode::kActivePassive;
  std::vector<RegionId> regions;  // in order of preference
  FailoverPolicy failover;

  friend bool operator==(const Policy&, const Policy&) = default;
};

[[nodiscard]] Policy policy_of(const Application& application);

enum class Phase : std::uint8_t {
  kSteady,    // the active region is healthy, or nothing can be done about it
  kSuspect,   // the active region is suspect or unhealthy, and no decision is made yet
  kDecided,   // a decision's commit is on its way to the state store
  kShifting,  // committed; the health board is being told
  kFrozen,    // the active region is unhealthy, but so is most of what we see: we may be blind
};

[[nodiscard]] std::string_view to_string(Phase phase);  // "steady"
[[nodiscard]] std::optional<Phase> parse_phase(std::string_view text);

struct ApplicationState {
  Policy policy;
  Assignment assignment;               // epoch 0: none yet
  std::vector<HealthStatus> statuses;  // one per region of the policy, in its order
  Phase phase = Phase::kSteady;
  std::optional<Decision> pending;          // being committed or published
  std::uint64_t pending_request = 0;        // who waits for it; 0: nobody
  std::optional<Decision> last_decision;    // finished or refused
  std::optional<MonoTime> automatic_shift;  // when the last automatic shift was published
  std::optional<MonoTime> retry_at;         // no decision before: the store was unavailable
  int commits_failed = 0;                   // in a row
  std::string refusal;                      // the cause that was last recorded as refused

  friend bool operator==(const ApplicationState&, const ApplicationState&) = default;
};

// The health of all other applications' targets, for the guard against our own blindness.
struct Elsewhere {
  int targets = 0;
  int not_healthy = 0;

  friend bool operator==(const Elsewhere&, const Elsewhere&) = default;
};

struct State {
  std::map<ApplicationId, ApplicationState> applications;
  std::uint64_t next_decision_id = 1;

  friend bool operator==(const State&, const State&) = default;
};

[[nodiscard]] Elsewhere elsewhere_of(const State& state, const ApplicationId& id);

// The index of a region in the policy's order of preference.
[[nodiscard]] std::optional<std::size_t> index_of(const Policy& policy, const RegionId& region);

// No automatic shift before this; nullopt: none is held down.
[[nodiscard]] std::optional<MonoTime> hold_down_until(const ApplicationState& application);

}  // namespace leeward::failover
