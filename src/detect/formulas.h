// SPDX-License-Identifier: Apache-2.0
//
// What a detector and a quorum will do, in closed form: how long they need for a dead target, and
// how often they are wrong about a healthy one. Checked against simulation of the real Detector
// within 10 % (plan/formulas_test.cc). Pure; all rates are per second, all shares 0 to 1.
//
// Sources: Chen, Toueg, Aguilera, "On the quality of service of failure detectors" (IEEE ToC 2002)
// for what to measure; Wald (1945) for the threshold; order statistics of uniform variables for
// quorums; alternating renewal processes for independent checkers.
#pragma once

#include "base/time.h"
#include "model/health_check.h"

namespace leeward::detect {

// The share of probes that a path which loses each packet with `loss` leaves unanswered, where
// `packets` must all survive. A datagram probe needs 2; fresh TCP in under a second about 2, since
// a lost SYN costs a second.
[[nodiscard]] double probe_miss(double loss, int packets);

// How many misses in a row the detector wants on such a path (miss_rate.h).
[[nodiscard]] int misses_needed(const CheckTiming& timing, double miss);

// The target dies at a moment that does not depend on the probes. Found after
// U(0, interval) + `after_probe`, U uniform.
struct DetectionTime {
  Duration interval{};
  Duration after_probe{};

  [[nodiscard]] Duration mean() const { return interval / 2 + after_probe; }
  [[nodiscard]] Duration max() const { return interval + after_probe; }
  // REQUIRES: 0 <= share <= 1.
  [[nodiscard]] Duration quantile(double share) const;
};

// A target that falls silent: one probe becomes overdue after `hedge` (the adaptive timeout), the
// burst sends the others, and the last of them runs into its timeout.
[[nodiscard]] DetectionTime detection_of_silence(const CheckTiming& timing, int misses,
                                                 Duration hedge);
// A target that refuses: each probe is answered, by no, after `round_trip`.
[[nodiscard]] DetectionTime detection_of_refusal(const CheckTiming& timing, int misses,
                                                 Duration round_trip);
// Without a burst: n misses in a row, one interval apart.
[[nodiscard]] DetectionTime detection_by_fixed_threshold(Duration interval, Duration timeout,
                                                         int misses);

// At least `least` of `of` independent things, each with probability `share`.
// REQUIRES: 0 <= least, 0 <= of <= 1000.
[[nodiscard]] double at_least(int least, int of, double share);

// The `required`-th of `vantages` independent detections, and a vote's way.
// REQUIRES: 1 <= required <= vantages.
struct QuorumTime {
  DetectionTime each;
  int vantages = 1;
  int required = 1;
  Duration vote_delay{};

  [[nodiscard]] Duration mean() const;
  [[nodiscard]] Duration max() const { return each.max() + vote_delay; }
  [[nodiscard]] Duration quantile(double share) const;
};

// How one checker errs about a healthy target.
struct Mistakes {
  double rate = 0;      // of false verdicts, per second of being right
  Duration duration{};  // of one, on average

  [[nodiscard]] double share() const;       // of time that it is wrong
  [[nodiscard]] double recurrence() const;  // false verdicts per second of any time
};

// Independent misses: a regular probe, all `misses` - 1 of its burst, and the regular probes that
// start before the last of them has timed out.
[[nodiscard]] Mistakes mistakes_of_burst(const CheckTiming& timing, int misses, double miss,
                                         Duration hedge);
// A path that is bad for exponential times (mean `burst_mean`), a share `bad` of all time, and then
// loses everything: a bad period must meet a regular probe and outlive the burst. Datagram probes.
[[nodiscard]] double mistake_rate_on_bursts(const CheckTiming& timing, int misses, double bad,
                                            Duration burst_mean, Duration hedge,
                                            Duration round_trip);
[[nodiscard]] Mistakes mistakes_of_fixed_threshold(Duration interval, Duration timeout,
                                                   Duration round_trip, int misses, int successes,
                                                   double miss);

// `required` of `vantages` independent checkers wrong at the same time: how often that begins.
[[nodiscard]] double false_quorum_rate(const Mistakes& each, int vantages, int required);
// ... and outlives the confirm window; mistakes end after exponential times.
[[nodiscard]] double false_action_rate(const Mistakes& each, int vantages, int required,
                                       Duration confirm_window);

// The verdict can be had: at least `required` of `vantages` qualified, each `availability`.
[[nodiscard]] double verdict_availability(double availability, int vantages, int required);

}  // namespace leeward::detect
