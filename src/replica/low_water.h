// SPDX-License-Identifier: Apache-2.0
//
// How far a shard is carried without a gap. Pages are read in order, their versions are carried in
// any order; the low-water mark is the last sequence number before which everything is carried. A
// checkpoint there repeats something after a crash, and never skips anything.
//
// Pure; not thread-safe. Memory: one small entry per page that is not behind the mark.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace leeward::replica {

class LowWater {
 public:
  using Page = std::uint64_t;

  // A page whose last record is `sequence` and of which `outstanding` versions are to be carried;
  // none: it is carried already.
  Page open(std::string sequence, std::size_t outstanding);

  // One version of the page is carried. REQUIRES: the page has one outstanding.
  void done(Page page);

  // Empty until the first page is carried.
  [[nodiscard]] const std::string& mark() const { return mark_; }
  [[nodiscard]] std::size_t pages() const { return pages_.size(); }
  [[nodiscard]] std::size_t outstanding() const { return outstanding_; }

 private:
  struct Entry {
    std::string sequence;
    std::size_t outstanding;
  };

  void advance();

  std::deque<Entry> pages_;
  Page first_ = 0;  // the page at the front
  std::size_t outstanding_ = 0;
  std::string mark_;
};

}  // namespace leeward::replica
