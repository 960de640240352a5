// SPDX-License-Identifier: Apache-2.0
//
// May this vantage point vote? Its own doubts come first: a checker whose network is cut sees every
// target dead. It votes only while at least `required` of its anchors (places known to be up: the
// other regions, neutral hosts of other networks) have answered lately and its own timers run on
// time. Otherwise every Detector of it is told disqualify(reason), and qualify() when the doubt is
// over. Sources: Lifeguard (Dadgar et al., 2018) for doubting oneself.
//
// Thread-safety: none; one owner. Time never decreases between calls.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/time.h"
#include "detect/reasons.h"

namespace leeward::detect {

struct VantagePolicy {
  std::size_t anchors = 0;   // how many there are; 0: none, only timers count
  std::size_t required = 0;  // of them; <= anchors
  Duration answered_within = std::chrono::seconds(1);
  Duration lateness_max = std::chrono::milliseconds(250);
  Duration lateness_memory = std::chrono::seconds(1);  // on time for so long before it votes again
};

class Vantage {
 public:
  // Not qualified until its anchors have answered.
  explicit Vantage(const VantagePolicy& policy) : policy_(policy), answered_(policy.anchors) {}

  // REQUIRES: anchor < policy.anchors.
  void anchor_answered(std::size_t anchor, MonoTime at) { answered_[anchor] = at; }

  // A timer of the checker ran this late.
  void timer_ran(Duration late, MonoTime at) {
    if (late > policy_.lateness_max) {
      late_at_ = at;
      lateness_ = late;
    }
  }

  // Why it may not vote now; nullopt: it may.
  [[nodiscard]] std::optional<std::string> doubt(MonoTime now) const {
    if (late_at_ && now - *late_at_ < policy_.lateness_memory) {
      return fmt::format("its timers ran {} late", readable(lateness_));
    }
    const auto lately = std::ranges::count_if(answered_, [&](const std::optional<MonoTime>& at) {
      return at && now - *at <= policy_.answered_within;
    });
    if (static_cast<std::size_t>(lately) < policy_.required) {
      return fmt::format("{} of {} anchors answered within {}, {} are needed", lately,
                         policy_.anchors, readable(policy_.answered_within), policy_.required);
    }
    return std::nullopt;
  }

 private:
  VantagePolicy policy_;
  std::vector<std::optional<MonoTime>> answered_;  // by anchor
  std::optional<MonoTime> late_at_;
  Duration lateness_{};
};

}  // namespace leeward::detect
