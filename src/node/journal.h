// SPDX-License-Identifier: Apache-2.0
//
// The journal's end: the sequence and digest that the next entry continues. The lines themselves
// are in the state store.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "failover/journal.h"

namespace leeward::node {

class JournalTail {
 public:
  JournalTail(std::uint64_t sequence, std::uint64_t digest)
      : sequence_(sequence), digest_(digest) {}

  // Completes the entry with its place in the chain and returns its line.
  std::string append(failover::JournalEntry entry) {
    entry.sequence = ++sequence_;
    entry.previous = digest_;
    std::string line = failover::format_entry(entry);
    digest_ = failover::digest_of_line(line);
    return line;
  }

  // Of the last entry.
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  [[nodiscard]] std::uint64_t digest() const { return digest_; }

 private:
  std::uint64_t sequence_;
  std::uint64_t digest_;
};

}  // namespace leeward::node
