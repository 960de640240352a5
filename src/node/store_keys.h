// SPDX-License-Identifier: Apache-2.0
//
// What the node keeps in the state store, under which keys, and how it is written.
//
//   assignment/<application>   the assignment in force: region, epoch, when an automatic shift
//                              made it (wall clock)
//   granted/<application>      the epoch under which its region was allowed to write
//   health/<check id>          the last verdict that was not unknown: the saved board
//   journal/<20 digits>        one line of failover::format_entry
//   journal-head               the last entry's sequence and digest, and the next decision's id
//
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "model/application.h"
#include "model/health.h"
#include "model/ids.h"

namespace leeward::node {

inline constexpr std::string_view kAssignmentPrefix = "assignment/";
inline constexpr std::string_view kGrantedPrefix = "granted/";
inline constexpr std::string_view kHealthPrefix = "health/";
inline constexpr std::string_view kStandingPrefix = "standing/";
inline constexpr std::string_view kJournalPrefix = "journal/";

inline constexpr std::string_view kJournalHeadKey = "journal-head";

[[nodiscard]] std::string assignment_key(const ApplicationId& application);
[[nodiscard]] std::string granted_key(const ApplicationId& application);
[[nodiscard]] std::string standing_key(const ApplicationId& application);
[[nodiscard]] std::string health_key(const HealthCheckId& check);
[[nodiscard]] std::string journal_key(std::uint64_t sequence);

struct AssignmentRecord {
  Assignment assignment;
  std::optional<WallTime> automatic_shift_at;

  friend bool operator==(const AssignmentRecord&, const AssignmentRecord&) = default;
};

struct JournalHead {
  std::uint64_t sequence = 0;  // of the last entry; 0: none
  std::uint64_t digest = 0;
  std::uint64_t next_decision_id = 1;

  friend bool operator==(const JournalHead&, const JournalHead&) = default;
};

// Both parsers: kDataCorrupt with what is wrong.
[[nodiscard]] std::string format_journal_head(const JournalHead& head);
Result<JournalHead> parse_journal_head(std::string_view text);

[[nodiscard]] std::string format_assignment(const AssignmentRecord& record);
Result<AssignmentRecord> parse_assignment(std::string_view text);

}  // namespace leeward::node
