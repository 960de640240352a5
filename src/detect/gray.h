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
// not been so for `hold`. A gray region is a reason to tell somebody, not to move users: it is no
// vote. Sources: Huang et al., "Gray failure" (HotOS 2017); Fisher (1922).
//
// Thread-safety: none; one owner. Memory: one bucket per second of the window. Time never
// decreases between calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/time.h"

namespace leeward::detect {

// The probability that, of `bad_here` + `bad_there` bad requests spread by chance over `all_here`
// + `all_there`, at least `bad_here` fall here; 1 where "here" is no worse than "there".
// REQUIRES: bad_* <= all_*.
[[nodiscard]] double fisher_exact(std::uint64_t bad_here, std::uint64_t all_here,
                                  std::uint64_t bad_there, std::uint64_t all_there);

struct GrayPolicy {
  double good_share = 0.90;
  double p_max = 1e-6;
  Duration window = std::chrono::seconds(5);  // whole seconds, at least 1
  Duration hold = std::chrono::seconds(5);
  Duration slow_after = std::chrono::seconds(1);  // an answer that took longer is not good
};

struct GrayStatus {
  bool suspect = false;
  MonoTime since;         // when it became this
  double good_share = 1;  // of the region's requests in the window; 1 where there is none
  double cohort_good_share = 1;
  double p = 1;
  std::string reason;  // one line for a person; empty while all is well
};

class GrayLane {
 public:
  GrayLane(const GrayPolicy& policy, MonoTime now);

  // A request ended. nullopt: it failed; else how long its answer took.
  void region_answered(std::optional<Duration> latency, MonoTime now);
  void cohort_answered(std::optional<Duration> latency, MonoTime now);
  // Counters of a service: so many requests since the last call, so many of them bad.
  void region_counted(std::uint64_t all, std::uint64_t bad, MonoTime now);
  void cohort_counted(std::uint64_t all, std::uint64_t bad, MonoTime now);

  // Call about every second. True: `suspect` changed.
  bool judge(MonoTime now);

  [[nodiscard]] const GrayStatus& status() const { return status_; }

 private:
  struct Counts {
    std::uint64_t all = 0;
    std::uint64_t bad = 0;
  };
  struct Bucket {
    MonoTime from;
    Counts region;
    Counts cohort;
  };

  Bucket& bucket(MonoTime now);
  void forget(MonoTime now);
  [[nodiscard]] Counts one(std::optional<Duration> latency) const;

  GrayPolicy policy_;
  std::deque<Bucket> buckets_;  // oldest first
  bool worse_ = false;          // as of the last judgement
  MonoTime worse_since_;        // when worse_ last changed
  GrayStatus status_;
};

}  // namespace leeward::detect
