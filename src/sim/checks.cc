// SPDX-License-Identifier: Apache-2.0
#include "sim/checks.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

namespace leeward::sim {

Checks::Checks(Ground& ground) : ground_(ground) {
  for (const failover::Policy& policy : ground.scenario.applications) {
    PerApplication application;
    application.permits.resize(policy.regions.size());
    applications_.push_back(std::move(application));
  }
}

const failover::Policy& Checks::policy(std::size_t application) const {
  return ground_.scenario.applications[application];
}

// ---- writes ----

void Checks::wrote(std::size_t application, std::size_t region, Epoch epoch, bool at_risk) {
  ++writes_;
  if (at_risk) {
    ++writes_at_risk_;
    return;
  }
  PerApplication& of = applications_[application];
  if (epoch < of.newest_write) {
    ground_.broken("I1", fmt::format("{}: {} took a write of epoch {} after one of epoch {}",
                                     policy(application).id, policy(application).regions[region],
                                     epoch, of.newest_write));
  }
  of.newest_write = std::max(of.newest_write, epoch);
}

void Checks::permitted(std::size_t application, std::size_t region, Epoch epoch, MonoTime until) {
  Permit& permit = applications_[application].permits[region];
  permit.epoch = epoch;
  permit.until = until;
  check_permits(application, "I2");
}

void Checks::fenced(std::size_t application, std::size_t region, Epoch epoch, bool open) {
  Permit& permit = applications_[application].permits[region];
  if (epoch < permit.fence) {
    ground_.broken("I3", fmt::format("{}: the fence in {} went back from epoch {} to {}",
                                     policy(application).id, policy(application).regions[region],
                                     permit.fence, epoch));
  }
  permit.fence = epoch;
  permit.open = open;
  check_permits(application, "I5");
}

// No two regions may write at one instant.
void Checks::check_permits(std::size_t application, const char* invariant) {
  const bool by_store = policy(application).failover.fencing.mode == FencingMode::kTransaction;
  const Permit* first = nullptr;
  for (const Permit& permit : applications_[application].permits) {
    const bool may_write = permit.until > ground_.now() &&
                           (!by_store || (permit.open && permit.fence == permit.epoch));
    if (!may_write) {
      continue;
    }
    if (first != nullptr) {
      ground_.broken(invariant,
                     fmt::format("{}: writers of epochs {} and {} may write at one instant",
                                 policy(application).id, first->epoch, permit.epoch));
      return;
    }
    first = &permit;
  }
}

// ---- decisions ----

void Checks::stepped(const failover::State& before, const failover::State& after,
                     const std::vector<failover::Effect>& effects) {
  if (const auto wrong = engine_.check(before, after, effects)) {
    ground_.broken("engine", *wrong);
  }
}

void Checks::committed(std::size_t application, const Decision& decision, MonoTime now) {
  PerApplication& of = applications_[application];
  const failover::Policy& rules = policy(application);
  const auto region = failover::index_of(rules, decision.to.region);
  if (!region) {
    ground_.broken(
        "I8", fmt::format("{}: moved to {}, which it does not have", rules.id, decision.to.region));
    return;
  }
  const auto [owner, added] = of.owners.try_emplace(decision.to.epoch, *region);
  if (decision.to.epoch <= of.committed || (!added && owner->second != *region)) {
    ground_.broken("I3", fmt::format("{}: epoch {} follows epoch {}", rules.id, decision.to.epoch,
                                     of.committed));
  }
  of.committed = std::max(of.committed, decision.to.epoch);
  if (decision.kind == MoveKind::kRollback) {
    if (decision.to.region == decision.from.region) {
      ground_.broken("I13", fmt::format("{}: a planned move to {} was taken back to {}", rules.id,
                                        decision.from.region, decision.to.region));
    }
    of.automatic_move = of.automatic_move_before;  // users never went
  }
  if (!decision.automatic || !failover::counts_as_automatic_move(decision.kind)) {
    return;
  }
  const MonoTime decided = ground_.now() - (now - decision.times.decided.value_or(now));
  if (of.held_since && *of.held_since < decided) {
    ground_.broken("I19", fmt::format("{}: moved by itself against a hold", rules.id));
  }
  if (decision.kind == MoveKind::kFailover) {
    std::set<NodeId> votes;
    for (const RegionEvidence& evidence : decision.evidence) {
      for (const Vote& vote : evidence.status.votes) {
        if (evidence.region == decision.from.region && vote.health == Health::kUnhealthy &&
            now - vote.at <= ground_.scenario.vote_ttl + std::chrono::seconds(2)) {
          votes.insert(vote.vantage);
        }
      }
    }
    const int required = (ground_.scenario.nodes / 2) + 1;
    if (static_cast<int>(votes.size()) < std::min(required, rules.failover.quorum_required)) {
      ground_.broken("I4", fmt::format("{}: left {} on the word of {}", rules.id,
                                       decision.from.region, votes.size()));
    }
  }
  // A thousandth for clocks that drift, and the time that the decision was on its way.
  const Duration apart =
      rules.failover.hold_down - rules.failover.hold_down / 500 - std::chrono::milliseconds(1500);
  if (of.automatic_move && ground_.now() - *of.automatic_move < apart && !clocks_jumped_) {
    ground_.broken("I10",
                   fmt::format("{}: two automatic moves within {:.0f} ms, the hold-down is {}",
                               rules.id, to_milliseconds(ground_.now() - *of.automatic_move),
                               format_duration(rules.failover.hold_down)));
  }
  of.automatic_move_before = of.automatic_move;
  of.automatic_move = ground_.now();
  check_velocity(application);
}

void Checks::left_a_living_region(std::size_t application, const Decision& decision,
                                  int seen_alive) {
  const failover::Policy& rules = policy(application);
  if (seen_alive > ground_.scenario.nodes - rules.failover.quorum_required) {
    ground_.broken("I18", fmt::format("{}: left {}, which {} honest nodes saw alive", rules.id,
                                      decision.from.region, seen_alive));
  }
}

void Checks::promoted_onto(std::size_t application, const Decision& decision,
                           Duration true_staleness) {
  const failover::Policy& rules = policy(application);
  const auto& limit = rules.failover.max_replication_lag;
  const bool passed = std::ranges::any_of(decision.guards, [](const Guard& guard) {
    return guard.name == "replication-lag" && guard.outcome == GuardOutcome::kPassed;
  });
  if (limit && rules.replicated && passed &&
      true_staleness > *limit + *limit / 500 + std::chrono::milliseconds(1500)) {
    ground_.broken(
        "I12", fmt::format("{}: moved onto data that is {:.0f} ms old, the limit is {}", rules.id,
                           to_milliseconds(true_staleness), format_duration(*limit)));
  }
}

// A person moved it so that nothing is lost.
void Checks::moved_as_planned(std::size_t application, const Decision& decision, Duration behind) {
  if (policy(application).replicated && behind > std::chrono::seconds(3)) {
    ground_.broken("I13", fmt::format("{}: a planned {} to {}, which lacks the last {:.0f} ms",
                                      policy(application).id, to_string(decision.kind),
                                      decision.to.region, to_milliseconds(behind)));
  }
}

void Checks::check_velocity(std::size_t application) {
  const VelocityLimit& limit = policy(application).failover.velocity;
  std::size_t all = 0;
  std::size_t moved = 0;
  for (std::size_t i = 0; i < applications_.size(); ++i) {
    if (policy(i).mode != ApplicationMode::kActivePassive) {
      continue;
    }
    if (policy(i).failover.velocity != limit) {
      return;  // others may move as they like: no number holds for all
    }
    ++all;
    const auto& at = applications_[i].automatic_move;
    moved += at && ground_.now() - *at < limit.within - limit.within / 20 ? 1 : 0;
  }
  const std::size_t allowed =
      std::max<std::size_t>(1, all * static_cast<std::size_t>(limit.percent) / 100);
  if (limit.percent < 100 && moved > allowed && !clocks_jumped_) {
    ground_.broken("I11", fmt::format("{}: the move makes {} of {} applications within {}, {} may",
                                      policy(application).id, moved, all,
                                      format_duration(limit.within), allowed));
  }
}

void Checks::held(std::size_t application, bool held) {
  applications_[application].held_since = held ? std::optional(ground_.now()) : std::nullopt;
}

void Checks::store_restored() {
  for (PerApplication& application : applications_) {
    application.owners.clear();
    application.committed = 0;
    application.automatic_move.reset();
    application.held_since.reset();
  }
  served_.clear();
  engine_ = {};
}

// ---- answers ----

void Checks::answered(std::size_t server, std::size_t application, const PlanVersion& version,
                      const std::vector<std::size_t>& regions) {
  const failover::Policy& rules = policy(application);
  if (regions.empty()) {
    ground_.broken("I8", fmt::format("{}: an empty answer", rules.id));
  }
  for (const std::size_t region : regions) {
    if (region >= rules.regions.size()) {
      ground_.broken("I8", fmt::format("{}: an answer that no region gave", rules.id));
    }
  }
  PlanVersion& last = served_[{server, application}];
  if (version < last) {
    ground_.broken("I8", fmt::format("{}: server {} went back to an older plan (epoch {} after {})",
                                     rules.id, server + 1, version.epoch, last.epoch));
  }
  last = version;
}

void Checks::forget_server(std::size_t server) {
  std::erase_if(served_, [&](const auto& entry) { return entry.first.first == server; });
}

}  // namespace leeward::sim
