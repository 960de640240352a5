// SPDX-License-Identifier: Apache-2.0
//
// How good a check's target is, seen at the check's regular pace. After a miss, probes follow each
// other quickly; all of them together would describe the bad moments, not the time. So only probes
// that start a regular interval after the last counted one count, whatever becomes of them: which
// these are is decided when they start. Nor do probes of a target that is held unhealthy: an outage
// is no doubt, and should raise none when it is over. The checker's own errors count nowhere.
//
// Thread-safety: none; one owner. Memory: bounded by the probes under way.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "base/time.h"
#include "detect/gray.h"
#include "model/health.h"
#include "model/health_check.h"

namespace leeward::detect {

class PacedSample {
 public:
  explicit PacedSample(const CheckTiming& timing)
      : policy_(timing.gray),
        // Neighbours among regular probes are at least so far apart (schedule.h).
        pace_(Duration(static_cast<Duration::rep>(static_cast<double>(timing.interval.count()) *
                                                  (1 - timing.jitter)))) {}

  // `health`: what the target is held to be.
  void started(std::uint64_t sequence, Health health, MonoTime at) {
    if (health == Health::kHealthy && (!last_ || at - *last_ >= pace_)) {
      last_ = at;
      counted_.insert(sequence);
    }
  }

  // `observation`: how the probe ended; those that were not chosen change nothing.
  void ended(const Observation& observation) {
    if (counted_.erase(observation.sequence) == 0 ||
        observation.outcome == ProbeOutcome::kLocalError) {
      return;
    }
    const bool good = observation.outcome == ProbeOutcome::kSuccess &&
                      is_good(policy_, std::optional(observation.finished - observation.started));
    ++counts_.all;
    counts_.bad += good ? 0 : 1;
  }

  [[nodiscard]] GrayCounts counts() const { return counts_; }  // since the check began

 private:
  GrayPolicy policy_;
  Duration pace_;
  std::optional<MonoTime> last_;
  std::set<std::uint64_t> counted_;  // under way
  GrayCounts counts_;
};

}  // namespace leeward::detect
