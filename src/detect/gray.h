// SPDX-License-Identifier: Apache-2.0
//
// The gray lane: a region that answers, but worse than it should. Each second's requests (probes,
// or what the service itself counts) are compared with those of a control cohort, which is the
// other region at the same time: a fault that both share, such as a bad release or a slow database
// behind both, is no reason to leave one for the other.
//
// Suspected where, over the window, fewer than `good_share` of the region's requests were good and
// chance alone would make it that much worse than the cohort with a probability below `p_max`
// (Fisher's exact test, one-sided), and this has been so for `hold`. The suspicion ends when it has
// not been so for `hold`. A gray region is a reason to tell somebody; it is a reason to move users
// only where GrayAction says so. Sources: Huang et al., "Gray failure" (HotOS 2017); Fisher (1922).
//
// Thread-safety: none; one owner. Memory: one bucket per second of the window. Time never
// decreases between calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.h"
#include "model/health.h"
#include "model/health_check.h"

namespace leeward::detect {

// The probability that, of `bad_here` + `bad_there` bad requests spread by chance over `all_here`
// + `all_there`, at least `bad_here` fall here; 1 where "here" is no worse than "there".
// REQUIRES: bad_* <= all_*.
[[nodiscard]] double fisher_exact(std::uint64_t bad_here, std::uint64_t all_here,
                                  std::uint64_t bad_there, std::uint64_t all_there);

// Requests that ended, and those of them that were not good.
struct GrayCounts {
  std::uint64_t all = 0;
  std::uint64_t bad = 0;

  friend bool operator==(const GrayCounts&, const GrayCounts&) = default;
};

// nullopt: the request failed; else how long its answer took.
[[nodiscard]] inline bool is_good(const GrayPolicy& policy, std::optional<Duration> latency) {
  return latency && (!policy.slow_after || *latency <= *policy.slow_after);
}

class GrayLane {
 public:
  GrayLane(const GrayPolicy& policy, MonoTime now);

  // A request ended. nullopt: it failed; else how long its answer took.
  void region_answered(std::optional<Duration> latency, MonoTime now);
  void cohort_answered(std::optional<Duration> latency, MonoTime now);
  // Counters of a service: so many requests since the last call, so many of them bad.
  void region_counted(GrayCounts counts, MonoTime now);
  void cohort_counted(GrayCounts counts, MonoTime now);

  // Call about every second. True: `suspect` changed.
  bool judge(MonoTime now);

  [[nodiscard]] const GrayStatus& status() const { return status_; }

 private:
  struct Bucket {
    MonoTime from;
    GrayCounts region;
    GrayCounts cohort;
  };

  Bucket& bucket(MonoTime now);
  void forget(MonoTime now);
  [[nodiscard]] GrayCounts one(std::optional<Duration> latency) const;

  GrayPolicy policy_;
  std::deque<Bucket> buckets_;  // oldest first
  bool worse_ = false;          // as of the last judgement
  MonoTime worse_since_;        // when worse_ last changed
  GrayStatus status_;
};

}  // namespace leeward::detect
