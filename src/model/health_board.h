// SPDX-License-Identifier: Apache-2.0
//
// The health board: one 64-bit word per condition that an answer can depend on, read lock-free by
// the DNS workers. A failover is one store to one word, however many records depend on it.
//
// A word holds a value and the longest TTL that an answer depending on it may carry (after gdnsd's
// state+TTL word): the value is a Health for a health check, or the index of the active region for
// an application. While users follow a failback in steps an application's word also says which
// region answers the rest of the queries, and how many of a hundred those are.
//
// Thread-safety: any number of readers and writers per word; words are independent. The board's
// size is fixed at construction, so a config change makes a new board together with new tables.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/check.h"
#include "model/health.h"

namespace leeward {

using BoardSlot = std::uint32_t;

struct BoardWord {
  static constexpr std::uint32_t kNoTtlLimit = 0xFFFFFF;

  std::uint8_t value = 0;
  std::uint32_t ttl_limit_seconds = kNoTtlLimit;  // 0 to kNoTtlLimit
  std::uint8_t other = 0;                         // a region's index
  std::uint8_t other_percent = 0;                 // 0 to 100: how many queries it answers

  [[nodiscard]] Health health() const { return static_cast<Health>(value); }

  [[nodiscard]] static BoardWord of(Health health, std::uint32_t ttl_limit = kNoTtlLimit) {
    return {static_cast<std::uint8_t>(health), ttl_limit, 0, 0};
  }
  [[nodiscard]] static BoardWord of_region_index(std::uint8_t index,
                                                 std::uint32_t ttl_limit = kNoTtlLimit) {
    return {index, ttl_limit, 0, 0};
  }

  friend bool operator==(const BoardWord&, const BoardWord&) = default;
};

class HealthBoard {
 public:
  explicit HealthBoard(std::size_t size)
      : size_(size), words_(std::make_unique<std::atomic<std::uint64_t>[]>(size)) {
    for (std::size_t i = 0; i < size; ++i) {
      store(static_cast<BoardSlot>(i), BoardWord{});
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  [[nodiscard]] BoardWord load(BoardSlot slot) const {
    LEEWARD_CHECK(slot < size_, "board slot belongs to this board");
    const std::uint64_t word = words_[slot].load(std::memory_order_acquire);
    return {static_cast<std::uint8_t>(word >> 24),
            static_cast<std::uint32_t>(word) & BoardWord::kNoTtlLimit,
            static_cast<std::uint8_t>(word >> 32), static_cast<std::uint8_t>(word >> 40)};
  }

  void store(BoardSlot slot, BoardWord word) {
    LEEWARD_CHECK(slot < size_, "board slot belongs to this board");
    words_[slot].store((std::uint64_t{word.other_percent} << 40) |
                           (std::uint64_t{word.other} << 32) | (std::uint64_t{word.value} << 24) |
                           (word.ttl_limit_seconds & BoardWord::kNoTtlLimit),
                       std::memory_order_release);
  }

 private:
  std::size_t size_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> words_;
};

}  // namespace leeward
