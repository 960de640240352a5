// SPDX-License-Identifier: Apache-2.0
//
// Flap damping: how long a target must answer without a miss before it is believed again. The base
// after one flap within the window, doubling with each further one, up to a limit. A flap is a
// change from healthy to unhealthy.
//
// Thread-safety: none; one owner. Memory: at most kFlapsMax times.
#pragma once

#include <algorithm>
#include <deque>

#include "base/time.h"

namespace leeward::detect {

class HoldDown {
 public:
  static constexpr std::size_t kFlapsMax = 32;  // 2^31 times any base is over every limit

  HoldDown(Duration base, Duration limit, Duration window)
      : base_(base), limit_(std::max(base, limit)), window_(window), current_(base) {}

  void flapped(MonoTime now) {
    while (!flaps_.empty() && now - flaps_.front() > window_) {
      flaps_.pop_front();
    }
    flaps_.push_back(now);
    if (flaps_.size() > kFlapsMax) {
      flaps_.pop_front();
    }
    current_ = base_;
    for (std::size_t flap = 1; flap < flaps_.size() && current_ < limit_; ++flap) {
      current_ = current_ > limit_ / 2 ? limit_ : current_ * 2;
    }
  }

  // Fixed at the last flap: it does not shrink while the target is being watched.
  [[nodiscard]] Duration current() const { return current_; }

 private:
  Duration base_;
  Duration limit_;
  Duration window_;
  Duration current_;
  std::deque<MonoTime> flaps_;
};

}  // namespace leeward::detect
