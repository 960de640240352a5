// SPDX-License-Identifier: Apache-2.0
#include "failover/state.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/overloaded.h"
#include "failover/event.h"

namespace leeward::failover {
namespace {

constexpr std::array<std::pair<Phase, std::string_view>, 8> kPhases = {{
    {Phase::kSteady, "steady"},
    {Phase::kSuspect, "suspect"},
    {Phase::kDecided, "decided"},
    {Phase::kFencing, "fencing"},
    {Phase::kDraining, "draining"},
    {Phase::kGranting, "granting"},
    {Phase::kShifting, "shifting"},
    {Phase::kFrozen, "frozen"},
}};

void add_demand(Elsewhere& elsewhere, const RegionId& region, int demand) {
  const auto found = std::ranges::find(elsewhere.demands, region, &RegionDemand::region);
  if (found != elsewhere.demands.end()) {
    found->demand += demand;
  } else {
    elsewhere.demands.push_back({region, demand});
  }
}

// A move that is under way counts already, in both regions.
void add_active_passive(Elsewhere& elsewhere, const ApplicationState& application) {
  if (application.policy.mode != ApplicationMode::kActivePassive) {
    return;
  }
  ++elsewhere.applications;
  const auto& pending = application.pending;
  if (pending && pending->automatic && counts_as_automatic_move(pending->kind)) {
    elsewhere.automatic_moves.push_back(*pending->times.decided);
  } else if (application.automatic_shift) {
    elsewhere.automatic_moves.push_back(*application.automatic_shift);
  }
  if (application.assignment.epoch != 0 && application.policy.demand != 0) {
    add_demand(elsewhere, application.assignment.region, application.policy.demand);
  }
  if (pending && pending->to.region != application.assignment.region &&
      application.policy.demand != 0) {
    add_demand(elsewhere, pending->to.region, application.policy.demand);
  }
}

}  // namespace

bool counts_as_automatic_move(MoveKind kind) {
  return kind != MoveKind::kInitial && kind != MoveKind::kRollback;
}

Policy policy_of(const Application& application) {
  Policy policy;
  policy.id = application.id;
  policy.mode = application.mode;
  policy.failover = application.failover;
  policy.replicated = !application.tables.empty();
  policy.demand = application.demand;
  bool limited = false;
  for (const ApplicationRegion& region : application.regions) {
    policy.regions.push_back(region.region);
    policy.capacities.push_back(region.capacity.value_or(0));
    limited = limited || region.capacity.has_value();
  }
  if (!limited) {
    policy.capacities.clear();
  }
  return policy;
}

std::string_view to_string(Phase phase) {
  const auto* found = std::ranges::find(kPhases, phase, &std::pair<Phase, std::string_view>::first);
  LEEWARD_CHECK(found != kPhases.end(), "every phase has a name");
  return found->second;
}

std::optional<Phase> parse_phase(std::string_view text) {
  for (const auto& [phase, name] : kPhases) {
    if (name == text) {
      return phase;
    }
  }
  return std::nullopt;
}

Elsewhere elsewhere_of(const State& state, const ApplicationId& id) {
  Elsewhere elsewhere;
  for (const auto& [other, application] : state.applications) {
    if (other != id) {
      elsewhere.targets += static_cast<int>(application.statuses.size());
      elsewhere.not_healthy += static_cast<int>(std::ranges::count_if(
          application.statuses,
          [](const HealthStatus& status) { return status.health != Health::kHealthy; }));
      add_active_passive(elsewhere, application);
    }
  }
  std::ranges::sort(elsewhere.automatic_moves);
  std::ranges::sort(elsewhere.demands, {}, &RegionDemand::region);
  if (const auto links = state.replication.find(id); links != state.replication.end()) {
    elsewhere.replication = links->second;
  }
  return elsewhere;
}

std::optional<std::size_t> index_of(const Policy& policy, const RegionId& region) {
  const auto found = std::ranges::find(policy.regions, region);
  if (found == policy.regions.end()) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - policy.regions.begin());
}

const RegionId& answering_region(const ApplicationState& application) {
  if (!application.roll_back.empty()) {
    return application.roll_back_to;
  }
  switch (application.phase) {
    case Phase::kFencing:
    case Phase::kDraining:
    case Phase::kGranting:
      return application.pending->from.region;
    default:
      return application.assignment.region;
  }
}

std::optional<Assignment> lease_holder(const ApplicationState& application) {
  if (!application.grant || !application.grant->granted) {
    return std::nullopt;
  }
  return application.grant->to;
}

Standing standing_of(const ApplicationState& application, MonoTime now, WallTime wall) {
  Standing standing{application.hold, application.locked_out, {}};
  for (const MonoTime at : application.recent_moves) {
    standing.automatic_moves.push_back(wall - (now - at));
  }
  return standing;
}

std::optional<MonoTime> hold_down_until(const ApplicationState& application) {
  if (!application.automatic_shift || application.policy.failover.hold_down == Duration(0)) {
    return std::nullopt;
  }
  return *application.automatic_shift + application.policy.failover.hold_down;
}

const ApplicationId& application_of(const Event& event) {
  return std::visit(
      overloaded{
          [](const ApplicationDefined& e) -> const ApplicationId& { return e.policy.id; },
          [](const MoveRequested& e) -> const ApplicationId& { return e.command.application; },
          [](const StandingRequested& e) -> const ApplicationId& { return e.command.application; },
          [](const auto& e) -> const ApplicationId& { return e.application; },
      },
      event);
}

}  // namespace leeward::failover
