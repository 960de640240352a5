// SPDX-License-Identifier: Apache-2.0
//
// The distribution of a delay over the last minute, in constant memory: one histogram per second
// with buckets 10 % apart, so a percentile is exact to 10 %. The maximum is exact.
//
// Pure; not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/time.h"

namespace leeward::replica {

class LagWindow {
 public:
  LagWindow() : slots_(std::make_unique<std::array<Slot, kSeconds>>()) {}

  void add(Duration lag, MonoTime now);

  struct Summary {
    std::uint64_t count = 0;
    double p50_ms = 0;
    double p99_ms = 0;
    double max_ms = 0;
  };
  [[nodiscard]] Summary summary(MonoTime now) const;

 private:
  static constexpr std::size_t kSeconds = 60;
  static constexpr std::size_t kBuckets = 192;  // 0.05 ms * 1.1^191: over an hour

  struct Slot {
    std::int64_t second = -1;
    std::array<std::uint32_t, kBuckets> counts{};
    double max_ms = 0;
  };

  std::unique_ptr<std::array<Slot, kSeconds>> slots_;
};

}  // namespace leeward::replica
