// SPDX-License-Identifier: Apache-2.0
#include "plan/distribution.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace leeward::plan {

Distribution::Distribution(std::vector<Duration> samples) : sorted_(std::move(samples)) {
  std::ranges::sort(sorted_);
}

Duration Distribution::quantile(double share) const {
  if (sorted_.empty()) {
    return {};
  }
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(size())));
  return sorted_[std::clamp<std::size_t>(rank, 1, size()) - 1];
}

Duration Distribution::mean() const {
  if (sorted_.empty()) {
    return {};
  }
  double sum = 0;
  for (const Duration each : sorted_) {
    sum += static_cast<double>(each.count());
  }
  return Duration(static_cast<Duration::rep>(sum / static_cast<double>(size())));
}

}  // namespace leeward::plan
