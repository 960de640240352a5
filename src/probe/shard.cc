// SPDX-License-Identifier: Apache-2.0
#include "probe/shard.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "base/fnv.h"
#include "probe/blocked_signals.h"
#include "probe/clock.h"

namespace leeward::probe {
namespace {

constexpr int kServiceBatch = 256;  // due checks between two readings of the sockets
constexpr int kReadyBatch = 8192;   // ready sockets per turn at most: timers must not starve
constexpr std::size_t kSnapshotBatch = 512;  // checks copied per lock
// A verdict may be this much older than its checker thinks.
constexpr Duration kPauseMax = std::chrono::seconds(2);
constexpr std::uint8_t kLateStreakMax = 3;      // late wake-ups in a row that cost the vote
constexpr std::uint8_t kPunctualStreakMin = 5;  // punctual ones that earn it back
// New checks start this far apart, so that a reload of thousands is no thundering herd.
constexpr Duration kStartSpacing = std::chrono::microseconds(50);
constexpr Duration kServicePauseMin = std::chrono::milliseconds(1);

void count(CheckerCounters::Histogram& histogram, Duration value) {
  const auto& buckets = CheckerCounters::kBucketsMs;
  const auto bucket = std::ranges::lower_bound(buckets, to_milliseconds(value));
  ++histogram[static_cast<std::size_t>(bucket - buckets.begin())];
}

Health inverse(Health health) {
  switch (health) {
    case Health::kHealthy:
      return Health::kUnhealthy;
    case Health::kUnhealthy:
      return Health::kHealthy;
    case Health::kUnknown:
      return Health::kUnknown;
  }
  return Health::kUnknown;
}

Verdict inverse(Verdict verdict) {
  verdict.health = inverse(verdict.health);
  verdict.evidence.reason = "inverted: " + verdict.evidence.reason;
  return verdict;
}

}  // namespace

Shard::Shard(std::uint64_t seed, std::size_t connects_max, std::shared_ptr<Resolver> resolver,
             TransitionCallback on_transition)
    : seed_(seed),
      on_transition_(std::move(on_transition)),
      work_(io_.get_executor()),
      prober_(io_, mutex_, std::move(resolver), connects_max) {}

Shard::~Shard() {
  stop();
}

Health Shard::raw_health(const Check& check) {
  return check.detector ? check.detector->verdict().health : check.last_health;
}

Verdict Shard::reported_verdict(const Check& check) {
  Verdict verdict;
  if (check.detector) {
    verdict = check.detector->verdict();
  } else {
    verdict.health = Health::kHealthy;
    verdict.since = check.disabled_since;
    verdict.evidence.reason = "disabled: not probed";
  }
  return check.check.inverted ? inverse(std::move(verdict)) : verdict;
}

CheckSnapshot Shard::snapshot_of(const Check& check) {
  CheckSnapshot result{check.check, reported_verdict(check), {}};
  if (check.detector) {
    const auto& history = check.detector->history();
    result.history.assign(history.begin(), history.end());
  }
  return result;
}

std::unique_ptr<Shard::Check> Shard::make_check(PreparedCheck prepared, Health last,
                                                MonoTime now) const {
  auto check = std::make_unique<Check>(std::move(prepared));
  const HealthCheck& settings = check->check;
  check->last_health = last;
  check->timeout = settings.timing.timeout;
  if (settings.disabled) {
    check->disabled_since = now;
  } else {
    check->detector.emplace(settings.timing, Rng(fnv1a(settings.id.str(), seed_)), now, last);
  }
  return check;
}

void Shard::retire(Check& check) {
  heap_.remove(check);
  prober_.drop(check);
}

void Shard::apply(std::vector<PreparedCheck> prepared, MonoTime now) {
  {
    const std::lock_guard lock(mutex_);
    deliver_finished();  // results that are here count for the old settings
    Checks next;
    MonoTime first = now;
    for (PreparedCheck& each : prepared) {
      const HealthCheckId id = each.check.id;
      const auto old = checks_.find(id);
      if (old != checks_.end() && old->second->check == each.check) {
        old->second->tls = std::move(each.tls);  // ca_file may have new contents
        next.insert(checks_.extract(old));
        continue;
      }
      Health last = each.initial.value_or(Health::kUnknown);
      std::optional<Verdict> before;
      if (old != checks_.end()) {
        last = raw_health(*old->second);
        before = reported_verdict(*old->second);
      } else if (each.check.inverted) {
        last = inverse(last);
      }
      auto check = make_check(std::move(each), last, now);
      if (before || !check->detector) {
        Verdict after = reported_verdict(*check);
        Verdict earlier = before.value_or(Verdict{});
        if (earlier.health != after.health) {
          transitions_.emplace_back(id, detect::Transition{std::move(earlier), std::move(after)});
        }
      }
      if (check->detector) {
        heap_.set(*check, std::max(first, check->detector->wakeup()));
        first += kStartSpacing;
      }
      next.emplace(id, std::move(check));
    }
    for (auto& [id, gone] : checks_) {  // removed, or replaced by a changed one
      retire(*gone);
    }
    checks_ = std::move(next);
  }
  boost::asio::post(io_, [] {});  // the thread may be asleep until a later time
}

void Shard::start() {
  {
    const std::lock_guard lock(mutex_);
    // Time between apply() and start() is not lateness.
    const MonoTime now = mono_now();
    MonoTime first = now;
    for (auto& [id, check] : checks_) {
      if (check->detector && check->wake < first) {
        heap_.set(*check, first);
        first += kStartSpacing;
      }
    }
  }
  const BlockedSignals blocked;
  thread_ = std::thread([this] { run(); });
}

void Shard::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  boost::asio::post(io_, [] {});
  if (thread_.joinable()) {
    thread_.join();
  }
  const std::lock_guard lock(mutex_);
  for (auto& [id, check] : checks_) {
    retire(*check);
  }
}

void Shard::run() {
  for (;;) {
    MonoTime next = mono_now() + std::chrono::seconds(1);
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) {
        return;
      }
      if (!heap_.empty()) {
        next = std::min(next, heap_.top().wake);
      }
    }
    io_.run_one_until(to_steady(next));
    for (int i = 0; i < kReadyBatch && io_.poll_one() > 0; ++i) {
    }
    {
      const std::lock_guard lock(mutex_);
      // Before results move wake-ups: a stall must stay visible for every check of this turn.
      turn_late_ = heap_.empty() ? Duration{} : mono_now() - heap_.top().wake;
      deliver_finished();
      service_due();
    }
    deliver_transitions();
  }
}

void Shard::service_due() {
  for (int i = 0; i < kServiceBatch && !heap_.empty(); ++i) {
    const MonoTime now = mono_now();
    if (heap_.top().wake > now) {
      return;
    }
    service(heap_.top(), now);
  }
}

void Shard::service(Check& check, MonoTime now) {
  const Duration late = std::max(now - check.wake, turn_late_);
  const bool stalled = late > check.timeout / 2;
  watch_own_lateness(check, late, stalled, now);
  prober_.advance(check, now, stalled);
  deliver_finished();
  report(check, check.detector->expire(now));
  while (const auto order = check.detector->next_probe(now)) {
    ++counters_.probes_started;
    check.timeout = order->timeout;
    check.sample.started(order->sequence, check.detector->verdict().health, now);
    prober_.start(check, order->sequence, order->timeout, now);
  }
  deliver_finished();
  reschedule(check, now + kServicePauseMin);
}

void Shard::watch_own_lateness(Check& check, Duration late, bool stalled, MonoTime now) {
  count(counters_.lateness, late);
  counters_.lateness_sum += late;
  counters_.lateness_max = std::max(counters_.lateness_max, late);
  if (stalled) {
    ++counters_.stalls;
    check.punctual_streak = 0;
    check.late_streak =
        std::min<std::uint8_t>(static_cast<std::uint8_t>(check.late_streak + 1), kLateStreakMax);
    // One pause that is long enough says as much as several short ones: what this process believes
    // was true when it was stopped.
    if ((check.late_streak == kLateStreakMax || late > kPauseMax) && !check.disqualified) {
      check.disqualified = true;
      report(check, check.detector->disqualify(
                        fmt::format("this checker's own timers run late ({:.0f} ms)",
                                    to_milliseconds(late)),
                        now));
    }
    return;
  }
  check.late_streak = 0;
  if (check.disqualified && ++check.punctual_streak >= kPunctualStreakMin) {
    check.disqualified = false;
    check.punctual_streak = 0;
    report(check, check.detector->qualify(now));
  }
}

// Gives the detectors what the prober brought. A result may end a suspicion or start a burst, so
// the check's wake-up moves.
void Shard::deliver_finished() {
  for (const Finished& finished : prober_.take_finished()) {
    const Observation& observation = finished.observation;
    ++counters_.probes_finished[static_cast<std::size_t>(observation.outcome)];
    if (observation.outcome == ProbeOutcome::kSuccess) {
      const Duration latency = observation.finished - observation.started;
      counters_.latency_sum += latency;
      count(counters_.latency, latency);
    }
    // Only checks with a detector start probes, and drop() takes the results of retired ones away.
    auto& check = static_cast<Check&>(*finished.target);
    check.sample.ended(observation);
    report(check, check.detector->observe(observation, observation.finished));
    reschedule(check, observation.finished);
  }
  for (Target* target : prober_.take_closed()) {
    auto& check = static_cast<Check&>(*target);
    const MonoTime now = mono_now();
    check.detector->look_closer(now);
    reschedule(check, now);
  }
}

void Shard::report(const Check& check, std::optional<detect::Transition> transition) {
  if (!transition || !on_transition_) {
    return;
  }
  if (check.check.inverted) {
    transition->before = inverse(std::move(transition->before));
    transition->after = inverse(std::move(transition->after));
  }
  transitions_.emplace_back(check.check.id, std::move(*transition));
}

void Shard::reschedule(Check& check, MonoTime earliest) {
  const MonoTime next = std::min(check.detector->wakeup(), prober_.next_deadline(check));
  heap_.set(check, std::max(next, earliest));
}

void Shard::deliver_transitions() {
  std::vector<std::pair<HealthCheckId, detect::Transition>> transitions;
  {
    const std::lock_guard lock(mutex_);
    transitions.swap(transitions_);
  }
  if (on_transition_) {
    for (const auto& [id, transition] : transitions) {
      on_transition_(id, transition);
    }
  }
}

void Shard::snapshot(std::vector<CheckSnapshot>& out) const {
  // In batches: a copy of everything under one lock would delay probes.
  HealthCheckId last;
  for (;;) {
    const std::lock_guard lock(mutex_);
    auto each = checks_.upper_bound(last);
    for (std::size_t i = 0; i < kSnapshotBatch && each != checks_.end(); ++i, ++each) {
      out.push_back(snapshot_of(*each->second));
      last = each->first;
    }
    if (each == checks_.end()) {
      return;
    }
  }
}

std::optional<CheckSnapshot> Shard::snapshot(const HealthCheckId& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = checks_.find(id);
  return found == checks_.end() ? std::nullopt : std::optional(snapshot_of(*found->second));
}

void Shard::verdicts(std::vector<std::pair<HealthCheckId, Verdict>>& out) const {
  HealthCheckId last;
  for (;;) {
    const std::lock_guard lock(mutex_);
    auto each = checks_.upper_bound(last);
    for (std::size_t i = 0; i < kSnapshotBatch && each != checks_.end(); ++i, ++each) {
      out.emplace_back(each->first, reported_verdict(*each->second));
      last = each->first;
    }
    if (each == checks_.end()) {
      return;
    }
  }
}

void Shard::gray_counts(std::vector<std::pair<HealthCheckId, detect::GrayCounts>>& out) const {
  HealthCheckId last;
  for (;;) {
    const std::lock_guard lock(mutex_);
    auto each = checks_.upper_bound(last);
    for (std::size_t i = 0; i < kSnapshotBatch && each != checks_.end(); ++i, ++each) {
      out.emplace_back(each->first, each->second->sample.counts());
      last = each->first;
    }
    if (each == checks_.end()) {
      return;
    }
  }
}

void Shard::add_counters(CheckerCounters& sum) const {
  const std::lock_guard lock(mutex_);
  sum.probes_started += counters_.probes_started;
  for (std::size_t i = 0; i < CheckerCounters::kOutcomes; ++i) {
    sum.probes_finished[i] += counters_.probes_finished[i];
  }
  for (std::size_t i = 0; i < sum.latency.size(); ++i) {
    sum.latency[i] += counters_.latency[i];
    sum.lateness[i] += counters_.lateness[i];
  }
  sum.latency_sum += counters_.latency_sum;
  sum.lateness_sum += counters_.lateness_sum;
  sum.lateness_max = std::max(sum.lateness_max, counters_.lateness_max);
  sum.stalls += counters_.stalls;
  const Prober::Counters prober = prober_.counters();
  sum.connections_opened += prober.connections_opened;
  sum.connections_reused += prober.connections_reused;
  sum.reuse_retries += prober.reuse_retries;
  sum.connections += prober.sessions;
  sum.checks += checks_.size();
  for (const auto& [id, check] : checks_) {
    sum.disqualified += check->disqualified ? 1U : 0U;
  }
}

}  // namespace leeward::probe
