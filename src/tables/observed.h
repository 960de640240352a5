// SPDX-License-Identifier: Apache-2.0
//
// What a region's store says about a table, read from its answers. Answers come from the network:
// absent members have the defaults below, mistyped ones count as absent, lists are bounded.
//
// Thread-safety: values; pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.h"
#include "base/time.h"
#include "model/ids.h"
#include "model/table.h"

namespace leeward::tables {

struct ObservedReplica {
  std::string region;                          // DynamoDB's name, "eu-west-3"
  std::string status;                          // "ACTIVE", "REGION_DISABLED"; as answered
  std::string description;                     // ReplicaStatusDescription
  std::optional<WallTime> inaccessible_since;  // ReplicaInaccessibleDateTime

  friend bool operator==(const ObservedReplica&, const ObservedReplica&) = default;
};

struct ObservedIndex {
  TableIndex index;
  std::string status;  // "ACTIVE"; local ones have none

  friend bool operator==(const ObservedIndex&, const ObservedIndex&) = default;
};

struct ObservedTable {
  std::string status;  // "ACTIVE"; as answered
  TableKey key;
  std::vector<ObservedIndex> indexes;
  Billing billing = Billing::kProvisioned;  // what an answer without BillingModeSummary means
  std::int64_t read_units = 0;
  std::int64_t write_units = 0;
  std::int64_t item_count = 0;  // Amazon refreshes it every six hours
  bool stream_enabled = false;
  std::string stream_view;  // "NEW_AND_OLD_IMAGES"; as answered
  std::string stream_arn;   // of the latest stream
  bool deletion_protection = false;
  std::string global_table_version;       // "2019.11.21"; empty: no global table
  bool strong = false;                    // MultiRegionConsistency is STRONG
  std::vector<ObservedReplica> replicas;  // may leave out the region that answered
  std::vector<ObservedReplica> witnesses;
  std::string ttl_attribute;  // of DescribeTimeToLive
  std::string ttl_status;     // "ENABLED"; empty: not asked, or not supported there

  friend bool operator==(const ObservedTable&, const ObservedTable&) = default;
};

// A 2017.11.29 global table.
struct ObservedGlobalTable {
  std::string status;
  std::vector<ObservedReplica> replicas;

  friend bool operator==(const ObservedGlobalTable&, const ObservedGlobalTable&) = default;
};

// One region of a table. Exactly one of: `unreachable` says why nothing is known; `table` is what
// there is; neither, and there is no such table.
struct ObservedRegion {
  RegionId region;
  std::string dynamodb_region;
  std::string unreachable;
  std::optional<ObservedTable> table;
  std::optional<ObservedGlobalTable> global_table;  // asked for in legacy mode only

  friend bool operator==(const ObservedRegion&, const ObservedRegion&) = default;
};

inline constexpr std::size_t kListMax = 1000;  // longer lists in an answer are cut

// From the answers of DescribeTable, DescribeTimeToLive and DescribeGlobalTable; kDataCorrupt where
// the answer is not one.
Result<ObservedTable> parse_describe_table(const boost::json::value& answer);
Status parse_describe_time_to_live(const boost::json::value& answer, ObservedTable& into);
Result<ObservedGlobalTable> parse_describe_global_table(const boost::json::value& answer);

}  // namespace leeward::tables
