// SPDX-License-Identifier: Apache-2.0
#include "failover/step.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/overloaded.h"
#include "failover/step_impl.h"

namespace leeward::failover {
namespace {

// After a commit that the store could not take: 100 ms, doubling, at most 5 s.
Duration retry_delay(int commits_failed) {
  const int doublings = std::min(commits_failed - 1, 6);
  return std::min<Duration>(std::chrono::milliseconds(100) * (1 << std::max(0, doublings)),
                            std::chrono::seconds(5));
}

}  // namespace

bool is_planned(MoveKind kind) {
  return kind == MoveKind::kSwitchover || kind == MoveKind::kFailback;
}

void Step::on(const ApplicationDefined& event) {
  // An epoch never goes back, not even on the word of a stale read.
  if (event.stored && event.stored->assignment.epoch >= app_.assignment.epoch) {
    app_.assignment = event.stored->assignment;
    if (event.stored->automatic_shift_age) {
      const Duration age = std::clamp(*event.stored->automatic_shift_age, Duration(0),
                                      std::max(Duration(0), app_.policy.failover.hold_down));
      app_.automatic_shift = now_ - age;
    }
  }
  if (event.stored) {
    restore_standing(*event.stored);
  }
  if (app_.ramp && !index_of(app_.policy, app_.ramp->from)) {
    app_.ramp.reset();
  }
  app_.refusal.clear();
  if (app_.policy.mode == ApplicationMode::kActiveActive) {
    abandon_pending("the application is active-active now");
  }
  publish_current();
  restore_grant(event.stored && event.stored->granted &&
                event.stored->assignment == app_.assignment);
  consider();
}

void Step::on(const RegionStatusChanged& event) {
  const auto index = index_of(app_.policy, event.region);
  if (!index) {
    return;  // a late verdict of a region that the config dropped
  }
  app_.statuses[*index] = event.status;
  consider();
}

void Step::on(const TimerFired&) {
  consider();
}

void Step::on(const MoveRequested& event) {
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

void Step::on(const CommitSucceeded& event) {
  if (!is_pending(event.decision, Phase::kDecided)) {
    return;
  }
  Decision& decision = *app_.pending;
  decision.times.committed = now_;
  app_.assignment = decision.to;
  app_.commits_failed = 0;
  app_.roll_back.clear();
  app_.ramp.reset();
  if (fenced()) {
    const bool may_have_writers =
        decision.kind != MoveKind::kInitial &&
        (decision.kind != MoveKind::kRollback || (app_.grant && app_.grant->opening));
    begin_grant(may_have_writers ? std::vector{decision.from.region} : std::vector<RegionId>{},
                decision.id);
    if (is_planned(decision.kind)) {
      app_.phase = Phase::kFencing;
      return;
    }
  }
  shift();
}

void Step::on(const CommitFailed& event) {
  if (!is_pending(event.decision, Phase::kDecided)) {
    return;
  }
  app_.phase = Phase::kSteady;
  if (event.error.code == ErrorCode::kAborted) {
    finish(DecisionOutcome::kFailed, "another writer moved it first: " + event.error.message);
    if (event.found && event.found->epoch > app_.assignment.epoch) {
      app_.assignment = *event.found;
      publish_current();
      restore_grant(false);
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

void Step::on(const Published& event) {
  if (!is_pending(event.decision, Phase::kShifting)) {
    return;
  }
  app_.pending->times.published = now_;
  if (app_.pending->automatic && counts_as_automatic_move(app_.pending->kind)) {
    moved_by_itself();
  }
  app_.phase = Phase::kSteady;
  if (app_.pending->kind != MoveKind::kRollback) {
    app_.failbacks_failed = 0;
    app_.failback_at.reset();
  }
  app_.refusal.clear();
  finish(DecisionOutcome::kPublished, "");
  consider();
}

// After the event: what has become possible or due.
void Step::settle_down() {
  tend_grant();
}

std::vector<Effect> Step::take() {
  if (wake_) {
    effects_.emplace_back(WakeAt{app_.policy.id, *wake_});
  }
  return std::move(effects_);
}

void Step::publish_current() {
  if (app_.assignment.epoch != 0) {
    effects_.emplace_back(PublishAssignment{app_.policy.id, app_.assignment, 0});
  }
}

namespace {

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
  const auto* move = std::get_if<MoveRequested>(&event);
  const auto* standing = std::get_if<StandingRequested>(&event);
  if (move != nullptr || standing != nullptr) {
    return {Reply{move != nullptr ? move->request : standing->request,
                  Error{ErrorCode::kNotFound,
                        fmt::format("there is no application {}", application_of(event))}}};
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
                        [&](const auto& each) {
                          step.on(each);
                          step.settle_down();
                        }},
             event);
  auto effects = step.take();
  if (std::holds_alternative<ApplicationRemoved>(event)) {
    application.reset();
  }
  return effects;
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
