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
#include "model/replication.h"
#include "model/standing.h"

namespace leeward::failover {

// The part of an application's config that decisions read.
struct Policy {
  ApplicationId id;
  ApplicationMode mode = ApplicationMode::kActivePassive;
  std::vector<RegionId> regions;  // in order of preference
  FailoverPolicy failover;
  bool replicated = false;      // it has tables, whose replication is measured
  int demand = 0;               // what it takes of a region's capacity
  std::vector<int> capacities;  // of the regions, in their order; 0: unlimited. None: all are

  friend bool operator==(const Policy&, const Policy&) = default;
};

[[nodiscard]] Policy policy_of(const Application& application);

enum class Phase : std::uint8_t {
  kSteady,    // the active region is healthy, or nothing can be done about it
  kSuspect,   // the active region is suspect or unhealthy, and no decision is made yet
  kDecided,   // a decision's commit is on its way to the state store
  kFencing,   // a planned move: the region being left is made to stop writing
  kDraining,  // a planned move: what was written there is arriving in the other region
  kGranting,  // a planned move: the other region is allowed to write
  kShifting,  // committed; the health board is being told
  kFrozen,    // the active region is unhealthy, but so is most of what we see: we may be blind
};

[[nodiscard]] std::string_view to_string(Phase phase);  // "steady"
[[nodiscard]] std::optional<Phase> parse_phase(std::string_view text);

// Who may write, with fencing. A region's writers wait until every other region that may still have
// writers is fenced, or the leases of its writers have run out.
struct WriteGrant {
  Assignment to;
  std::uint64_t decision = 0;           // that brought it; 0: a start or a reload
  MonoTime since;                       // no lease was renewed after this
  bool replaces_writers = false;        // others may have been writing
  bool outwaits_leases = false;         // raised fences alone are not enough
  std::vector<RegionId> unfenced;       // regions whose fence tables have not confirmed `to.epoch`
  std::optional<MonoTime> leases_over;  // from then on no lease there is valid
  std::optional<MonoTime> ask_at;       // when to ask the unfenced regions (again)
  int asks_failed = 0;
  bool opening = false;             // the region's own fence table was asked to open
  std::optional<MonoTime> open_at;  // when to ask it (again)
  int opens_failed = 0;
  bool granted = false;  // it has confirmed

  friend bool operator==(const WriteGrant&, const WriteGrant&) = default;
};

// A gradual failback: the active region answers `percent` of the queries, `from` the others.
struct Ramp {
  RegionId from;
  int percent = 0;
  std::size_t step = 0;  // of the policy's
  MonoTime next;         // when the next step is due

  friend bool operator==(const Ramp&, const Ramp&) = default;
};

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
  std::optional<WriteGrant> grant;          // nullopt: without fencing, or nothing is assigned
  int failbacks_failed = 0;                 // automatic ones that were taken back, in a row
  std::optional<MonoTime> failback_at;      // no automatic one before
  std::string roll_back;  // why a planned move is to be taken back; empty: it is not
  RegionId roll_back_to;
  std::optional<Hold> hold;
  bool locked_out = false;
  std::vector<MonoTime> recent_moves;  // automatic ones within the lockout's window, oldest first
  std::optional<Ramp> ramp;

  friend bool operator==(const ApplicationState&, const ApplicationState&) = default;
};

struct RegionDemand {
  RegionId region;
  int demand = 0;

  friend bool operator==(const RegionDemand&, const RegionDemand&) = default;
};

// What a step on one application reads of the world around it.
struct Elsewhere {
  // The health of all other applications' targets, for the guard against our own blindness.
  int targets = 0;
  int not_healthy = 0;
  std::vector<ReplicationLink> replication;  // between the application's regions, as measured now
  int applications = 0;                      // active-passive ones
  std::vector<MonoTime> automatic_moves;     // the newest of each, where there is one; ascending
  std::vector<RegionDemand> demands;         // one per assigned region, in order of names

  friend bool operator==(const Elsewhere&, const Elsewhere&) = default;
};

struct State {
  std::map<ApplicationId, ApplicationState> applications;
  std::map<ApplicationId, std::vector<ReplicationLink>> replication;  // as measured last
  std::uint64_t next_decision_id = 1;

  friend bool operator==(const State&, const State&) = default;
};

[[nodiscard]] Elsewhere elsewhere_of(const State& state, const ApplicationId& id);

// An initial assignment, and a move that is taken back, are no moves of ours.
[[nodiscard]] bool counts_as_automatic_move(MoveKind kind);

// The index of a region in the policy's order of preference.
[[nodiscard]] std::optional<std::size_t> index_of(const Policy& policy, const RegionId& region);

// The region that DNS is to answer with. During a planned move that is still the one being left.
[[nodiscard]] const RegionId& answering_region(const ApplicationState& application);

// Whose writers' leases may be renewed now; nullopt: nobody's.
[[nodiscard]] std::optional<Assignment> lease_holder(const ApplicationState& application);

// What is durable of it beside the assignment. `wall` is the time at `now`.
[[nodiscard]] Standing standing_of(const ApplicationState& application, MonoTime now,
                                   WallTime wall);

// No automatic shift before this; nullopt: none is held down.
[[nodiscard]] std::optional<MonoTime> hold_down_until(const ApplicationState& application);

}  // namespace leeward::failover
