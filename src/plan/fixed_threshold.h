// SPDX-License-Identifier: Apache-2.0
//
// The detector that most products have, for comparison: a probe every interval, unhealthy after a
// fixed number of misses in a row, healthy after a fixed number of successes. It has no burst, and
// learns nothing. The same calls as detect::Detector.
//
// Thread-safety: none; one owner.
#pragma once

#include <algorithm>
#include <map>

#include "base/rng.h"
#include "base/time.h"
#include "detect/detector.h"
#include "model/health.h"

namespace leeward::plan {

struct FixedTiming {
  Duration interval{};  // > 0
  Duration timeout{};
  int failures = 3;  // in a row, until unhealthy; >= 1
  int successes = 1;
  // gdnsd: failures need not be in a row; this many successes in a row forget them. 0: one does.
  int forget_after = 0;
};

class FixedThreshold {
 public:
  FixedThreshold(const FixedTiming& timing, Rng rng, MonoTime now)
      : timing_(timing),
        due_(now + Duration(static_cast<Duration::rep>(
                       rng.unit() * static_cast<double>(timing.interval.count())))) {}

  std::optional<detect::ProbeOrder> next_probe(MonoTime now) {
    if (due_ > now) {
      return std::nullopt;
    }
    due_ += timing_.interval;
    deadlines_.emplace(++sequence_, now + timing_.timeout);
    return detect::ProbeOrder{.sequence = sequence_, .timeout = timing_.timeout};
  }

  [[nodiscard]] MonoTime wakeup() const {
    return deadlines_.empty() ? due_ : std::min(due_, deadlines_.begin()->second);
  }

  void observe(const Observation& observation, MonoTime /*now*/) {
    if (deadlines_.erase(observation.sequence) > 0) {
      count(observation.outcome == ProbeOutcome::kSuccess);
    }
  }

  void expire(MonoTime now) {
    while (!deadlines_.empty() && deadlines_.begin()->second <= now) {
      deadlines_.erase(deadlines_.begin());
      count(false);
    }
  }

  void look_closer(MonoTime /*now*/) {}

  [[nodiscard]] Health health() const { return health_; }

 private:
  void count(bool success) {
    if (success) {
      ++successes_;
      if (successes_ >= std::max(1, timing_.forget_after)) {
        misses_ = 0;
      }
      if (successes_ >= timing_.successes) {
        health_ = Health::kHealthy;
      }
      return;
    }
    successes_ = 0;
    if (++misses_ >= timing_.failures) {
      health_ = Health::kUnhealthy;
    }
  }

  FixedTiming timing_;
  MonoTime due_;
  std::uint64_t sequence_ = 0;
  std::map<std::uint64_t, MonoTime> deadlines_;  // of open probes
  int misses_ = 0;
  int successes_ = 0;
  Health health_ = Health::kHealthy;
};

}  // namespace leeward::plan
