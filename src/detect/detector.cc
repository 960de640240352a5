// SPDX-License-Identifier: Apache-2.0
#include "detect/detector.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "detect/reasons.h"

namespace leeward::detect {
namespace {

constexpr Duration kLatenessFloor = std::chrono::milliseconds(250);

}  // namespace

Detector::Detector(const CheckTiming& timing, Rng rng, MonoTime now, Health initial)
    : timing_(timing),
      schedule_(timing.interval, timing.jitter, rng, now, initial == Health::kUnknown),
      adaptive_(std::min(timing.timeout_floor, timing.timeout), timing.timeout),
      hold_down_(timing.recovery_hold_down, timing.recovery_hold_down_max, timing.flap_window),
      answering_since_(now),
      burst_due_(now),
      last_order_(now - timing.interval),
      last_look_(now - timing.interval),
      inherited_(initial != Health::kUnknown) {
  verdict_.health = initial;
  verdict_.since = now;
  verdict_.evidence.reason =
      initial == Health::kUnknown ? "not probed yet" : "restored from the saved board";
  refresh_numbers(now);
}

std::optional<ProbeOrder> Detector::next_probe(MonoTime now) {
  const bool regular = schedule_.due() <= now;
  if (!regular && !look_due_ && !(bursting() && burst_due_ <= now)) {
    return std::nullopt;
  }
  look_due_ = false;
  if (regular) {
    schedule_.advance(now);
  }
  burst_due_ = now + timing_.confirm_spacing;
  if (outstanding_.size() >= kOutstandingMax) {
    return std::nullopt;
  }
  const std::uint64_t sequence = next_sequence_++;
  const bool calm = verdict_.health == Health::kHealthy && !in_doubt_;
  outstanding_.emplace(
      sequence, Outstanding{.started = now, .deadline = now + timing_.timeout, .teaches = calm});
  last_order_ = now;
  return ProbeOrder{.sequence = sequence, .timeout = timing_.timeout};
}

void Detector::look_closer(MonoTime now) {
  if (may_doubt() && now - last_look_ >= timing_.interval) {
    last_look_ = now;
    look_due_ = true;
  }
}

MonoTime Detector::wakeup() const {
  MonoTime next = schedule_.due();
  if (look_due_) {
    next = std::min(next, last_look_);
  }
  if (bursting()) {
    next = std::min(next, burst_due_);
  }
  if (!outstanding_.empty()) {
    next = std::min(next, outstanding_.begin()->second.deadline);  // the oldest is first
  }
  if (!in_doubt_ && may_doubt()) {
    if (const auto* oldest = oldest_undecided()) {
      next = std::min(next, oldest->second.started + adaptive_.current());
    }
  }
  return next;
}

std::optional<Transition> Detector::observe(const Observation& observation, MonoTime now) {
  const auto probe = outstanding_.find(observation.sequence);
  if (probe == outstanding_.end()) {
    return std::nullopt;
  }
  Observation counted = observation;
  if (counted.outcome == ProbeOutcome::kSuccess && counted.finished > probe->second.deadline) {
    // The same whether expire() or the late answer comes first.
    counted.outcome = ProbeOutcome::kTimeout;
    counted.detail = "answered after " + readable(counted.finished - counted.started);
  }
  settle(probe, std::move(counted));
  return judge(now);
}

std::optional<Transition> Detector::expire(MonoTime now) {
  const Duration lateness_max = std::max(timing_.timeout, kLatenessFloor);
  while (!outstanding_.empty() && outstanding_.begin()->second.deadline <= now) {
    const auto probe = outstanding_.begin();
    const Duration late = now - probe->second.deadline;
    const bool trusted = late <= lateness_max;
    settle(probe,
           Observation{.sequence = probe->first,
                       .outcome = trusted ? ProbeOutcome::kTimeout : ProbeOutcome::kLocalError,
                       .started = probe->second.started,
                       .finished = probe->second.deadline,
                       .detail = trusted ? "no answer within " + readable(timing_.timeout)
                                         : "the checker ran late by " + readable(late)});
  }
  return judge(now);
}

std::optional<Transition> Detector::disqualify(const std::string& reason, MonoTime now) {
  disqualified_ = true;
  evidence_from_ = next_sequence_;
  return become_unknown("checker disqualified: " + reason, now);
}

std::optional<Transition> Detector::qualify(MonoTime now) {
  if (disqualified_) {
    disqualified_ = false;
    evidence_from_ = next_sequence_;
    local_errors_ = 0;
    verdict_.evidence.reason = "checker qualified again; waiting for evidence";
    refresh_numbers(now);
  }
  return std::nullopt;  // unknown until a probe says otherwise
}

const Verdict& Detector::verdict() const {
  return verdict_;
}

const std::deque<Observation>& Detector::history() const {
  return history_;
}

int Detector::failure_threshold() const {
  if (timing_.failure_threshold) {
    return *timing_.failure_threshold;
  }
  return miss_rate_.threshold(timing_.auto_alpha, timing_.auto_min, timing_.auto_max);
}

bool Detector::may_doubt() const {
  return !disqualified_ && local_errors_ < kLocalErrorsMax && verdict_.health != Health::kUnhealthy;
}

// More burst probes are wanted: those missed or still open do not reach the threshold yet.
bool Detector::bursting() const {
  if (!in_doubt_) {
    return false;
  }
  int wanted = failure_threshold() - misses_.size();
  const std::uint64_t after = std::max(newest_success_, evidence_from_ - 1);
  for (auto probe = outstanding_.upper_bound(after); probe != outstanding_.end() && wanted > 0;
       ++probe) {
    --wanted;
  }
  return wanted > 0;
}

// The oldest open probe whose answer or silence would still say something new.
const Detector::OutstandingMap::value_type* Detector::oldest_undecided() const {
  const auto probe = outstanding_.upper_bound(std::max(newest_success_, evidence_from_ - 1));
  return probe == outstanding_.end() ? nullptr : &*probe;
}

void Detector::settle(OutstandingMap::const_iterator probe, Observation observation) {
  const Outstanding sent = probe->second;
  outstanding_.erase(probe);
  if (!disqualified_ && observation.sequence >= evidence_from_) {
    if (observation.outcome == ProbeOutcome::kLocalError) {
      ++local_errors_;
    } else {
      local_errors_ = 0;
      const bool missed = observation.outcome != ProbeOutcome::kSuccess;
      if (missed) {
        count_miss(observation);
      } else {
        count_success(observation);
      }
      learn(sent.teaches, missed);
    }
  }
  history_.push_back(std::move(observation));
  if (history_.size() > kHistoryMax) {
    history_.pop_front();
  }
}

// A miss is the path's only when the suspicion that it raised is over: of a dead target it says
// nothing about the path, and one that dies often would look like one behind a lossy path.
void Detector::learn(bool teaches, bool missed) {
  if (teaches && missed) {
    ++unexplained_misses_;
  } else if (teaches) {
    miss_rate_.learn(false);
  }
  if (misses_.empty()) {
    for (; unexplained_misses_ > 0; --unexplained_misses_) {
      miss_rate_.learn(true);
    }
  }
}

void Detector::count_success(const Observation& observation) {
  adaptive_.learn(observation.finished - observation.started);
  newest_success_ = std::max(newest_success_, observation.sequence);
  misses_.cut_before(observation.sequence);
  if (observation.sequence > newest_miss_) {
    if (successes_.empty()) {
      answering_since_ = observation.finished;
    }
    successes_.add(observation.sequence);
  }
}

void Detector::count_miss(const Observation& observation) {
  newest_miss_ = std::max(newest_miss_, observation.sequence);
  successes_.cut_before(observation.sequence);
  answering_since_ = observation.finished;  // for successes of newer probes that remain
  if (observation.sequence > newest_success_) {
    misses_.add(observation.sequence);
  }
}

std::optional<Transition> Detector::judge(MonoTime now) {
  if (disqualified_) {
    refresh_numbers(now);
    return std::nullopt;
  }
  if (local_errors_ >= kLocalErrorsMax) {
    return become_unknown(
        fmt::format("{} probes in a row could not be made by the checker itself: {}", local_errors_,
                    history_.back().detail),
        now);
  }
  const int threshold = failure_threshold();
  const bool missing = misses_.size() >= threshold;
  if (verdict_.health == Health::kUnhealthy && !(inherited_ && missing)) {
    return judge_recovery(now);
  }
  if (missing) {
    if (verdict_.health == Health::kHealthy) {
      hold_down_.flapped(now);
    }
    in_doubt_ = false;
    unexplained_misses_ = 0;
    Evidence evidence = numbers();
    evidence.threshold = threshold;
    evidence.observations = observations_of(misses_);
    evidence.reason = reason_for_misses(misses_.size(), evidence.observations);
    return move_to(Health::kUnhealthy, std::move(evidence), now);
  }
  return judge_doubt(now);
}

std::optional<Transition> Detector::judge_recovery(MonoTime now) {
  if (successes_.size() < timing_.success_threshold || hold_down_left(now) > Duration::zero()) {
    refresh_numbers(now);
    return std::nullopt;
  }
  Evidence evidence = numbers();
  evidence.threshold = timing_.success_threshold;
  evidence.observations = observations_of(successes_);
  evidence.reason = fmt::format("{} consecutive successes", successes_.size());
  if (hold_down_.current() > Duration::zero()) {
    evidence.reason += fmt::format(" over the hold-down of {}", readable(hold_down_.current()));
  }
  update_doubt(now);
  return move_to(Health::kHealthy, std::move(evidence), now);
}

// Is there a reason to look closer? Starts and ends bursts.
void Detector::update_doubt(MonoTime now) {
  const auto* oldest = oldest_undecided();
  const bool overdue = oldest != nullptr && now >= oldest->second.started + adaptive_.current();
  const bool doubt = overdue || !misses_.empty();
  if (doubt && !in_doubt_) {
    burst_due_ = std::max(now, last_order_ + timing_.confirm_spacing);
  }
  in_doubt_ = doubt;
}

// Healthy or unknown, and not enough misses.
std::optional<Transition> Detector::judge_doubt(MonoTime now) {
  update_doubt(now);
  Evidence evidence = numbers();
  if (verdict_.health == Health::kUnknown || (inherited_ && !successes_.empty())) {
    if (successes_.empty()) {
      refresh_numbers(now);
      return std::nullopt;
    }
    evidence.observations = observations_of(successes_);
    evidence.reason = "first success";
    return move_to(Health::kHealthy, std::move(evidence), now);
  }
  if (in_doubt_ == verdict_.suspect) {
    refresh_numbers(now);
    return std::nullopt;
  }
  if (!in_doubt_) {
    evidence.observations = {history_.back()};
    evidence.reason = reason_for_relief(history_.back());
  } else if (!misses_.empty()) {
    evidence.observations = observations_of(misses_);
    evidence.reason = reason_for_misses(misses_.size(), evidence.observations);
  } else {
    const auto* oldest = oldest_undecided();
    const Duration waited = now - oldest->second.started;
    evidence.reason = fmt::format("probe {} is overdue: no answer for {}, where {} is usual",
                                  oldest->first, readable(waited), readable(adaptive_.current()));
    evidence.observations = {{.sequence = oldest->first,
                              .outcome = ProbeOutcome::kTimeout,
                              .started = oldest->second.started,
                              .finished = now,
                              .detail = "overdue, still waited for"}};
  }
  return move_to(Health::kHealthy, std::move(evidence), now);
}

std::optional<Transition> Detector::become_unknown(const std::string& reason, MonoTime now) {
  misses_.clear();
  successes_.clear();
  unexplained_misses_ = 0;
  in_doubt_ = false;
  Evidence evidence = numbers();
  if (!disqualified_) {
    evidence.observations = {history_.back()};
  }
  evidence.reason = reason;
  if (verdict_.health == Health::kUnknown) {
    verdict_.evidence = std::move(evidence);
    refresh_numbers(now);
    return std::nullopt;
  }
  return move_to(Health::kUnknown, std::move(evidence), now);
}

std::optional<Transition> Detector::move_to(Health health, Evidence evidence, MonoTime now) {
  inherited_ = false;
  Transition transition{.before = verdict_, .after = {}};
  if (verdict_.health != health) {
    verdict_.since = now;
  }
  verdict_.health = health;
  verdict_.suspect = health == Health::kHealthy && in_doubt_;
  verdict_.evidence = std::move(evidence);
  verdict_.time_to_flip = time_to_flip(now);
  transition.after = verdict_;
  return transition;
}

// What changes while the verdict stays: the counts, not what decided it.
void Detector::refresh_numbers(MonoTime now) {
  Evidence current = numbers();
  current.observations = std::move(verdict_.evidence.observations);
  current.reason = std::move(verdict_.evidence.reason);
  verdict_.evidence = std::move(current);
  verdict_.time_to_flip = time_to_flip(now);
}

Evidence Detector::numbers() const {
  Evidence evidence;
  evidence.consecutive_failures = misses_.size();
  evidence.consecutive_successes = successes_.size();
  evidence.threshold =
      verdict_.health == Health::kUnhealthy ? timing_.success_threshold : failure_threshold();
  evidence.miss_rate = miss_rate_.current();
  evidence.timeout = adaptive_.current();
  return evidence;
}

Duration Detector::hold_down_left(MonoTime now) const {
  const Duration hold_down = hold_down_.current();
  if (successes_.empty()) {
    return hold_down;
  }
  return std::max(Duration::zero(), hold_down - (now - answering_since_));
}

// The soonest the verdict could change: what is missing, at the pace at which it can come.
Duration Detector::time_to_flip(MonoTime now) const {
  switch (verdict_.health) {
    case Health::kUnknown:
      return Duration::zero();  // the next answer
    case Health::kUnhealthy: {
      const int missing = std::max(1, timing_.success_threshold - successes_.size());
      return std::max(timing_.interval * missing, hold_down_left(now));
    }
    case Health::kHealthy: {
      const int missing = std::max(1, failure_threshold() - misses_.size());
      return in_doubt_ ? timing_.confirm_spacing * missing
                       : timing_.interval + timing_.confirm_spacing * (missing - 1);
    }
  }
  return Duration::zero();
}

std::vector<Observation> Detector::observations_of(const Run& run) const {
  std::vector<Observation> found;
  for (const Observation& observation : history_) {
    if (run.contains(observation.sequence)) {
      found.push_back(observation);
    }
  }
  if (found.size() > kEvidenceMax) {
    found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(kEvidenceMax));
  }
  return found;
}

}  // namespace leeward::detect
