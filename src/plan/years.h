// SPDX-License-Identifier: Apache-2.0
//
// Long lives of the real detector and quorum, with outages at random moments, and what must be true
// of each: one life draws its settings (threshold, pace, vantage points, confirm window), its
// paths' loss and its outages from its seed. Checked:
//
// - Without loss, nothing but an outage makes a checker doubt its target enough to call it dead.
// - An outage that begins while the target is held healthy is acted on within a bound: one slot and
//   its jitter until the next probe, the burst, the timeout, the votes' way, the confirm window.
// - Without loss it is healthy again afterwards, within the slots that success_threshold needs.
//
// Pure; the same seed and interval give the same life.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace leeward::plan {

struct YearsReport {
  std::uint64_t lives = 0;
  double years = 0;  // of single detectors: a life counts once for each of its vantage points
  std::uint64_t probes = 0;
  std::uint64_t outages = 0;
  std::uint64_t not_judged = 0;     // of them: began while loss made the target look dead
  std::uint64_t not_recovered = 0;  // of them: 300 intervals later still dead; with loss only
  std::uint64_t mistaken = 0;       // actions without an outage, all of them in lives with loss
  double slowest_of_bound = 0;      // the slowest detection, as a share of its bound
  std::vector<std::string> broken;  // what was not true; begins with the life's seed

  void add(const YearsReport& other);
};

// One life of about `probes` probe intervals. REQUIRES: interval from 20ms to 1h; probes > 0.
[[nodiscard]] YearsReport live(std::uint64_t seed, Duration interval, int probes);

}  // namespace leeward::plan
