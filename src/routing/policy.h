// SPDX-License-Identifier: Apache-2.0
//
// Which members of a record set answer. A policy is a small immutable value whose conditions are
// words of the health board; evaluating it reads those words and chooses members by index. DNS,
// the API, drills and the simulator all call evaluate(): there is one answer to "what would DNS
// say".
//
// Semantics are Route 53's ("How Amazon Route 53 chooses records when health checking is
// configured", developer guide), with these words made exact:
//   - A check that is unknown counts as healthy: new checks are healthy until there is data.
//   - A member without a check is always healthy.
//   - No member healthy: all are treated as healthy. Health never removes the last answer.
//
// The TTL follows gdnsd: no longer than the time until a word it depends on may change
// (BoardWord::ttl_limit_seconds), never below the policy's floor.
//
// Thread-safety: policies are values; evaluate() is pure but for its atomic loads of the board.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "model/health_board.h"

namespace leeward::routing {

// Route 53's limit on the records in one multivalue answer.
inline constexpr std::size_t kMultivalueAnswersMax = 8;
// A member's index fits a board word's value.
inline constexpr std::size_t kMembersMax = 256;

// A member's health check; none: always healthy.
using MemberCheck = std::optional<BoardSlot>;

// The record set's only member, always.
struct Simple {
  friend bool operator==(const Simple&, const Simple&) = default;
};

// An application's active region: the word holds its index. Members are the regions in order of
// preference. A word out of range (a board of another layout, a damaged file) answers with the
// most preferred region.
//
// A region without an address of the asked type stays the answer, with no records: NODATA for that
// type. Answering with another region's addresses would send those users to a region that is
// fenced or dead; the active region's other family still answers them, since a region has at least
// one address. So the name never goes empty.
struct Assigned {
  BoardSlot slot = 0;
  std::uint32_t members = 1;  // 1 to kMembersMax

  friend bool operator==(const Assigned&, const Assigned&) = default;
};

// Member 0 is the primary, member 1 the secondary. The primary while it is healthy, else the
// secondary while that is healthy, else the primary.
struct Failover {
  MemberCheck primary;
  MemberCheck secondary;

  friend bool operator==(const Failover&, const Failover&) = default;
};

// Up to eight healthy members, chosen uniformly, in random order; when none is healthy, up to
// eight of all.
struct Multivalue {
  std::vector<MemberCheck> members;  // at least one, at most kMembersMax

  friend bool operator==(const Multivalue&, const Multivalue&) = default;
};

struct Policy {
  std::variant<Simple, Assigned, Failover, Multivalue> kind;
  std::uint32_t ttl_floor_seconds = 0;

  friend bool operator==(const Policy&, const Policy&) = default;
};

[[nodiscard]] std::string_view to_string(const Policy& policy);  // "multivalue"

// The chosen members, in answer order. At least one.
struct Choice {
  std::array<std::uint16_t, kMultivalueAnswersMax> members{};
  std::uint32_t count = 0;
  std::uint32_t ttl_limit_seconds = BoardWord::kNoTtlLimit;  // the least of the words consulted
};

// `random` decides every random choice: the same random, board and policy choose the same.
[[nodiscard]] Choice evaluate(const Policy& policy, const HealthBoard& board, std::uint64_t random);

// min(record TTL, limit), never below min(floor, record TTL).
[[nodiscard]] constexpr std::uint32_t effective_ttl(std::uint32_t record_ttl_seconds,
                                                    std::uint32_t limit_seconds,
                                                    std::uint32_t floor_seconds) {
  const std::uint32_t floor =
      floor_seconds < record_ttl_seconds ? floor_seconds : record_ttl_seconds;
  const std::uint32_t limited =
      limit_seconds < record_ttl_seconds ? limit_seconds : record_ttl_seconds;
  return limited < floor ? floor : limited;
}

}  // namespace leeward::routing
