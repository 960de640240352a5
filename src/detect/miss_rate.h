// SPDX-License-Identifier: Apache-2.0
//
// The share of probes that a healthy target leaves unanswered on this path, and how many misses in
// a row it then takes to be sure: Wald's sequential probability ratio test (1945) with one-sided
// evidence,
//     m = ceil( ln(1/alpha) / ln(1/miss_rate) )
//
// Thread-safety: none; one owner.
#pragma once

#include <algorithm>
#include <cmath>

namespace leeward::detect {

class MissRate {
 public:
  static constexpr double kFloor = 0.01;  // nobody's path is better than this for ever
  static constexpr double kCap = 0.6;     // beyond it no number of probes would help
  static constexpr double kMemory = 512;  // probes; the weight of a new one is at least 1/512

  // Only probes sent while the target was believed healthy: a dead target is not a lossy path.
  void learn(bool missed) {
    // The first probes weigh more, so that a lossy path is known after a minute and not after ten;
    // the prior of 32 answered probes keeps one early miss from counting as a lossy path.
    samples_ = std::min(samples_ + 1, kMemory);
    const double weight = 1.0 / std::min(samples_ + 32, kMemory);
    estimate_ += weight * ((missed ? 1.0 : 0.0) - estimate_);
  }

  [[nodiscard]] double current() const { return std::clamp(estimate_, kFloor, kCap); }

  // REQUIRES: 0 < alpha < 1, 1 <= least <= most.
  [[nodiscard]] int threshold(double alpha, int least, int most) const {
    // A hair less before rounding up: ln(1e6)/ln(100) is 3, not 3.0000000000000004.
    const double needed = std::ceil((std::log(alpha) / std::log(current())) - 1e-9);
    return static_cast<int>(std::clamp(needed, double(least), double(most)));
  }

 private:
  double estimate_ = kFloor;
  double samples_ = 0;
};

}  // namespace leeward::detect
