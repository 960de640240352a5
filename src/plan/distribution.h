// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/time.h"

namespace leeward::plan {

// Sorted samples. Quantiles are of the samples, not interpolated.
class Distribution {
 public:
  Distribution() = default;
  explicit Distribution(std::vector<Duration> samples);

  [[nodiscard]] std::size_t size() const { return sorted_.size(); }
  [[nodiscard]] bool empty() const { return sorted_.empty(); }
  [[nodiscard]] const std::vector<Duration>& sorted() const { return sorted_; }
  // Zero where there is no sample. REQUIRES: 0 <= share <= 1.
  [[nodiscard]] Duration quantile(double share) const;
  [[nodiscard]] Duration mean() const;
  [[nodiscard]] Duration max() const { return quantile(1); }

 private:
  std::vector<Duration> sorted_;
};

}  // namespace leeward::plan
