// SPDX-License-Identifier: Apache-2.0
//
// A run of like outcomes, in the order in which the probes *started* (their sequence), not in the
// order in which they ended: probes of a burst overlap, and a slow answer to an old probe says
// nothing about what happened to newer ones.
//
// Thread-safety: none; one owner. Memory: at most kKept sequences; older ones are only counted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

namespace leeward::detect {

class Run {
 public:
  static constexpr std::size_t kKept = 128;  // more than any threshold (100)
  static constexpr int kCountMax = 1'000'000'000;

  void add(std::uint64_t sequence) {
    kept_.insert(std::lower_bound(kept_.begin(), kept_.end(), sequence), sequence);
    if (kept_.size() > kKept) {
      counted_up_to_ = kept_.front();
      kept_.pop_front();
      counted_ = std::min(counted_ + 1, kCountMax);
    }
  }

  // An outcome of the other kind at `sequence`: what started before it no longer counts.
  void cut_before(std::uint64_t sequence) {
    kept_.erase(kept_.begin(), std::lower_bound(kept_.begin(), kept_.end(), sequence));
    if (counted_up_to_ < sequence) {
      counted_ = 0;
    }
  }

  void clear() {
    kept_.clear();
    counted_ = 0;
  }

  [[nodiscard]] bool empty() const { return kept_.empty(); }
  [[nodiscard]] int size() const { return counted_ + static_cast<int>(kept_.size()); }
  [[nodiscard]] bool contains(std::uint64_t sequence) const {
    return std::binary_search(kept_.begin(), kept_.end(), sequence);
  }

 private:
  std::deque<std::uint64_t> kept_;  // ascending
  std::uint64_t counted_up_to_ = 0;
  int counted_ = 0;
};

}  // namespace leeward::detect
