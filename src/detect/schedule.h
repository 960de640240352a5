// SPDX-License-Identifier: Apache-2.0
//
// When regular probes are due: slot k is at phase + k x interval, each probe a random share of
// `jitter` x interval into its slot. Lateness of one probe never moves the next (no drift), and
// slots missed during a pause are skipped, not made up for (no storm).
//
// Thread-safety: none; one owner.
#pragma once

#include <algorithm>

#include "base/rng.h"
#include "base/time.h"

namespace leeward::detect {

class Schedule {
 public:
  Schedule(Duration interval, double jitter, Rng rng, MonoTime now, bool at_once)
      : interval_(std::max(interval, Duration(1))), jitter_(jitter), rng_(rng), slot_(now) {
    const Duration phase = share_of_interval(1.0);
    slot_ += at_once ? Duration::zero() : phase;
    due_ = slot_;
  }

  [[nodiscard]] MonoTime due() const { return due_; }

  // REQUIRES: due() <= now.
  void advance(MonoTime now) {
    slot_ += interval_ * ((now - slot_) / interval_ + 1);
    due_ = slot_ + share_of_interval(jitter_);
  }

 private:
  Duration share_of_interval(double share) {
    return Duration(
        static_cast<Duration::rep>(static_cast<double>(interval_.count()) * share * rng_.unit()));
  }

  Duration interval_;
  double jitter_;
  Rng rng_;
  MonoTime slot_;
  MonoTime due_;
};

}  // namespace leeward::detect
