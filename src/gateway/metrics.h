// SPDX-License-Identifier: Apache-2.0
//
// What a gateway counts, in Prometheus' text format. Thread-safety: safe from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "gateway/operation.h"

namespace leeward::gateway {

class Metrics {
 public:
  Metrics() : requests_(operation_count()) {}

  void count_request(std::size_t operation, int status, Duration took);
  void count_refused() { refused_.fetch_add(1, std::memory_order_relaxed); }
  void count_peer_request() { peer_.fetch_add(1, std::memory_order_relaxed); }
  void count_fault() { faults_.fetch_add(1, std::memory_order_relaxed); }
  void count_store_failure() { store_failures_.fetch_add(1, std::memory_order_relaxed); }
  void count_store_round() { store_rounds_.fetch_add(1, std::memory_order_relaxed); }

  std::atomic<std::int64_t> connections{0};
  std::atomic<std::uint64_t> connections_refused{0};

  // `region` labels every line; `tables`: how many replicated tables there are; `store_up`: whether
  // the last look at the store got an answer.
  [[nodiscard]] std::string text(std::string_view region, std::size_t tables, bool store_up,
                                 std::size_t active_faults) const;

 private:
  // Upper bounds of the latency buckets, in microseconds.
  static constexpr std::array<std::int64_t, 12> kBounds = {250,     500,     1'000,     2'500,
                                                           5'000,   10'000,  25'000,    50'000,
                                                           100'000, 250'000, 1'000'000, 10'000'000};

  struct PerOperation {
    std::array<std::atomic<std::uint64_t>, 3> by_class{};  // 2xx, 4xx, 5xx
    std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets{};
    std::atomic<std::uint64_t> microseconds{0};
  };

  void append_latency(std::string& out, std::string_view region) const;

  std::vector<PerOperation> requests_;
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> peer_{0};
  std::atomic<std::uint64_t> faults_{0};
  std::atomic<std::uint64_t> store_failures_{0};
  std::atomic<std::uint64_t> store_rounds_{0};
};

}  // namespace leeward::gateway
