// SPDX-License-Identifier: Apache-2.0
#include "failover/step.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/overloaded.h"
#include "failover/guards.h"

namespace leeward::failover {
namespace {

// After a commit that the store could not take: 100 ms, doubling, at most 5 s.
Duration retry_delay(int commits_failed) {
  const int doublings = std::min(commits_failed - 1, 6);
  return std::min<Duration>(std::chrono::milliseconds(100) * (1 << std::max(0, doublings)),
                            std::chrono::seconds(5));
}

// How often a frozen application looks whether the world is back.
constexpr Duration kBlindRecheck = std::chrono::seconds(1);

// One event's work on one application.
class Step {
 public:
  Step(ApplicationState& application, std::uint64_t& next_decision_id, const Elsewhere& elsewhere,
       MonoTime now, WallTime wall)
      : app_(application),
        next_decision_id_(next_decision_id),
        elsewhere_(elsewhere),
        now_(now),
        wall_(wall) {}

  std::vector<Effect> take() { return std::move(effects_); }

  // ---- events ----

  void on(const ApplicationDefined& event) {
    // An epoch never goes back, not even on the word of a stale read.
    if (event.stored && event.stored->assignment.epoch >= app_.assignment.epoch) {
      app_.assignment = event.stored->assignment;
      if (event.stored->automatic_shift_age) {
        const Duration age = std::clamp(*event.stored->automatic_shift_age, Duration(0),
                                        std::max(Duration(0), app_.policy.failover.hold_down));
        app_.automatic_shift = now_ - age;
      }
    }
    app_.refusal.clear();
    if (app_.policy.mode == ApplicationMode::kActiveActive) {
      abandon_pending("the application is active-active now");
    }
    publish_current();
    consider();
  }

  void on(const RegionStatusChanged& event) {
    const auto index = index_of(app_.policy, event.region);
    if (!index) {
      return;  // a late verdict of a region that the config dropped
    }
    app_.statuses[*index] = event.status;
    consider();
  }

  void on(const TimerFired&) { consider(); }

  void on(const MoveRequested& event) {
    auto proposal = proposal_of(event.command);
    if (!proposal) {
      reply(event.request, std::move(proposal).error());
      return;
    }
    const Findings findings = evaluate(app_, elsewhere_, *proposal, now_);
    Decision decision = make_decision(*proposal, findings);
    decision.requested_by = event.command.requested_by;
    decision.reason = event.command.reason.empty()
                          ? fmt::format("{} asked for it", event.command.requested_by)
                          : event.command.reason;
    if (event.command.dry_run) {
      decision.outcome =
          findings.all_passed() ? DecisionOutcome::kPlanned : DecisionOutcome::kRefused;
      decision.outcome_detail = "dry run: nothing changed";
      reply(event.request, std::move(decision));
    } else if (!findings.all_passed()) {
      refuse(decision);
      reply(event.request, std::move(decision));
    } else {
      app_.pending_request = event.request;
      commit(std::move(decision));
    }
  }

  void on(const CommitSucceeded& event) {
    if (!is_pending(event.decision, Phase::kDecided)) {
      return;
    }
    Decision& decision = *app_.pending;
    decision.times.committed = now_;
    app_.assignment = decision.to;
    app_.phase = Phase::kShifting;
    app_.commits_failed = 0;
    effects_.emplace_back(PublishAssignment{app_.policy.id, decision.to, decision.id});
  }

  void on(const CommitFailed& event) {
    if (!is_pending(event.decision, Phase::kDecided)) {
      return;
    }
    app_.phase = Phase::kSteady;
    if (event.error.code == ErrorCode::kAborted) {
      finish(DecisionOutcome::kFailed, "another writer moved it first: " + event.error.message);
      if (event.found && event.found->epoch > app_.assignment.epoch) {
        app_.assignment = *event.found;
        publish_current();
      } else {
        // The store lost what it had told us: asking again at once would spin.
        ++app_.commits_failed;
        app_.retry_at = now_ + retry_delay(app_.commits_failed);
      }
    } else {
      ++app_.commits_failed;
      app_.retry_at = now_ + retry_delay(app_.commits_failed);
      finish(DecisionOutcome::kFailed, "the state store did not take it: " + event.error.message,
             Error{ErrorCode::kUnavailable,
                   "the state store did not take the decision, nothing changed: " +
                       event.error.message});
    }
    consider();
  }

  void on(const Published& event) {
    if (!is_pending(event.decision, Phase::kShifting)) {
      return;
    }
    app_.pending->times.published = now_;
    if (app_.pending->automatic && app_.pending->kind != MoveKind::kInitial) {
      app_.automatic_shift = now_;
    }
    app_.phase = Phase::kSteady;
    app_.refusal.clear();
    finish(DecisionOutcome::kPublished, "");
    consider();
  }

  // The application leaves the config: whoever waits for a decision hears of it.
  void leave() { abandon_pending("the application is no longer in the config"); }

 private:
  // ---- deciding ----

  void consider() {
    if (app_.policy.mode == ApplicationMode::kActiveActive || app_.pending) {
      return;
    }
    if (app_.retry_at && now_ < *app_.retry_at) {
      wake_at(*app_.retry_at);
      return;
    }
    app_.retry_at.reset();
    if (app_.assignment.epoch == 0) {
      decide_at_once(MoveKind::kInitial, best_target(app_).value_or(0), "the first assignment");
      return;
    }
    const auto active = index_of(app_.policy, app_.assignment.region);
    if (!active) {
      decide_at_once(MoveKind::kFailover, best_target(app_).value_or(0),
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
    if (*active != 0 && app_.policy.failover.failback == Failback::kAutomatic &&
        app_.statuses[0].health == Health::kHealthy) {
      consider_failback();
    }
  }

  void consider_failover(const HealthStatus& active) {
    const Proposal proposal{MoveKind::kFailover, true, best_target(app_), std::nullopt};
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

  void consider_failback() {
    const Proposal proposal{MoveKind::kFailback, true, 0, std::nullopt};
    const Findings findings = evaluate(app_, elsewhere_, proposal, now_);
    if (findings.wait_until) {
      wake_at(*findings.wait_until);
      return;
    }
    Decision decision = make_decision(proposal, findings);
    decision.reason =
        fmt::format("{}, the preferred region, is healthy again", app_.policy.regions[0]);
    settle(std::move(decision), findings);
  }

  // Moves that no guard can forbid, because standing still would leave nothing assigned.
  void decide_at_once(MoveKind kind, std::size_t to, std::string reason) {
    const Proposal proposal{kind, true, to, std::nullopt};
    Findings findings;
    findings.guards.push_back({"at-least-one-region-on", GuardOutcome::kPassed,
                               fmt::format("{} goes on", app_.policy.regions[to])});
    Decision decision = make_decision(proposal, findings);
    decision.reason = std::move(reason);
    commit(std::move(decision));
  }

  void settle(Decision decision, const Findings& findings) {
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

  Decision make_decision(const Proposal& proposal, const Findings& findings) {
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

  static std::optional<MonoTime> first_miss(const HealthStatus& status) {
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

  static std::string reason_of(const HealthStatus& status) {
    for (const Vote& vote : status.votes) {
      if (vote.health == Health::kUnhealthy && !vote.evidence.reason.empty()) {
        return vote.evidence.reason;
      }
    }
    return "no reason given";
  }

  Result<Proposal> proposal_of(const MoveCommand& command) const {
    const std::string& id = app_.policy.id.str();
    if (app_.policy.mode == ApplicationMode::kActiveActive) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is active-active: every healthy region answers, there is nothing "
                              "to move",
                              id));
    }
    if (command.kind == MoveKind::kInitial) {
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
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("failback goes to the most preferred region, {}; use switchover for {}",
                      app_.policy.regions[0], to));
    }
    if (app_.assignment.region == to) {
      return fail(
          ErrorCode::kFailedPrecondition,
          fmt::format("{} is active in {} already (epoch {})", id, to, app_.assignment.epoch));
    }
    return Proposal{command.kind, false, index, command.accept_data_loss};
  }

  std::string region_names() const {
    std::string names;
    for (const RegionId& region : app_.policy.regions) {
      names += (names.empty() ? "" : ", ") + region.str();
    }
    return names;
  }

  // ---- effects ----

  void commit(Decision decision) {
    decision.id = next_decision_id_++;
    decision.outcome = DecisionOutcome::kPending;
    app_.phase = Phase::kDecided;
    app_.pending = decision;
    effects_.emplace_back(CommitAssignment{std::move(decision), app_.assignment});
  }

  void refuse(Decision& decision) {
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

  void finish(DecisionOutcome outcome, std::string detail, std::optional<Error> error = {}) {
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

  void abandon_pending(const char* why) {
    if (app_.pending) {
      app_.phase = Phase::kSteady;
      finish(DecisionOutcome::kFailed, why, Error{ErrorCode::kAborted, why});
    }
  }

  void publish_current() {
    if (app_.assignment.epoch != 0) {
      effects_.emplace_back(PublishAssignment{app_.policy.id, app_.assignment, 0});
    }
  }

  void reply(std::uint64_t request, std::variant<Decision, Error> result) {
    effects_.emplace_back(Reply{request, std::move(result)});
  }

  void wake_at(MonoTime at) { effects_.emplace_back(WakeAt{app_.policy.id, at}); }

  [[nodiscard]] bool is_pending(std::uint64_t decision, Phase phase) const {
    return app_.pending && app_.pending->id == decision && app_.phase == phase;
  }

  ApplicationState& app_;
  std::uint64_t& next_decision_id_;
  const Elsewhere& elsewhere_;
  MonoTime now_;
  WallTime wall_;
  std::vector<Effect> effects_;
};

// Statuses follow their regions when a reload adds, drops or reorders them.
void redefine(std::optional<ApplicationState>& application, const Policy& policy) {
  LEEWARD_CHECK(!policy.regions.empty(), "config gives every application a region");
  if (!application) {
    application.emplace();
  }
  std::vector<HealthStatus> statuses(policy.regions.size());
  for (std::size_t i = 0; i < policy.regions.size(); ++i) {
    if (const auto old = index_of(application->policy, policy.regions[i])) {
      statuses[i] = std::move(application->statuses[*old]);
    }
  }
  application->policy = policy;
  application->statuses = std::move(statuses);
}

std::vector<Effect> unknown_application(const Event& event) {
  if (const auto* move = std::get_if<MoveRequested>(&event)) {
    return {Reply{move->request,
                  Error{ErrorCode::kNotFound,
                        fmt::format("there is no application {}", move->command.application)}}};
  }
  return {};  // a late event of an application that a reload removed
}

}  // namespace

std::vector<Effect> step_application(std::optional<ApplicationState>& application,
                                     std::uint64_t& next_decision_id, const Elsewhere& elsewhere,
                                     const Event& event, MonoTime now, WallTime wall) {
  if (const auto* defined = std::get_if<ApplicationDefined>(&event)) {
    redefine(application, defined->policy);
  }
  if (!application) {
    return unknown_application(event);
  }
  Step step(*application, next_decision_id, elsewhere, now, wall);
  std::visit(overloaded{[&](const ApplicationRemoved&) { step.leave(); },
                        [&](const auto& each) { step.on(each); }},
             event);
  if (std::holds_alternative<ApplicationRemoved>(event)) {
    application.reset();
  }
  return step.take();
}

std::vector<Effect> step(State& state, const Event& event, MonoTime now, WallTime wall) {
  const ApplicationId& id = application_of(event);
  std::optional<ApplicationState> application;
  const auto found = state.applications.find(id);
  if (found != state.applications.end()) {
    application = std::move(found->second);
  }
  auto effects = step_application(application, state.next_decision_id, elsewhere_of(state, id),
                                  event, now, wall);
  if (application) {
    state.applications.insert_or_assign(id, std::move(*application));
  } else if (found != state.applications.end()) {
    state.applications.erase(found);
  }
  return effects;
}

}  // namespace leeward::failover
