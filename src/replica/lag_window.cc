// SPDX-License-Identifier: Apache-2.0
#include "replica/lag_window.h"

#include <algorithm>
#include <cmath>

namespace leeward::replica {
namespace {

constexpr double kFirstMs = 0.05;
constexpr double kRatio = 1.1;

std::size_t bucket_of(double lag_ms, std::size_t buckets) {
  if (lag_ms <= kFirstMs) {
    return 0;
  }
  const double place = std::ceil(std::log(lag_ms / kFirstMs) / std::log(kRatio));
  return std::min(buckets - 1, static_cast<std::size_t>(place));
}

double upper_end_ms(std::size_t bucket) {
  return kFirstMs * std::pow(kRatio, static_cast<double>(bucket));
}

std::int64_t second_of(MonoTime now) {
  return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

}  // namespace

void LagWindow::add(Duration lag, MonoTime now) {
  const std::int64_t second = second_of(now);
  Slot& slot = (*slots_)[static_cast<std::size_t>(second) % kSeconds];
  if (slot.second != second) {
    slot = Slot{};
    slot.second = second;
  }
  const double lag_ms = std::max(0.0, to_milliseconds(lag));
  ++slot.counts[bucket_of(lag_ms, kBuckets)];
  slot.max_ms = std::max(slot.max_ms, lag_ms);
}

LagWindow::Summary LagWindow::summary(MonoTime now) const {
  const std::int64_t second = second_of(now);
  std::array<std::uint64_t, kBuckets> counts{};
  Summary summary;
  for (const Slot& slot : *slots_) {
    if (slot.second < 0 || second - slot.second >= static_cast<std::int64_t>(kSeconds)) {
      continue;
    }
    summary.max_ms = std::max(summary.max_ms, slot.max_ms);
    for (std::size_t i = 0; i < kBuckets; ++i) {
      counts[i] += slot.counts[i];
      summary.count += slot.counts[i];
    }
  }
  const auto percentile = [&](std::uint64_t percent) {
    const std::uint64_t rank = (summary.count * percent + 99) / 100;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      seen += counts[i];
      if (seen >= rank && seen > 0) {
        return std::min(upper_end_ms(i), summary.max_ms);
      }
    }
    return 0.0;
  };
  summary.p50_ms = percentile(50);
  summary.p99_ms = percentile(99);
  return summary;
}

}  // namespace leeward::replica
