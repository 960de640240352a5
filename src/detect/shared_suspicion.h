// SPDX-License-Identifier: Apache-2.0
//
// One vantage point's doubt makes the others look at once, instead of when their own probes are
// next due: the quorum then needs the first phase of all vantage points, not the required-th. A
// doubt is a hint and no evidence (Detector::look_closer): each still sees for itself, and hints
// count once per interval. The price: mistakes of independent paths meet more often, since all
// probe more at the same time. With a fixed threshold on a very lossy path false quorums double;
// with the automatic one there are none either way (plan/formulas_test.cc). Rapid (Suresh et al.,
// ATC 2018) and Lifeguard spread suspicion likewise.
#pragma once

#include <cstddef>
#include <vector>

#include "model/health.h"

namespace leeward::detect {

[[nodiscard]] inline bool doubts(const Verdict& verdict) {
  return verdict.suspect || verdict.health == Health::kUnhealthy;
}

// The vantage point `changed` doubted before, or not; `doubting` is what all do now: which of them
// should look closer. REQUIRES: changed < doubting.size().
[[nodiscard]] inline std::vector<std::size_t> who_should_look(const std::vector<bool>& doubting,
                                                              std::size_t changed,
                                                              bool doubted_before) {
  std::vector<std::size_t> lookers;
  if (!doubting[changed] || doubted_before) {
    return lookers;  // only the beginning of a doubt is news
  }
  for (std::size_t i = 0; i < doubting.size(); ++i) {
    if (i != changed && !doubting[i]) {
      lookers.push_back(i);
    }
  }
  return lookers;
}

}  // namespace leeward::detect
