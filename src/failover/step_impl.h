// SPDX-License-Identifier: Apache-2.0
//
// One event's work on one application: what step() does, in four files. Internal to the module.
//   step.cc      what each event means
//   deciding.cc  when to move, and where to
//   granting.cc  who may write: fences, leases, the drain barrier
//   standing.cc  holds, lockouts, and users who follow in steps
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "failover/effect.h"
#include "failover/event.h"
#include "failover/guards.h"
#include "failover/state.h"

namespace leeward::failover {

class Step {
 public:
  Step(ApplicationState& application, std::uint64_t& next_decision_id, const Elsewhere& elsewhere,
       MonoTime now, WallTime wall)
      : app_(application),
        next_decision_id_(next_decision_id),
        elsewhere_(elsewhere),
        now_(now),
        wall_(wall) {}

  void on(const ApplicationDefined& event);
  void on(const RegionStatusChanged& event);
  void on(const TimerFired& event);
  void on(const MoveRequested& event);
  void on(const CommitSucceeded& event);
  void on(const CommitFailed& event);
  void on(const Published& event);
  void on(const FenceRaised& event);
  void on(const FenceFailed& event);
  void on(const Drained& event);
  void on(const StandingRequested& event);
  // The application leaves the config: whoever waits for a decision hears of it.
  void leave() { abandon_pending("the application is no longer in the config"); }

  // After the event: what has become possible or due.
  void settle_down();
  std::vector<Effect> take();

 private:
  // ---- deciding.cc ----
  void consider();
  void consider_failover(const HealthStatus& active);
  void consider_failback();
  // Moves that no guard can forbid, because standing still would leave nothing assigned.
  void decide_at_once(MoveKind kind, std::size_t to, std::string reason, Epoch above = 0);
  void roll_back(std::string why);
  void commit_roll_back();
  void settle(Decision decision, const Findings& findings);
  [[nodiscard]] Decision make_decision(const Proposal& proposal, const Findings& findings) const;
  [[nodiscard]] Result<Proposal> proposal_of(const MoveCommand& command) const;
  [[nodiscard]] std::string region_names() const;
  void commit(Decision decision);
  void refuse(Decision& decision);
  void finish(DecisionOutcome outcome, std::string detail, std::optional<Error> error = {});
  void abandon_pending(const char* why);

  // ---- granting.cc ----
  // A new owner: it may write when `unfenced` regions and those left over from the grant before are
  // fenced, or no lease there can be valid any more.
  void begin_grant(std::vector<RegionId> unfenced, std::uint64_t decision);
  // After a start or a reload. `granted`: this very assignment was allowed to write already.
  void restore_grant(bool granted);
  void tend_grant();
  void ask_fences();
  void advance_planned();
  void open_fence();
  void on_granted();
  void fence_is_ahead(const FenceFailed& event);
  void remember_leases(std::optional<MonoTime> last_grant);
  [[nodiscard]] bool old_writers_are_gone() const;
  [[nodiscard]] Decision* decision_of_grant();
  void note(std::string text);
  [[nodiscard]] bool fenced() const {  // is it the policy's wish
    return app_.policy.failover.fencing.mode != FencingMode::kNone &&
           app_.policy.mode == ApplicationMode::kActivePassive;
  }
  [[nodiscard]] bool grant_is(const RegionId& region, Epoch epoch, bool open) const;

  // ---- standing.cc ----
  void restore_standing(const StoredAssignment& stored);
  void moved_by_itself();
  void forget_old_moves();
  // The pending decision's region is to answer, all at once or in steps.
  void shift();
  void tend_ramp();

  // ---- effects ----
  void publish_current();
  void reply(std::uint64_t request, std::variant<Decision, Error> result) {
    effects_.emplace_back(Reply{request, std::move(result)});
  }
  void wake_at(MonoTime at) { wake_ = std::min(wake_.value_or(at), at); }
  [[nodiscard]] bool is_pending(std::uint64_t decision, Phase phase) const {
    return app_.pending && app_.pending->id == decision && app_.phase == phase;
  }

  ApplicationState& app_;
  std::uint64_t& next_decision_id_;
  const Elsewhere& elsewhere_;
  MonoTime now_;
  WallTime wall_;
  std::vector<Effect> effects_;
  std::optional<MonoTime> wake_;
};

// A planned move waits for fence and drain barrier before users follow; an unplanned one does not,
// since reads are safe anywhere and the old region is dead.
[[nodiscard]] bool is_planned(MoveKind kind);

}  // namespace leeward::failover
