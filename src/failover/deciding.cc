// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "failover/step_impl.h"

namespace leeward::failover {
namespace {

// How often a frozen application looks whether the world is back.
constexpr Duration kBlindRecheck = std::chrono::seconds(1);

// An automatic failback stops the writers for a while: after one that had to be taken back the next
// waits twice as long each time.
Duration failback_delay(int failed) {
  return std::min<Duration>(std::chrono::seconds(30) * (1 << std::clamp(failed - 1, 0, 7)),
                            std::chrono::hours(1));
}

std::optional<MonoTime> first_miss(const HealthStatus& status) {
  std::optional<MonoTime> first;
  for (const Vote& vote : status.votes) {
    if (vote.health != Health::kUnhealthy) {
      continue;
    }
    for (const Observation& observation : vote.evidence.observations) {
      if (observation.outcome != ProbeOutcome::kSuccess &&
          (!first || observation.started < *first)) {
        first = observation.started;
      }
    }
  }
  return first;
}

std::string reason_of(const HealthStatus& status) {
  for (const Vote& vote : status.votes) {
    if (vote.health == Health::kUnhealthy && !vote.evidence.reason.empty()) {
      return vote.evidence.reason;
    }
  }
  return "no reason given";
}

}  // namespace

void Step::consider() {
  if (app_.policy.mode == ApplicationMode::kActiveActive || app_.pending) {
    return;
  }
  if (app_.retry_at && now_ < *app_.retry_at) {
    wake_at(*app_.retry_at);
    return;
  }
  app_.retry_at.reset();
  if (!app_.roll_back.empty()) {
    commit_roll_back();
    return;
  }
  if (app_.assignment.epoch == 0) {
    decide_at_once(MoveKind::kInitial, best_target(app_, elsewhere_).value_or(0),
                   "the first assignment");
    return;
  }
  const auto active = index_of(app_.policy, app_.assignment.region);
  if (!active) {
    decide_at_once(MoveKind::kFailover, best_target(app_, elsewhere_).value_or(0),
                   fmt::format("{} is no longer in the config", app_.assignment.region));
    return;
  }
  const HealthStatus& status = app_.statuses[*active];
  if (status.health == Health::kUnhealthy) {
    app_.phase = Phase::kSuspect;
    consider_failover(status);
    return;
  }
  app_.phase = status.suspect ? Phase::kSuspect : Phase::kSteady;
  app_.refusal.clear();
  tend_ramp();
  if (*active != 0 && app_.policy.failover.failback == Failback::kAutomatic &&
      app_.statuses[0].health == Health::kHealthy) {
    consider_failback();
  }
}

void Step::consider_failover(const HealthStatus& active) {
  const Proposal proposal{MoveKind::kFailover, true, best_target(app_, elsewhere_), std::nullopt};
  const Findings findings = evaluate(app_, elsewhere_, proposal, now_);
  if (findings.failed("confirm-window")) {
    wake_at(*findings.wait_until);
    return;
  }
  Decision decision = make_decision(proposal, findings);
  decision.reason = fmt::format("{} is unhealthy: {}", app_.assignment.region,
                                active.votes.empty() ? "no votes" : reason_of(active));
  settle(std::move(decision), findings);
  if (findings.failed("not-blind")) {
    app_.phase = Phase::kFrozen;
    // It clears when other applications' regions recover, which is no event of this one.
    wake_at(now_ + kBlindRecheck);
  }
}

void Step::consider_failback() {
  const Proposal proposal{MoveKind::kFailback, true, 0, std::nullopt};
  const Findings findings = evaluate(app_, elsewhere_, proposal, now_);
  if (findings.wait_until || (app_.failback_at && now_ < *app_.failback_at)) {
    wake_at(std::max(findings.wait_until.value_or(now_), app_.failback_at.value_or(now_)));
    return;
  }
  Decision decision = make_decision(proposal, findings);
  decision.reason =
      fmt::format("{}, the preferred region, is healthy again", app_.policy.regions[0]);
  settle(std::move(decision), findings);
}

void Step::decide_at_once(MoveKind kind, std::size_t to, std::string reason, Epoch above) {
  const Proposal proposal{kind, true, to, std::nullopt};
  Findings findings;
  findings.guards.push_back({"at-least-one-region-on", GuardOutcome::kPassed,
                             fmt::format("{} goes on", app_.policy.regions[to])});
  Decision decision = make_decision(proposal, findings);
  decision.to.epoch = std::max(decision.to.epoch, above + 1);
  decision.reason = std::move(reason);
  commit(std::move(decision));
}

// A planned move that cannot be finished: the region it left goes on under a new epoch.
void Step::roll_back(std::string why) {
  app_.roll_back = std::move(why);
  app_.roll_back_to = app_.pending->from.region;
  if (app_.pending->automatic) {
    ++app_.failbacks_failed;
    app_.failback_at = now_ + failback_delay(app_.failbacks_failed);
  }
  app_.phase = Phase::kSteady;
  finish(DecisionOutcome::kFailed, app_.roll_back,
         Error{ErrorCode::kFailedPrecondition,
               fmt::format("{}; {} goes on", app_.roll_back, app_.roll_back_to)});
  consider();
}

void Step::commit_roll_back() {
  const auto to = index_of(app_.policy, app_.roll_back_to);
  if (!to) {  // a reload dropped it meanwhile: the move goes through after all
    app_.roll_back.clear();
    publish_current();
    return;
  }
  decide_at_once(MoveKind::kRollback, *to, app_.roll_back);
}

void Step::settle(Decision decision, const Findings& findings) {
  if (findings.all_passed()) {
    commit(std::move(decision));
    return;
  }
  if (findings.wait_until) {
    wake_at(*findings.wait_until);
  }
  // Once per cause, or the journal would fill while a region stays dead.
  std::string cause = std::string(to_string(decision.kind));
  for (const Guard& each : decision.guards) {
    if (each.outcome == GuardOutcome::kFailed) {
      cause += " " + each.name;
    }
  }
  if (cause != app_.refusal) {
    app_.refusal = std::move(cause);
    refuse(decision);
  }
}

Decision Step::make_decision(const Proposal& proposal, const Findings& findings) const {
  Decision decision;
  decision.id = next_decision_id_;
  decision.application = app_.policy.id;
  decision.kind = proposal.kind;
  decision.automatic = proposal.automatic;
  decision.requested_by = "leeward";
  decision.from = app_.assignment;
  decision.to = proposal.to
                    ? Assignment{app_.policy.regions[*proposal.to], app_.assignment.epoch + 1}
                    : app_.assignment;
  for (std::size_t i = 0; i < app_.policy.regions.size(); ++i) {
    decision.evidence.push_back({app_.policy.regions[i], app_.statuses[i]});
  }
  decision.guards = findings.guards;
  decision.times.decided = now_;
  decision.decided_at = wall_;
  const auto active = index_of(app_.policy, app_.assignment.region);
  if (active && app_.statuses[*active].health == Health::kUnhealthy) {
    decision.times.verdict = app_.statuses[*active].since;
    decision.times.first_miss = first_miss(app_.statuses[*active]);
  }
  return decision;
}

Result<Proposal> Step::proposal_of(const MoveCommand& command) const {
  const std::string& id = app_.policy.id.str();
  if (app_.policy.mode == ApplicationMode::kActiveActive) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is active-active: every healthy region answers, there is nothing "
                            "to move",
                            id));
  }
  if (command.kind == MoveKind::kInitial || command.kind == MoveKind::kRollback) {
    return fail(ErrorCode::kInvalidArgument, "ask for failover, switchover or failback");
  }
  if (command.kind != MoveKind::kFailback && !command.to) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("say which region to move {} to: {}", id, region_names()));
  }
  const RegionId to = command.to.value_or(app_.policy.regions[0]);
  const auto index = index_of(app_.policy, to);
  if (!index) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{} has no region {}; it has {}", id, to, region_names()));
  }
  if (command.kind == MoveKind::kFailback && *index != 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("failback goes to the most preferred region, {}; use switchover for {}",
                            app_.policy.regions[0], to));
  }
  if (app_.assignment.region == to) {
    return fail(ErrorCode::kFailedPrecondition, fmt::format("{} is active in {} already (epoch {})",
                                                            id, to, app_.assignment.epoch));
  }
  return Proposal{command.kind, false, index, command.accept_data_loss};
}

std::string Step::region_names() const {
  std::string names;
  for (const RegionId& region : app_.policy.regions) {
    names += (names.empty() ? "" : ", ") + region.str();
  }
  return names;
}

void Step::commit(Decision decision) {
  decision.id = next_decision_id_++;
  decision.outcome = DecisionOutcome::kPending;
  app_.phase = Phase::kDecided;
  app_.pending = decision;
  effects_.emplace_back(CommitAssignment{std::move(decision), app_.assignment});
}

void Step::refuse(Decision& decision) {
  decision.id = next_decision_id_++;
  decision.outcome = DecisionOutcome::kRefused;
  for (const Guard& each : decision.guards) {
    if (each.outcome == GuardOutcome::kFailed) {
      decision.outcome_detail = fmt::format("{}: {}", each.name, each.detail);
      break;
    }
  }
  app_.last_decision = decision;
  effects_.emplace_back(RecordDecision{decision});
}

void Step::finish(DecisionOutcome outcome, std::string detail, std::optional<Error> error) {
  Decision decision = std::move(*app_.pending);
  app_.pending.reset();
  decision.outcome = outcome;
  decision.outcome_detail = std::move(detail);
  app_.last_decision = decision;
  effects_.emplace_back(RecordDecision{decision});
  if (app_.pending_request != 0) {
    const std::uint64_t request = std::exchange(app_.pending_request, 0);
    if (error) {
      reply(request, std::move(*error));
    } else {
      reply(request, std::move(decision));
    }
  }
}

void Step::abandon_pending(const char* why) {
  if (app_.pending) {
    app_.phase = Phase::kSteady;
    finish(DecisionOutcome::kFailed, why, Error{ErrorCode::kAborted, why});
  }
}

}  // namespace leeward::failover
