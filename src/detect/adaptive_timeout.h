// SPDX-License-Identifier: Apache-2.0
//
// How long this target usually takes: SRTT + 4 x RTTVAR of its own successes (RFC 6298, 2.2 and
// 2.3), between a floor and a ceiling. Until the first success it is the ceiling.
//
// Thread-safety: none; one owner.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/time.h"

namespace leeward::detect {

class AdaptiveTimeout {
 public:
  // REQUIRES: floor <= ceiling.
  AdaptiveTimeout(Duration floor, Duration ceiling) : floor_(floor), ceiling_(ceiling) {}

  void learn(Duration round_trip) {
    const Duration sample = std::clamp(round_trip, Duration::zero(), ceiling_);
    if (!learned_) {
      smoothed_ = sample;
      variation_ = sample / 2;
      learned_ = true;
      return;
    }
    const Duration deviation = smoothed_ > sample ? smoothed_ - sample : sample - smoothed_;
    variation_ = (variation_ * 3 + deviation) / 4;
    smoothed_ = (smoothed_ * 7 + sample) / 8;
  }

  [[nodiscard]] Duration current() const {
    return learned_ ? std::clamp(smoothed_ + variation_ * 4, floor_, ceiling_) : ceiling_;
  }

 private:
  Duration floor_;
  Duration ceiling_;
  bool learned_ = false;
  Duration smoothed_{};
  Duration variation_{};
};

}  // namespace leeward::detect
