// SPDX-License-Identifier: Apache-2.0
#include "detect/formulas.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "detect/miss_rate.h"

namespace leeward::detect {
namespace {

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

Duration from_seconds(double value) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(value));
}

double binomial(int of, int chosen) {
  return std::exp(std::lgamma(of + 1.0) - std::lgamma(chosen + 1.0) -
                  std::lgamma(of - chosen + 1.0));
}

// How many trials, each a success with `share`, until `wanted` successes in a row (Feller, vol. 1,
// XIII.7).
double trials_until_run(int wanted, double share) {
  if (share >= 1) {
    return wanted;
  }
  const double run = std::pow(share, wanted);
  return (1 - run) / ((1 - share) * run);
}

// From the first probe of a burst to its last one.
Duration burst_length(const CheckTiming& timing, int misses, Duration hedge) {
  return misses <= 1
             ? Duration::zero()
             : std::max(hedge, timing.confirm_spacing) + timing.confirm_spacing * (misses - 2);
}

// The regular probes that start while the burst waits for its timeouts. One answer among them ends
// the suspicion, so they must be lost, too.
int probes_meanwhile(const CheckTiming& timing, int misses, Duration hedge) {
  return static_cast<int>((burst_length(timing, misses, hedge) + timing.timeout) / timing.interval);
}

}  // namespace

double probe_miss(double loss, int packets) {
  return 1 - std::pow(1 - loss, packets);
}

int misses_needed(const CheckTiming& timing, double miss) {
  if (timing.failure_threshold) {
    return *timing.failure_threshold;
  }
  const double known = std::clamp(miss, MissRate::kFloor, MissRate::kCap);
  const double needed = std::ceil((std::log(timing.auto_alpha) / std::log(known)) - 1e-9);
  return static_cast<int>(std::clamp(needed, static_cast<double>(timing.auto_min),
                                     static_cast<double>(timing.auto_max)));
}

Duration DetectionTime::quantile(double share) const {
  return from_seconds(seconds(interval) * share) + after_probe;
}

DetectionTime detection_of_silence(const CheckTiming& timing, int misses, Duration hedge) {
  return {timing.interval, burst_length(timing, misses, hedge) + timing.timeout};
}

DetectionTime detection_of_refusal(const CheckTiming& timing, int misses, Duration round_trip) {
  return {timing.interval,
          burst_length(timing, misses, std::max(round_trip, timing.confirm_spacing)) + round_trip};
}

DetectionTime detection_by_fixed_threshold(Duration interval, Duration timeout, int misses) {
  return {interval, interval * (misses - 1) + timeout};
}

double at_least(int least, int of, double share) {
  double sum = 0;
  for (int j = std::max(0, least); j <= of; ++j) {
    sum += binomial(of, j) * std::pow(share, j) * std::pow(1 - share, of - j);
  }
  return std::min(sum, 1.0);
}

Duration QuorumTime::mean() const {
  return from_seconds(seconds(each.interval) * required / (vantages + 1)) + each.after_probe +
         vote_delay;
}

// The share of trials whose required-th phase is at most x is P(at least `required` phases <= x).
Duration QuorumTime::quantile(double share) const {
  LEEWARD_CHECK(required >= 1 && required <= vantages, "a quorum larger than its fleet");
  double low = 0;
  double high = 1;
  for (int round = 0; round < 60; ++round) {
    const double middle = (low + high) / 2;
    (at_least(required, vantages, middle) < share ? low : high) = middle;
  }
  return each.quantile(high) + vote_delay;
}

double Mistakes::share() const {
  const double wrong = rate * seconds(duration);
  return wrong / (1 + wrong);
}

double Mistakes::recurrence() const {
  return rate * (1 - share());
}

Mistakes mistakes_of_burst(const CheckTiming& timing, int misses, double miss, Duration hedge) {
  const double interval = seconds(timing.interval);
  const int meanwhile = probes_meanwhile(timing, misses, hedge);
  // Wrong from the last miss's timeout until the regular probes have answered often enough.
  const double wrong =
      interval * (meanwhile + trials_until_run(timing.success_threshold, 1 - miss)) -
      seconds(burst_length(timing, misses, hedge) + timing.timeout);
  return {std::pow(miss, misses + meanwhile) / interval, from_seconds(std::max(wrong, 0.0))};
}

double mistake_rate_on_bursts(const CheckTiming& timing, int misses, double bad,
                              Duration burst_mean, Duration hedge, Duration round_trip) {
  const double mean = seconds(burst_mean);
  const double interval = seconds(timing.interval);
  const double begins = bad / mean;  // bad periods per second
  const double met = mean / interval * (1 - std::exp(-interval / mean));
  // A probe is also lost when only its answer meets the bad period: the first probe may be half a
  // round trip early, the last one half a round trip before the end.
  const double early = seconds(round_trip) / 2 / interval;
  const Duration silence = std::max(burst_length(timing, misses, hedge),
                                    timing.interval * probes_meanwhile(timing, misses, hedge));
  const double outlives = std::exp(-seconds(silence) / mean);
  return begins * (met + early) * outlives;
}

Mistakes mistakes_of_fixed_threshold(Duration interval, Duration timeout, Duration round_trip,
                                     int misses, int successes, double miss) {
  const double each = seconds(interval);
  const double later = seconds(timeout - round_trip);  // a miss is known that much after a success
  return {1 / (each * trials_until_run(misses, miss) + later),
          from_seconds(std::max(each * trials_until_run(successes, 1 - miss) - later, 0.0))};
}

double false_quorum_rate(const Mistakes& each, int vantages, int required) {
  LEEWARD_CHECK(required >= 1 && required <= vantages, "a quorum larger than its fleet");
  const double wrong = each.share();
  return vantages * each.recurrence() * binomial(vantages - 1, required - 1) *
         std::pow(wrong, required - 1) * std::pow(1 - wrong, vantages - required);
}

double false_action_rate(const Mistakes& each, int vantages, int required,
                         Duration confirm_window) {
  const double lasting = seconds(each.duration);
  const double outlives =
      lasting <= 0 ? 0 : std::exp(-required * seconds(confirm_window) / lasting);
  return false_quorum_rate(each, vantages, required) *
         (confirm_window == Duration::zero() ? 1 : outlives);
}

double verdict_availability(double availability, int vantages, int required) {
  return at_least(required, vantages, availability);
}

}  // namespace leeward::detect
