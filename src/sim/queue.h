// SPDX-License-Identifier: Apache-2.0
//
// Virtual time: what is to happen, in order. Things of one instant happen in the order in which
// they were asked for, so that a seed gives the same history everywhere.
//
// Thread-safety: none; one owner.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/time.h"

namespace leeward::sim {

using Task = std::move_only_function<void()>;

class Queue {
 public:
  [[nodiscard]] MonoTime now() const { return now_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

  // In the past: now.
  void at(MonoTime when, Task task) {
    heap_.push_back({std::max(when, now_), next_++, std::move(task)});
    std::ranges::push_heap(heap_, later);
  }
  void after(Duration delay, Task task) { at(now_ + delay, std::move(task)); }

  // False: nothing is left before `end`; the time is `end` then.
  bool run_next(MonoTime end) {
    if (heap_.empty() || heap_.front().when > end) {
      now_ = std::max(now_, end);
      return false;
    }
    std::ranges::pop_heap(heap_, later);
    Entry entry = std::move(heap_.back());
    heap_.pop_back();
    now_ = entry.when;
    ++events_;
    entry.task();
    return true;
  }

 private:
  struct Entry {
    MonoTime when;
    std::uint64_t order;
    Task task;
  };
  static bool later(const Entry& left, const Entry& right) {
    return std::pair(left.when, left.order) > std::pair(right.when, right.order);
  }

  std::vector<Entry> heap_;
  MonoTime now_;
  std::uint64_t next_ = 0;
  std::uint64_t events_ = 0;
};

// A clock that runs a little fast or slow, and whose idea of the date may jump. The monotonic half
// never jumps.
class LocalClock {
 public:
  explicit LocalClock(Duration offset) : local_(MonoTime(offset)) {}

  void set_drift(MonoTime truth, double parts_per_million) {
    local_ = mono(truth);
    truth_ = truth;
    rate_ = 1.0 + parts_per_million * 1e-6;
  }
  void jump(Duration by) { wall_offset_ += by; }

  [[nodiscard]] MonoTime mono(MonoTime truth) const {
    return local_ + scaled(truth - truth_, rate_);
  }
  [[nodiscard]] MonoTime truth_of(MonoTime local) const {
    // Rounded up: a timer never fires before it is due by its own clock.
    return truth_ + scaled(local - local_, 1.0 / rate_) + Duration(rate_ == 1.0 ? 0 : 2);
  }
  [[nodiscard]] WallTime wall(MonoTime truth) const {
    return WallTime(std::chrono::hours(24 * 365 * 56) + truth.time_since_epoch() + wall_offset_ +
                    (mono(truth) - local_) - (truth - truth_));
  }

 private:
  static Duration scaled(Duration duration, double rate) {
    return rate == 1.0
               ? duration
               : Duration(static_cast<Duration::rep>(static_cast<double>(duration.count()) * rate));
  }

  MonoTime truth_;
  MonoTime local_;
  double rate_ = 1.0;
  Duration wall_offset_{};
};

}  // namespace leeward::sim
