// SPDX-License-Identifier: Apache-2.0
#include "failover/guards.h"

#include <algorithm>

#include <fmt/format.h>

namespace leeward::failover {
namespace {

// Below this many targets "most of them are down" says nothing about us.
constexpr int kTargetsForBlindness = 3;

const HealthStatus* status_of(const ApplicationState& application, const RegionId& region) {
  const auto index = index_of(application.policy, region);
  return index ? &application.statuses[*index] : nullptr;
}

Guard guard(const char* name, bool passed, std::string detail) {
  return {name, passed ? GuardOutcome::kPassed : GuardOutcome::kFailed, std::move(detail)};
}

Guard automatic_enabled(const ApplicationState& application, const Proposal& proposal) {
  if (proposal.kind == MoveKind::kFailback) {
    const bool enabled = application.policy.failover.failback == Failback::kAutomatic;
    return guard("automatic-enabled", enabled,
                 enabled ? "failback: automatic" : "failback: manual; an operator decides");
  }
  const bool enabled = application.policy.failover.automatic;
  return guard(
      "automatic-enabled", enabled,
      enabled ? "failover.automatic: true" : "failover.automatic: false; an operator decides");
}

Guard quorum(const ApplicationState& application, const HealthStatus& active) {
  const int required = application.policy.failover.quorum_required;
  const auto votes = std::ranges::count(active.votes, Health::kUnhealthy, &Vote::health);
  return guard("quorum", votes >= required,
               fmt::format("{} of {} votes say that {} is unhealthy; {} required", votes,
                           active.votes.size(), application.assignment.region, required));
}

Guard confirm_window(const ApplicationState& application, const HealthStatus& active, MonoTime now,
                     Findings& findings) {
  const Duration window = application.policy.failover.confirm_window;
  const Duration held = now - active.since;
  if (held < window) {
    findings.wait_until = active.since + window;
  }
  return guard(
      "confirm-window", held >= window,
      fmt::format("unhealthy for {:.0f} ms of {}", to_milliseconds(held), format_duration(window)));
}

Guard preferred_stable(const ApplicationState& application, const HealthStatus& preferred,
                       MonoTime now, Findings& findings) {
  const Duration needed = application.policy.failover.failback_after;
  const Duration held = now - preferred.since;
  if (held < needed) {
    findings.wait_until = preferred.since + needed;
  }
  return guard(
      "preferred-stable", held >= needed,
      fmt::format("healthy for {:.0f} ms of {}", to_milliseconds(held), format_duration(needed)));
}

Guard active_healthy(const ApplicationState& application) {
  const HealthStatus* active = status_of(application, application.assignment.region);
  const bool healthy = active != nullptr && active->health == Health::kHealthy;
  return guard(
      "active-healthy", healthy,
      fmt::format("{} is {}{}", application.assignment.region,
                  active == nullptr ? "not in the config" : to_string(active->health),
                  healthy ? "" : "; a planned move needs both sides healthy, use failover"));
}

Guard target_healthy(const ApplicationState& application, const Proposal& proposal) {
  if (!proposal.to) {
    std::string detail = "no other region is healthy:";
    for (std::size_t i = 0; i < application.policy.regions.size(); ++i) {
      detail += fmt::format(" {} {}", application.policy.regions[i],
                            to_string(application.statuses[i].health));
    }
    return guard("target-healthy", false, detail + "; nothing changes");
  }
  const HealthStatus& target = application.statuses[*proposal.to];
  return guard("target-healthy", target.health == Health::kHealthy,
               fmt::format("{} is {}{}", application.policy.regions[*proposal.to],
                           to_string(target.health), target.suspect ? " and suspect" : ""));
}

Guard hold_down(const ApplicationState& application, MonoTime now, Findings& findings) {
  const auto until = hold_down_until(application);
  const std::string period = format_duration(application.policy.failover.hold_down);
  if (until && now < *until) {
    findings.wait_until = std::max(findings.wait_until.value_or(*until), *until);
    return guard("hold-down", false,
                 fmt::format("the last automatic shift was {:.0f} ms ago; hold_down is {}",
                             to_milliseconds(now - *application.automatic_shift), period));
  }
  return guard("hold-down", true, fmt::format("no automatic shift within {}", period));
}

Guard not_held(const Hold& hold) {
  return guard("not-held", false,
               fmt::format("held by {} since {}{}{}", hold.requested_by, format_rfc3339(hold.since),
                           hold.reason.empty() ? "" : ": ", hold.reason));
}

Guard not_locked_out(const ApplicationState& application) {
  const LockoutPolicy& policy = application.policy.failover.lockout;
  return guard("not-locked-out", !application.locked_out,
               application.locked_out
                   ? fmt::format("it moved by itself {} times within {}; an operator acknowledges",
                                 application.recent_moves.size(), format_duration(policy.within))
                   : fmt::format("{} automatic moves lately; {} within {} lock it out",
                                 application.recent_moves.size(), policy.moves,
                                 format_duration(policy.within)));
}

// Rounded down: a limit of 25 % lets one of seven applications move, and one of three.
Guard velocity(const ApplicationState& application, const Elsewhere& elsewhere, MonoTime now,
               Findings& findings) {
  const VelocityLimit& limit = application.policy.failover.velocity;
  const int all = elsewhere.applications + 1;
  const auto allowed = static_cast<std::size_t>(std::max(1, all * limit.percent / 100));
  const auto first = std::ranges::upper_bound(elsewhere.automatic_moves, now - limit.within);
  const auto moved = static_cast<std::size_t>(elsewhere.automatic_moves.end() - first);
  if (moved >= allowed) {
    const MonoTime until = *(first + static_cast<std::ptrdiff_t>(moved - allowed)) + limit.within;
    findings.wait_until = std::max(findings.wait_until.value_or(until), until);
  }
  return guard("velocity", moved < allowed,
               fmt::format("{} of {} other applications moved by themselves within {}; {} may",
                           moved, all - 1, format_duration(limit.within), allowed));
}

int free_capacity(const ApplicationState& application, const Elsewhere& elsewhere,
                  std::size_t region) {
  const auto taken = std::ranges::find(elsewhere.demands, application.policy.regions[region],
                                       &RegionDemand::region);
  return application.policy.capacities[region] -
         (taken == elsewhere.demands.end() ? 0 : taken->demand);
}

bool is_limited(const Policy& policy, std::size_t region) {
  return !policy.capacities.empty() && policy.capacities[region] != 0;
}

bool has_room(const ApplicationState& application, const Elsewhere& elsewhere, std::size_t region) {
  return !is_limited(application.policy, region) ||
         free_capacity(application, elsewhere, region) >= application.policy.demand;
}

// Room comes when another application leaves, which is no event of this one.
constexpr Duration kCapacityRecheck = std::chrono::seconds(1);

Guard capacity(const ApplicationState& application, const Elsewhere& elsewhere,
               const Proposal& proposal, MonoTime now, Findings& findings) {
  const int free = free_capacity(application, elsewhere, *proposal.to);
  Guard result = guard(
      "capacity", has_room(application, elsewhere, *proposal.to),
      fmt::format("{} has {} of {} left, {} is needed", application.policy.regions[*proposal.to],
                  free, application.policy.capacities[*proposal.to], application.policy.demand));
  if (result.outcome == GuardOutcome::kFailed && !proposal.automatic) {
    result.outcome = GuardOutcome::kOverridden;
    result.detail += "; an operator decides";
  } else if (result.outcome == GuardOutcome::kFailed) {
    const MonoTime again = now + kCapacityRecheck;
    findings.wait_until = std::max(findings.wait_until.value_or(again), again);
  }
  return result;
}

Guard not_blind(const ApplicationState& application, const Elsewhere& elsewhere, bool automatic) {
  const auto here = std::ranges::count_if(application.statuses, [](const HealthStatus& status) {
    return status.health != Health::kHealthy;
  });
  const int targets = elsewhere.targets + static_cast<int>(application.statuses.size());
  const int down = elsewhere.not_healthy + static_cast<int>(here);
  const bool blind = targets >= kTargetsForBlindness && 2 * down > targets;
  Guard result =
      guard("not-blind", !blind, fmt::format("{} of {} targets are not healthy", down, targets));
  if (blind) {
    result.detail += "; more than half: rather we are blind than all of them dead";
    if (!automatic) {
      result.outcome = GuardOutcome::kOverridden;
      result.detail += "; an operator decides";
    }
  }
  return result;
}

// How often a shift that only waits for fresh data looks again.
constexpr Duration kLagRecheck = std::chrono::milliseconds(500);

const ReplicationLink* link_of(const Elsewhere& elsewhere, const RegionId& from,
                               const RegionId& to) {
  const auto found = std::ranges::find_if(elsewhere.replication, [&](const ReplicationLink& link) {
    return link.from == from && link.to == to;
  });
  return found == elsewhere.replication.end() ? nullptr : &*found;
}

// The failed guard, unless the operator accepted this much loss by name.
Guard stale(Guard result, const Proposal& proposal, const std::optional<Duration>& staleness,
            MonoTime now, Findings& findings) {
  const auto& accepted = proposal.accept_data_loss;
  if (accepted && (!staleness || *staleness <= *accepted)) {
    result.outcome = GuardOutcome::kOverridden;
    result.detail +=
        fmt::format("; the operator accepts the loss of {}", format_duration(*accepted));
    return result;
  }
  result.outcome = GuardOutcome::kFailed;
  if (accepted) {
    result.detail += fmt::format("; the accepted loss of {} is less", format_duration(*accepted));
  } else if (!proposal.automatic) {
    result.detail += "; say --accept-data-loss DURATION to move in spite of it";
  }
  findings.wait_until =
      std::max(findings.wait_until.value_or(now + kLagRecheck), now + kLagRecheck);
  return result;
}

// Nothing measured counts as stalled: the age of the newest write that is known to have arrived
// grows until something says otherwise.
Guard replication_lag(const ApplicationState& application, const Elsewhere& elsewhere,
                      const Proposal& proposal, MonoTime now, Findings& findings) {
  const auto& limit = application.policy.failover.max_replication_lag;
  Guard result{"replication-lag", GuardOutcome::kNotEvaluated, ""};
  if (!limit || !application.policy.replicated) {
    result.detail = limit ? "the application has no tables" : "no max_replication_lag is set";
    return result;
  }
  if (!proposal.to) {
    result.detail = "there is no region to go to";
    return result;
  }
  const RegionId& from = application.assignment.region;
  const RegionId& to = application.policy.regions[*proposal.to];
  const ReplicationLink* link = link_of(elsewhere, from, to);
  if (link == nullptr || !link->newest_visible) {
    result.detail = fmt::format("replication from {} to {} was never measured{}{}", from, to,
                                link != nullptr && !link->detail.empty() ? ": " : "",
                                link != nullptr ? link->detail : "");
    return stale(std::move(result), proposal, std::nullopt, now, findings);
  }
  const Duration staleness = std::max(Duration(0), now - *link->newest_visible);
  result.detail = fmt::format(
      "{} has what was written in {} until {:.0f} ms ago, the limit is {}; lag p50 {:.1f} ms, p99 "
      "{:.1f} ms",
      to, from, to_milliseconds(staleness), format_duration(*limit), to_milliseconds(link->p50),
      to_milliseconds(link->p99));
  if (staleness <= *limit) {
    result.outcome = GuardOutcome::kPassed;
    return result;
  }
  return stale(std::move(result), proposal, staleness, now, findings);
}

Guard one_region_on(const ApplicationState& application, const Proposal& proposal) {
  return guard("at-least-one-region-on", proposal.to.has_value(),
               proposal.to ? fmt::format("{} goes on as {} goes off",
                                         application.policy.regions[*proposal.to],
                                         application.assignment.region)
                           : "nothing would be left on");
}

Guard one_region_active(const ApplicationState& application) {
  return guard("at-most-one-active", !application.pending.has_value(),
               application.pending
                   ? fmt::format("decision {} is still on its way", application.pending->id)
                   : fmt::format("epoch {} replaces epoch {}", application.assignment.epoch + 1,
                                 application.assignment.epoch));
}

}  // namespace

bool Findings::all_passed() const {
  return std::ranges::none_of(
      guards, [](const Guard& each) { return each.outcome == GuardOutcome::kFailed; });
}

bool Findings::failed(std::string_view name) const {
  return std::ranges::any_of(guards, [&](const Guard& each) {
    return each.name == name && each.outcome == GuardOutcome::kFailed;
  });
}

Findings evaluate(const ApplicationState& application, const Elsewhere& elsewhere,
                  const Proposal& proposal, MonoTime now) {
  Findings findings;
  auto& guards = findings.guards;
  if (proposal.automatic) {
    guards.push_back(automatic_enabled(application, proposal));
    if (application.hold) {
      guards.push_back(not_held(*application.hold));
    }
    if (application.locked_out || !application.recent_moves.empty()) {
      guards.push_back(not_locked_out(application));
    }
  }
  const HealthStatus* active = status_of(application, application.assignment.region);
  if (proposal.automatic && proposal.kind == MoveKind::kFailover && active != nullptr) {
    guards.push_back(quorum(application, *active));
    guards.push_back(confirm_window(application, *active, now, findings));
  }
  if (proposal.automatic && proposal.kind == MoveKind::kFailback) {
    guards.push_back(preferred_stable(application, application.statuses[0], now, findings));
  }
  if (proposal.kind == MoveKind::kSwitchover) {
    guards.push_back(active_healthy(application));
  }
  guards.push_back(target_healthy(application, proposal));
  guards.push_back(not_blind(application, elsewhere, proposal.automatic));
  if (proposal.automatic && active != nullptr) {
    guards.push_back(hold_down(application, now, findings));
    if (application.policy.failover.velocity.percent < 100) {
      guards.push_back(velocity(application, elsewhere, now, findings));
    }
  }
  if (proposal.to && is_limited(application.policy, *proposal.to)) {
    guards.push_back(capacity(application, elsewhere, proposal, now, findings));
  }
  guards.push_back(replication_lag(application, elsewhere, proposal, now, findings));
  guards.push_back(one_region_on(application, proposal));
  guards.push_back(one_region_active(application));
  return findings;
}

std::optional<std::size_t> best_target(const ApplicationState& application,
                                       const Elsewhere& elsewhere) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < application.policy.regions.size(); ++i) {
    if (application.policy.regions[i] == application.assignment.region ||
        application.statuses[i].health != Health::kHealthy) {
      continue;
    }
    if (has_room(application, elsewhere, i)) {
      return i;
    }
    best = best.value_or(i);
  }
  return best;
}

}  // namespace leeward::failover
