// SPDX-License-Identifier: Apache-2.0
#include "failover/invariants.h"

#include <algorithm>

#include <fmt/format.h>

namespace leeward::failover {
namespace {

const HealthStatus* evidence_of(const Decision& decision, const RegionId& region) {
  const auto found = std::ranges::find(decision.evidence, region, &RegionEvidence::region);
  return found == decision.evidence.end() ? nullptr : &found->status;
}

}  // namespace

std::optional<std::string> Invariants::check_state(const ApplicationState& application) {
  const ApplicationId& id = application.policy.id;
  if (application.statuses.size() != application.policy.regions.size()) {
    return fmt::format("{}: not one status per region", id);
  }
  const bool moving =
      application.phase == Phase::kDecided || application.phase == Phase::kFencing ||
      application.phase == Phase::kDraining || application.phase == Phase::kGranting ||
      application.phase == Phase::kShifting;
  if (moving != application.pending.has_value()) {
    return fmt::format("{}: phase {} {} a pending decision", id, to_string(application.phase),
                       moving ? "without" : "with");
  }
  if (application.pending_request != 0 && !application.pending) {
    return fmt::format("{}: somebody waits for a decision that does not exist", id);
  }
  return std::nullopt;
}

std::optional<std::string> Invariants::check_owner(const ApplicationId& id,
                                                   const Assignment& assignment) {
  if (assignment.epoch == 0) {
    return std::nullopt;
  }
  const auto [found, added] = owners_.try_emplace({id, assignment.epoch}, assignment.region);
  if (!added && found->second != assignment.region) {
    return fmt::format("{}: epoch {} belongs to {} and to {}", id, assignment.epoch, found->second,
                       assignment.region);
  }
  return std::nullopt;
}

std::optional<std::string> Invariants::check_commit(const CommitAssignment& commit,
                                                    const ApplicationState& application) {
  const Decision& decision = commit.decision;
  if (decision.to.epoch <= commit.expected.epoch || decision.from != commit.expected) {
    return fmt::format("decision {}: the epoch does not follow", decision.id);
  }
  if (std::ranges::any_of(decision.guards, [](const Guard& guard) {
        return guard.outcome == GuardOutcome::kFailed;
      })) {
    return fmt::format("decision {}: committed against a guard", decision.id);
  }
  // A region that left the config cannot be stayed in.
  if (decision.automatic && counts_as_automatic_move(decision.kind) &&
      index_of(application.policy, decision.from.region)) {
    if (application.hold) {
      return fmt::format("decision {}: automatic, against a hold", decision.id);
    }
    if (application.locked_out) {
      return fmt::format("decision {}: automatic, and the application is locked out", decision.id);
    }
    const auto until = hold_down_until(application);
    if (until && *decision.times.decided < *until) {
      return fmt::format("decision {}: automatic, within the hold-down", decision.id);
    }
  }
  const HealthStatus* from = evidence_of(decision, decision.from.region);
  const HealthStatus* to = evidence_of(decision, decision.to.region);
  if (decision.kind == MoveKind::kInitial || decision.kind == MoveKind::kRollback ||
      from == nullptr) {
    return std::nullopt;  // nothing was active, or goes on where it was
  }
  if (to == nullptr || to->health != Health::kHealthy) {
    return fmt::format("decision {}: the target is not healthy", decision.id);
  }
  if (decision.automatic && decision.kind == MoveKind::kFailover) {
    const auto votes = std::ranges::count(from->votes, Health::kUnhealthy, &Vote::health);
    if (from->health != Health::kUnhealthy || votes < application.policy.failover.quorum_required) {
      return fmt::format("decision {}: automatic, without a quorum's evidence", decision.id);
    }
  }
  return std::nullopt;
}

std::optional<std::string> Invariants::check(const State& before, const State& after,
                                             const std::vector<Effect>& effects) {
  if (after.next_decision_id < before.next_decision_id) {
    return "decision ids went back";
  }
  for (const auto& [id, application] : after.applications) {
    if (auto wrong = check_state(application)) {
      return wrong;
    }
    if (auto wrong = check_owner(id, application.assignment)) {
      return wrong;
    }
    const auto old = before.applications.find(id);
    if (old != before.applications.end() &&
        application.assignment.epoch < old->second.assignment.epoch) {
      return fmt::format("{}: the epoch went back from {} to {}", id, old->second.assignment.epoch,
                         application.assignment.epoch);
    }
  }
  for (const Effect& effect : effects) {
    const auto* commit = std::get_if<CommitAssignment>(&effect);
    if (commit == nullptr) {
      continue;
    }
    const auto found = after.applications.find(commit->decision.application);
    if (found == after.applications.end()) {
      return "a commit for an application that is not there";
    }
    if (auto wrong = check_commit(*commit, found->second)) {
      return wrong;
    }
  }
  return std::nullopt;
}

}  // namespace leeward::failover
