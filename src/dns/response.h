// SPDX-License-Identifier: Apache-2.0
//
// Builds a response: bounded, with name compression (RFC 1035 section 4.1.4). Internal to answer().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dns/protocol.h"

namespace leeward::dns {

enum class Section : std::uint8_t { kAnswer, kAuthority, kAdditional };

// A rendered record of an alternative (layout.h), or anything of the same form.
struct RecordRef {
  const std::uint8_t* record;  // at its owner pointer
  std::uint16_t type;
  std::span<const std::uint8_t> rdata;
};

class Response {
 public:
  // The question is already at kHeaderBytes..question_end of `out`; nothing is written at or past
  // `limit`, which is at most out.size().
  Response(std::span<std::uint8_t> out, std::size_t question_end, std::size_t limit)
      : out_(out), end_(question_end), limit_(limit) {}

  // What add_record may be undone to.
  struct Mark {
    std::size_t end;
    std::size_t names;
    std::array<std::uint16_t, 3> counts;
  };
  [[nodiscard]] Mark mark() const { return {end_, name_count_, counts_}; }
  void rewind(const Mark& mark) {
    end_ = mark.end;
    name_count_ = mark.names;
    counts_ = mark.counts;
  }

  // The question's name and its ancestors can be pointed at from now on.
  void know_question_name(std::size_t name_bytes);

  // An uncompressed owner name; names in rdata are compressed where RFC 3597 allows it. False: it
  // does not fit, and the response must be rewound.
  bool add_record(Section section, std::span<const std::uint8_t> owner, const RecordRef& record,
                  std::uint32_t ttl);
  // The owner is the question's name.
  bool add_record_of_question(Section section, const RecordRef& record, std::uint32_t ttl);

  [[nodiscard]] std::size_t size() const { return end_; }
  [[nodiscard]] const std::array<std::uint16_t, 3>& counts() const { return counts_; }

 private:
  bool put(std::span<const std::uint8_t> bytes);
  bool put_name(std::span<const std::uint8_t> name);
  bool put_fixed_and_rdata(Section section, const RecordRef& record, std::uint32_t ttl);
  bool put_rdata(const RecordRef& record);
  [[nodiscard]] bool name_at_equals(std::size_t offset, std::span<const std::uint8_t> name) const;
  void remember(std::size_t offset);

  // More names than this in one response are written in full: correct, only longer.
  static constexpr std::size_t kNamesMax = 48;

  std::span<std::uint8_t> out_;
  std::size_t end_;
  std::size_t limit_;
  std::array<std::uint16_t, 3> counts_{};
  std::array<std::uint16_t, kNamesMax> names_;  // NOLINT offsets of names in out_
  std::size_t name_count_ = 0;
};

// Calls `visit(const RecordRef&)` for each rendered record in `bytes` until it returns false.
// Returns whether all were visited.
template <typename Visit>
bool for_each_record(std::span<const std::uint8_t> bytes, Visit&& visit) {
  constexpr std::size_t kFixed = 12;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::uint8_t* record = bytes.data() + at;
    const std::size_t length = load16(record + 10);
    if (!visit(RecordRef{record, load16(record + 2), {record + kFixed, length}})) {
      return false;
    }
    at += kFixed + length;
  }
  return true;
}

}  // namespace leeward::dns
