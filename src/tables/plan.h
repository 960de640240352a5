// SPDX-License-Identifier: Apache-2.0
//
// From what a table should be and what its regions have: the calls that are missing, in order. Only
// what is missing is made; nothing is ever deleted, and what exists otherwise than asked for is a
// problem for a person, because the cures (a new stream, a new table) lose something.
//
// Thread-safety: values; pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "model/table.h"
#include "tables/observed.h"

namespace leeward::tables {

// What must be seen in the step's region before the next step.
struct Condition {
  enum class Kind : std::uint8_t {
    kTableActive,
    kIndexActive,        // `names`: the index
    kReplicasActive,     // `names`: DynamoDB regions, witnesses included
    kTimeToLive,         // `names`: the attribute; enabling takes Amazon up to an hour: enough
    kGlobalTableActive,  // 2017.11.29; `names`: DynamoDB regions
  };
  Kind kind = Kind::kTableActive;
  std::vector<std::string> names;

  friend bool operator==(const Condition&, const Condition&) = default;
};

// One call and the wait for its effect.
struct Step {
  RegionId region;        // whose endpoint
  std::string operation;  // "UpdateTable"; empty: only wait
  boost::json::object body;
  std::string what;  // "add replica RBX-A (eu-central-1)"
  Condition until;
};

struct Plan {
  std::string table;
  std::vector<Step> steps;            // empty where there are problems, or nothing is missing
  std::vector<std::string> problems;  // what stands in the way, and what to do about it
};

// `regions`: one entry per spec.replicas, in that order.
[[nodiscard]] Plan plan(const TableSpec& spec, std::span<const ObservedRegion> regions);

// The restrictions of multi-region strong consistency that need no look at the tables: exactly
// three regions (or two and a witness) of one region set, no local indexes, no TTL.
[[nodiscard]] std::vector<std::string> check_strong(const TableSpec& spec,
                                                    std::span<const ObservedRegion> regions);

struct Progress {
  bool done = false;
  std::string failure;  // it will not come true by waiting: why
  std::string now;      // "table CREATING"; for a progress line
};

[[nodiscard]] Progress check(const Condition& condition, const ObservedRegion& seen);

// A replica's state that does not end well by itself: REGION_DISABLED, CREATION_FAILED ...
[[nodiscard]] bool is_bad_state(std::string_view status);

// Is `name`, as DynamoDB or a gateway says it, this region?
[[nodiscard]] bool names_region(std::string_view name, const ObservedRegion& region);

// "GRA11 (eu-west-3)"
[[nodiscard]] std::string label(const ObservedRegion& region);

// "pk:S, sk:N"
[[nodiscard]] std::string to_text(const TableKey& key);

}  // namespace leeward::tables
