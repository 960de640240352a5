// SPDX-License-Identifier: Apache-2.0
//
// What a person should know about a table, region by region: its state, how it differs from the
// spec, and what Amazon is about to do if nobody acts.
//
// Thread-safety: values; pure functions.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/table.h"
#include "tables/observed.h"

namespace leeward::tables {

struct RegionStatus {
  RegionId region;
  std::string dynamodb_region;
  std::string table;    // "ACTIVE", "missing", "unreachable"
  std::string replica;  // as the global table says it; "-": in none
  std::string stream;   // "NEW_AND_OLD_IMAGES", "off", "-"
  std::int64_t item_count = 0;
  std::vector<std::string> drift;   // differences from the spec
  std::vector<std::string> alarms;  // act now

  friend bool operator==(const RegionStatus&, const RegionStatus&) = default;
};

struct TableStatus {
  std::string name;
  std::string global;  // "2019.11.21", "2017.11.29", "none"
  bool strong = false;
  std::vector<RegionStatus> regions;
  std::vector<std::string> drift;  // of the table as a whole

  friend bool operator==(const TableStatus&, const TableStatus&) = default;
};

// Differences that are not in one region: replicas that nobody asked for, another consistency.
[[nodiscard]] std::vector<std::string> drift(const TableSpec& spec,
                                             std::span<const ObservedRegion> regions);
[[nodiscard]] std::vector<std::string> drift(const TableSpec& spec, const ObservedRegion& region);

// `spec` may be null: no drift then.
[[nodiscard]] TableStatus status(const std::string& name, const TableSpec* spec,
                                 std::span<const ObservedRegion> regions, WallTime now);

// A disabled region, or one whose key cannot be used, loses its replica after this long.
inline constexpr Duration kRemovalDelay = std::chrono::hours(20);

}  // namespace leeward::tables
