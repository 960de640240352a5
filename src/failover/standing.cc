// SPDX-License-Identifier: Apache-2.0
//
// What stands between an application and automatic moves: an operator's hold, and the lockout of an
// application that flaps. And the steps in which users follow a failback.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/overloaded.h"
#include "failover/step_impl.h"

namespace leeward::failover {

void Step::on(const StandingRequested& event) {
  const StandingCommand& command = event.command;
  switch (command.change) {
    case StandingChange::kHold:
      app_.hold = Hold{command.requested_by, command.reason, wall_};
      break;
    case StandingChange::kRelease:
      app_.hold.reset();
      break;
    case StandingChange::kAcknowledge:
      app_.locked_out = false;
      app_.recent_moves.clear();
      break;
  }
  app_.refusal.clear();
  effects_.emplace_back(
      StoreStanding{app_.policy.id, standing_of(app_, now_, wall_), event.request});
  consider();
}

void Step::restore_standing(const StoredAssignment& stored) {
  app_.hold = stored.hold;
  app_.locked_out = stored.locked_out;
  app_.recent_moves.clear();
  for (const Duration age : stored.automatic_move_ages) {
    app_.recent_moves.push_back(now_ - std::max(age, Duration(0)));
  }
  std::ranges::sort(app_.recent_moves);
  forget_old_moves();
}

void Step::forget_old_moves() {
  const LockoutPolicy& policy = app_.policy.failover.lockout;
  if (!app_.locked_out) {
    std::erase_if(app_.recent_moves, [&](MonoTime at) { return now_ - at > policy.within; });
  }
  const auto most = static_cast<std::size_t>(std::max(policy.moves, 0));
  if (app_.recent_moves.size() > most) {
    app_.recent_moves.erase(app_.recent_moves.begin(),
                            app_.recent_moves.end() - static_cast<std::ptrdiff_t>(most));
  }
}

void Step::moved_by_itself() {
  app_.automatic_shift = now_;
  const LockoutPolicy& policy = app_.policy.failover.lockout;
  if (policy.moves == 0) {
    app_.recent_moves.clear();
    return;
  }
  app_.recent_moves.push_back(now_);
  forget_old_moves();
  app_.locked_out =
      app_.locked_out || app_.recent_moves.size() >= static_cast<std::size_t>(policy.moves);
  effects_.emplace_back(StoreStanding{app_.policy.id, standing_of(app_, now_, wall_), 0});
}

// Users follow a failback in steps: caches and connection pools of the preferred region warm up,
// and a region that is not well shows it before everybody is there. Writes went there at once.
void Step::shift() {
  const Decision& decision = *app_.pending;
  const GradualFailback& gradual = app_.policy.failover.gradual_failback;
  if (decision.kind == MoveKind::kFailback && !gradual.steps.empty()) {
    app_.ramp = Ramp{decision.from.region, gradual.steps.front(), 0, now_ + gradual.every};
  }
  app_.phase = Phase::kShifting;
  effects_.emplace_back(PublishAssignment{app_.policy.id, decision.to, decision.id});
}

// REQUIRES: the active region is not unhealthy.
void Step::tend_ramp() {
  if (!app_.ramp) {
    return;
  }
  Ramp& ramp = *app_.ramp;
  const GradualFailback& gradual = app_.policy.failover.gradual_failback;
  const auto from = index_of(app_.policy, ramp.from);
  if (!from || app_.statuses[*from].health == Health::kUnhealthy || gradual.steps.empty()) {
    app_.ramp.reset();
    publish_current();
    return;
  }
  const auto active = index_of(app_.policy, app_.assignment.region);
  const bool well = active && app_.statuses[*active].health == Health::kHealthy &&
                    !app_.statuses[*active].suspect && !app_.hold;
  if (well && now_ >= ramp.next) {
    ++ramp.step;
    if (ramp.step >= gradual.steps.size()) {
      app_.ramp.reset();
      publish_current();
      return;
    }
    ramp.percent = gradual.steps[ramp.step];
    ramp.next = now_ + gradual.every;
    publish_current();
  }
  if (well) {
    wake_at(ramp.next);
  }
}

}  // namespace leeward::failover
