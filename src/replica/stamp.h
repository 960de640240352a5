// SPDX-License-Identifier: Apache-2.0
//
// The stamp of a version of an item: when and where it was written. It is one fixed-width string,
//
//     1795434008123456.0001.GRA11
//     16 digits of microseconds, 4 of a counter, the region
//
// so that the store itself can compare two of them in a condition (`#r < :r`), and the greater one
// wins in every region: last writer wins, with the region's name as the final tie-break.
//
// Pure functions on values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "model/ids.h"

namespace leeward::replica {

inline constexpr const char* kStampAttribute = "_r";
inline constexpr const char* kTombstoneAttribute = "_del";
inline constexpr const char* kHeartbeatAttribute = "_hb";

struct Stamp {
  std::uint64_t microseconds = 0;  // since the Unix epoch; at most 16 digits
  std::uint32_t counter = 0;       // 0 to 9999
  RegionId region;                 // where it was written

  friend auto operator<=>(const Stamp&, const Stamp&) = default;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

[[nodiscard]] std::string format_stamp(const Stamp& stamp);
// nullopt where the text is not exactly of that form.
[[nodiscard]] std::optional<Stamp> parse_stamp(std::string_view text);

// The stamp that an item without one counts as: older than every written one, and ordered by
// region.
[[nodiscard]] std::string zero_stamp(const RegionId& region);
[[nodiscard]] bool is_zero_stamp(std::string_view text);
// The region's part of a well-formed stamp; empty where the text is none.
[[nodiscard]] std::string_view region_of_stamp(std::string_view text);

// How far the stamp lies ahead of `now`; negative: it lies in the past.
[[nodiscard]] Duration ahead_of(const Stamp& stamp, WallTime now);

}  // namespace leeward::replica
