// SPDX-License-Identifier: Apache-2.0
//
// One checker's opinion of one health check: observations in, verdict out. A small state machine
// with no I/O; the caller starts the probes it orders and reports how they ended.
//
// Telling *suspecting* from *acting*: a healthy target is probed every `interval`. The first miss
// makes it suspect: a burst probes every `confirm_spacing`, overlapping, each with its own timeout.
// When `failure_threshold` consecutive probes went unanswered the verdict is unhealthy; one success
// ends the suspicion. A refusing target is therefore found after about
//     interval/2 + (threshold - 1) x spacing
// and a silent one a timeout later, instead of after threshold x interval.
//
// Sources: Wald's sequential probability ratio test (1945) for the automatic threshold;
// RFC 6298 for the adaptive timeout (SRTT + 4 x RTTVAR); gdnsd's TTL rule for time_to_flip.
//
// Rules that are easy to get wrong:
// - *Order is by sequence*, the order in which probes started. A success clears the misses of
//   probes older than itself and no others, so the late answer to an old probe cannot hide that
//   newer ones went unanswered. A miss older than the newest success is only a lost packet: it is
//   learned in the miss rate and raises no suspicion.
// - *The adaptive timeout can only raise suspicion.* A probe that is overdue by it makes the target
//   suspect and starts the burst, but it stays open and counts as a miss only when the configured
//   `timeout` has passed. A target that slows down and still answers within `timeout` is therefore
//   never unhealthy, and its slow answers are seen and learned.
// - *A burst is as short as the verdict allows*: probes go out every `confirm_spacing` until
//   missed + unanswered ones reach the threshold, then wait for these (and for the regular pace).
// - *A late checker proves nothing*: a timeout noticed more than max(timeout, 250ms) late, because
//   the process was paused, counts as the checker's own trouble. Report what the sockets hold
//   (observe) before calling expire().
// - *Local errors are no evidence*; kLocalErrorsMax in a row make the verdict unknown until a probe
//   ends in any other way.
// - *Recovering*: success_threshold successes in a row at the regular pace, the first of them at
//   least the hold-down ago (hold_down.h); it is judged when a success arrives.
// - *Unknown*: the first success makes it healthy at once; failures need the threshold.
//
// Thread-safety: none; one owner. Time: `now` never decreases between calls. Memory: bounded by
// kOutstandingMax probes and kHistoryMax observations.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "detect/adaptive_timeout.h"
#include "detect/hold_down.h"
#include "detect/miss_rate.h"
#include "detect/run.h"
#include "detect/schedule.h"
#include "model/health.h"
#include "model/health_check.h"

namespace leeward::detect {

// Start this probe now; report it with observe(), or let its deadline pass and call expire().
struct ProbeOrder {
  std::uint64_t sequence = 0;  // from 1, increasing
  Duration timeout{};          // for the whole probe: resolving, connecting, answering

  friend bool operator==(const ProbeOrder&, const ProbeOrder&) = default;
};

// The verdict changed. `health` moves, or `suspect` starts or ends; or what was inherited from an
// earlier process got evidence of its own, which makes it a vote.
struct Transition {
  Verdict before;
  Verdict after;
};

class Detector {
 public:
  // `initial` is the verdict of the saved board after a restart, else unknown. The first probe is
  // due at a random phase within the first interval, or at once where `initial` is unknown.
  Detector(const CheckTiming& timing, Rng rng, MonoTime now, Health initial = Health::kUnknown);

  // The next probe that is due at `now`, if any; call again until it returns nullopt.
  std::optional<ProbeOrder> next_probe(MonoTime now);

  // When to call expire() and then next_probe() again. May lie before `now` if something is due;
  // after both calls at `now` it lies after `now`.
  [[nodiscard]] MonoTime wakeup() const;

  // A probe ended. Late, duplicate and unknown sequences change nothing.
  std::optional<Transition> observe(const Observation& observation, MonoTime now);

  // Probes whose timeout has passed without observe() count as timed out.
  std::optional<Transition> expire(MonoTime now);

  // Something beside the probes hints at trouble, such as the target closing an idle connection:
  // the next probe is due now. A hint is no evidence, and counts once per interval, so a target
  // that closes connections at its leisure is probed at most twice as often.
  void look_closer(MonoTime now);

  // The checker cannot be trusted now (its timers ran late, its sockets fail): the verdict is
  // unknown, with `reason` as evidence, until qualify(). Probing goes on, but only probes ordered
  // after qualify() are evidence, and the earlier opinion does not come back: a vote is earned.
  std::optional<Transition> disqualify(const std::string& reason, MonoTime now);
  std::optional<Transition> qualify(MonoTime now);

  [[nodiscard]] const Verdict& verdict() const;

  // The last kHistoryMax observations, oldest first.
  static constexpr std::size_t kHistoryMax = 32;
  [[nodiscard]] const std::deque<Observation>& history() const;

  static constexpr std::size_t kEvidenceMax = 16;       // observations in Evidence: the newest
  static constexpr std::size_t kOutstandingMax = 1024;  // probes; beyond it slots are skipped
  static constexpr int kLocalErrorsMax = 3;

 private:
  struct Outstanding {
    MonoTime started;
    MonoTime deadline;
    bool teaches = false;  // sent while believed healthy: its fate is the path's miss rate
  };
  using OutstandingMap = std::map<std::uint64_t, Outstanding>;

  [[nodiscard]] int failure_threshold() const;
  [[nodiscard]] bool may_doubt() const;
  [[nodiscard]] bool bursting() const;
  [[nodiscard]] const OutstandingMap::value_type* oldest_undecided() const;

  void settle(OutstandingMap::const_iterator probe, Observation observation);
  void learn(bool teaches, bool missed);
  void count_success(const Observation& observation);
  void count_miss(const Observation& observation);
  std::optional<Transition> judge(MonoTime now);
  std::optional<Transition> move_to(Health health, Evidence evidence, MonoTime now);
  std::optional<Transition> become_unknown(const std::string& reason, MonoTime now);
  std::optional<Transition> judge_recovery(MonoTime now);
  void update_doubt(MonoTime now);
  std::optional<Transition> judge_doubt(MonoTime now);
  void refresh_numbers(MonoTime now);
  [[nodiscard]] Duration hold_down_left(MonoTime now) const;
  [[nodiscard]] Duration time_to_flip(MonoTime now) const;
  [[nodiscard]] Evidence numbers() const;
  [[nodiscard]] std::vector<Observation> observations_of(const Run& run) const;

  CheckTiming timing_;
  Schedule schedule_;
  AdaptiveTimeout adaptive_;
  MissRate miss_rate_;
  HoldDown hold_down_;

  std::uint64_t next_sequence_ = 1;
  std::uint64_t evidence_from_ = 1;  // older probes were sent by an untrusted checker
  OutstandingMap outstanding_;
  std::deque<Observation> history_;

  Run misses_;     // started after the newest success
  Run successes_;  // started after the newest miss
  std::uint64_t newest_success_ = 0;
  std::uint64_t newest_miss_ = 0;
  MonoTime answering_since_;    // the first success of successes_
  int unexplained_misses_ = 0;  // lost packets, or the first of a death: not learned yet
  int local_errors_ = 0;        // in a row

  bool in_doubt_ = false;  // a burst is running
  MonoTime burst_due_;
  MonoTime last_order_;
  MonoTime last_look_;     // the last hint that counted
  bool look_due_ = false;  // a hint asks for a probe now
  bool disqualified_ = false;
  bool inherited_ = false;  // the verdict is of an earlier process: no evidence of its own yet
  Verdict verdict_;
};

}  // namespace leeward::detect
