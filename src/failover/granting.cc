// SPDX-License-Identifier: Apache-2.0
//
// Who may write. The rule, the only one that an exhaustive check against pauses, clock drift and
// wrong detectors left standing: a new region's writers wait until the old region's fence table
// confirmed the new epoch, or, where it cannot be reached, until every lease there has run out.
// Leases are renewed only by this process's effects, so when it stopped renewing it knows when the
// last one ends. Sources: Gray and Cheriton, "Leases" (1989), for leases and their guard time;
// fencing tokens as in Chubby's sequencers (Burrows, 2006).
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/mutant.h"
#include "failover/step_impl.h"

namespace leeward::failover {
namespace {

// A fence table that answers does so within a round trip or two; one that does not is asked again.
constexpr Duration kAttempt = std::chrono::milliseconds(300);
// Should the answer itself get lost.
constexpr Duration kNoAnswer = std::chrono::seconds(2);
// A renewal that was under way when renewing stopped ends within this.
constexpr Duration kRenewalMax = std::chrono::milliseconds(500);
constexpr Duration kRetryFirst = std::chrono::milliseconds(100);
constexpr Duration kRetryMax = std::chrono::seconds(30);
constexpr Duration kRetryMaxWhileWaiting = std::chrono::milliseconds(500);
// Of opening the target's fence in a planned move, before it is taken back.
constexpr int kOpensMax = 6;
constexpr Duration kDrainPatience = std::chrono::seconds(10);

// `waiting`: nobody may write until it answers.
Duration retry_after(int failures, bool waiting) {
  return std::min<Duration>(kRetryFirst * (1 << std::clamp(failures - 1, 0, 10)),
                            waiting ? kRetryMaxWhileWaiting : kRetryMax);
}

// How long a lease may outlive its renewal here: its length, the drift of two clocks (at most one
// in a thousand), and a write that was checked just before it ended.
Duration lease_and_guard(const FencingPolicy& policy) {
  if (mutant(Mutant::kShortLease)) {
    return policy.lease / 10;
  }
  return policy.lease + policy.lease / 1000 + policy.request_max + std::chrono::milliseconds(50);
}

}  // namespace

void Step::begin_grant(std::vector<RegionId> unfenced, std::uint64_t decision) {
  if (app_.grant) {
    unfenced.insert(unfenced.end(), app_.grant->unfenced.begin(), app_.grant->unfenced.end());
  }
  std::ranges::sort(unfenced);
  unfenced.erase(std::ranges::unique(unfenced).begin(), unfenced.end());
  std::erase(unfenced, app_.assignment.region);
  WriteGrant grant;
  grant.to = app_.assignment;
  grant.decision = decision;
  grant.since = now_;
  grant.replaces_writers = !unfenced.empty();
  grant.unfenced = std::move(unfenced);
  if (app_.grant && !app_.grant->granted && app_.grant->outwaits_leases) {
    grant.replaces_writers = true;  // what the grant before had to wait for, this one has to
    grant.outwaits_leases = true;
    grant.leases_over = app_.grant->leases_over;
  }
  app_.grant = std::move(grant);
}

void Step::restore_grant(bool granted) {
  if (!fenced() || app_.assignment.epoch == 0) {
    app_.grant.reset();
    if (app_.phase == Phase::kFencing || app_.phase == Phase::kDraining ||
        app_.phase == Phase::kGranting) {  // a reload took away what the move waits for
      shift();
    }
    return;
  }
  if (app_.grant && app_.grant->to == app_.assignment) {
    return;
  }
  if (granted || mutant(Mutant::kRestartForgetsFence)) {
    app_.grant.reset();
    begin_grant(app_.policy.regions, 0);
    app_.grant->granted = true;
    app_.grant->replaces_writers = false;
    app_.grant->verifying = !app_.grant->unfenced.empty();
    return;
  }
  // How far another process came is not known, nor whether a region that the config no longer names
  // had writers: all are fenced, and every lease that may have been renewed is waited out.
  std::vector<RegionId> others = app_.policy.regions;
  if (app_.grant) {
    others.push_back(app_.grant->to.region);
  }
  begin_grant(std::move(others), 0);
  app_.grant->replaces_writers = true;
  app_.grant->outwaits_leases = true;
  remember_leases(std::nullopt);
}

// ---- what comes back ----

bool Step::grant_is(const RegionId& region, Epoch epoch, bool open) const {
  return app_.grant && app_.grant->to.epoch == epoch && (app_.grant->to.region == region) == open;
}

void Step::on(const FenceRaised& event) {
  if (!grant_is(event.region, event.epoch, event.open)) {
    return;  // of an assignment that is history
  }
  WriteGrant& grant = *app_.grant;
  if (event.open) {
    grant.open_at.reset();
    if (!grant.granted) {
      on_granted();
    }
    return;
  }
  if (std::erase(grant.unfenced, event.region) != 0) {
    note(fmt::format("the fence in {} stands at epoch {}, {:.0f} ms after the commit", event.region,
                     event.epoch, to_milliseconds(now_ - grant.since)));
  }
  if (app_.policy.failover.fencing.mode == FencingMode::kLease) {
    remember_leases(event.last_grant);
  }
}

void Step::on(const FenceFailed& event) {
  if (!grant_is(event.region, event.epoch, event.open)) {
    return;
  }
  WriteGrant& grant = *app_.grant;
  // An opening that meets the same epoch meets it closed: that is spent, too.
  if (event.error.code == ErrorCode::kAborted &&
      (event.found > grant.to.epoch || (event.open && event.found == grant.to.epoch))) {
    fence_is_ahead(event);
    return;
  }
  if (event.open) {
    ++grant.opens_failed;
    grant.open_at = now_ + retry_after(grant.opens_failed, !grant.granted);
    if (app_.phase == Phase::kGranting && grant.opens_failed >= kOpensMax) {
      roll_back(fmt::format("the fence table in {} cannot be opened: {}", event.region,
                            event.error.message));
    }
    return;
  }
  remember_leases(event.last_grant);
  if (grant.asks_failed == 0) {
    note(
        fmt::format("the fence in {} cannot be raised ({}): waiting until no lease there can be "
                    "valid, {:.0f} ms more",
                    event.region, event.error.message,
                    std::max(0.0, to_milliseconds(*grant.leases_over - now_))));
  }
  ++grant.asks_failed;
  grant.ask_at = now_ + retry_after(grant.asks_failed, !grant.granted);
}

void Step::on(const Drained& event) {
  if (!is_pending(event.decision, Phase::kDraining)) {
    return;
  }
  note(event.detail);
  if (!event.proven && !mutant(Mutant::kDrainFailedIgnored)) {
    roll_back("the drain barrier was not proven: " + event.detail);
    return;
  }
  app_.pending->times.drained = now_;
  app_.phase = Phase::kGranting;
}

// The store was restored from an old copy, or another Leeward used these tables: only a higher
// epoch can own them again.
void Step::fence_is_ahead(const FenceFailed& event) {
  WriteGrant& grant = *app_.grant;
  grant.ask_at = now_ + kRetryMax;
  grant.open_at = now_ + kRetryMax;
  if (app_.pending) {
    if (app_.phase == Phase::kGranting || app_.phase == Phase::kFencing) {
      app_.roll_back_above = event.found;
      roll_back(
          fmt::format("the fence in {} stands at epoch {} already", event.region, event.found));
    }
    return;
  }
  // Whoever owns the higher epoch may be writing, wherever that is.
  grant.granted = false;
  grant.unfenced = app_.policy.regions;
  grant.replaces_writers = true;
  grant.outwaits_leases = true;
  remember_leases(now_);
  const auto active = index_of(app_.policy, app_.assignment.region);
  decide_at_once(MoveKind::kInitial, active.value_or(0),
                 fmt::format("the fence in {} stands at epoch {}, above the state store's {}",
                             event.region, event.found, grant.to.epoch),
                 event.found);
}

void Step::on_granted() {
  WriteGrant& grant = *app_.grant;
  grant.granted = true;
  effects_.emplace_back(RecordGrant{app_.policy.id, grant.to.epoch});
  note(fmt::format("writes are allowed in {} under epoch {}", grant.to.region, grant.to.epoch));
  Decision* decision = decision_of_grant();
  if (decision == nullptr) {
    return;
  }
  decision->times.granted = now_;
  if (app_.phase == Phase::kGranting) {
    shift();
  } else if (!app_.pending) {
    effects_.emplace_back(RecordDecision{*decision});  // it was recorded without this before
  }
}

void Step::remember_leases(std::optional<MonoTime> last_grant) {
  WriteGrant& grant = *app_.grant;
  const MonoTime last = std::max(grant.since, last_grant.value_or(grant.since));
  const MonoTime over = last + lease_and_guard(app_.policy.failover.fencing);
  grant.leases_over = std::max(grant.leases_over.value_or(over), over);
}

// ---- what is due ----

bool Step::old_writers_are_gone() const {
  const WriteGrant& grant = *app_.grant;
  if (mutant(Mutant::kSkipFence)) {
    return true;
  }
  const bool leases_over =
      grant.leases_over && (now_ >= *grant.leases_over || mutant(Mutant::kSkipLeaseWait));
  if (grant.outwaits_leases || app_.policy.failover.fencing.mode == FencingMode::kLease) {
    return !grant.replaces_writers || leases_over;
  }
  return grant.unfenced.empty() || leases_over;
}

void Step::tend_grant() {
  if (!app_.grant || app_.phase == Phase::kDecided) {
    return;  // nothing to do, or the owner is about to change
  }
  ask_fences();
  WriteGrant& grant = *app_.grant;
  if (grant.verifying) {
    // A region that does not answer is asked again, but not waited for: it was fenced, or its
    // leases were waited out, before this one was granted.
    grant.verifying =
        !grant.unfenced.empty() && grant.asks_failed == 0 && now_ - grant.since < kNoAnswer;
    if (grant.verifying) {
      return;
    }
  }
  if (!grant.opening && !old_writers_are_gone()) {
    if (grant.leases_over) {
      wake_at(*grant.leases_over);
    }
    return;
  }
  if (!app_.roll_back.empty()) {
    return;  // the owner is about to change
  }
  if (Decision* decision = decision_of_grant();
      decision != nullptr && !decision->times.fenced && grant.replaces_writers) {
    decision->times.fenced = now_;
  }
  advance_planned();
  if (app_.phase != Phase::kDraining) {
    open_fence();
  }
}

void Step::ask_fences() {
  WriteGrant& grant = *app_.grant;
  if (grant.unfenced.empty()) {
    return;
  }
  if (!grant.leases_over && now_ - grant.since >= kNoAnswer) {
    remember_leases(grant.since + kRenewalMax);  // whoever carries the questions is busy
  }
  if (!grant.ask_at || now_ >= *grant.ask_at) {
    for (const RegionId& region : grant.unfenced) {
      effects_.emplace_back(
          RaiseFence{app_.policy.id, region, grant.to.epoch, false, now_ + kAttempt});
    }
    grant.ask_at = now_ + kNoAnswer;
  }
  wake_at(*grant.ask_at);
}

void Step::advance_planned() {
  if (app_.phase != Phase::kFencing) {
    return;
  }
  if (!app_.policy.replicated || mutant(Mutant::kDrainNotAwaited)) {
    app_.phase = Phase::kGranting;
    return;
  }
  app_.phase = Phase::kDraining;
  effects_.emplace_back(Drain{app_.policy.id, app_.pending->id, app_.pending->from.region,
                              app_.pending->to.region, now_ + kDrainPatience});
}

// Also after it was granted by an earlier process: the table may have been lost meanwhile.
void Step::open_fence() {
  WriteGrant& grant = *app_.grant;
  if (grant.opening && !grant.open_at) {
    return;  // confirmed
  }
  if (!grant.open_at || now_ >= *grant.open_at) {
    grant.opening = true;
    effects_.emplace_back(
        RaiseFence{app_.policy.id, grant.to.region, grant.to.epoch, true, now_ + kAttempt});
    grant.open_at = now_ + kNoAnswer;
  }
  wake_at(*grant.open_at);
}

Decision* Step::decision_of_grant() {
  const std::uint64_t id = app_.grant->decision;
  if (app_.pending && app_.pending->id == id) {
    return &*app_.pending;
  }
  return app_.last_decision && app_.last_decision->id == id ? &*app_.last_decision : nullptr;
}

void Step::note(std::string text) {
  if (app_.grant) {
    if (Decision* decision = decision_of_grant()) {
      decision->notes.push_back(std::move(text));
    }
  }
}

}  // namespace leeward::failover
