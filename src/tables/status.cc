// SPDX-License-Identifier: Apache-2.0
#include "tables/status.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "tables/plan.h"

namespace leeward::tables {
namespace {

// "3h12m": whole minutes, rounded down, so that nobody is promised time that is not there.
std::string hours_and_minutes(Duration duration) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(duration).count();
  return minutes >= 60 ? fmt::format("{}h{:02}m", minutes / 60, minutes % 60)
                       : fmt::format("{}m", minutes);
}

std::string removal(const ObservedReplica& replica, WallTime now) {
  if (!replica.inaccessible_since) {
    return "Amazon removes the replica after 20 hours of this";
  }
  const WallTime since = *replica.inaccessible_since;
  const Duration left = since + kRemovalDelay - now;
  return left > Duration::zero()
             ? fmt::format("since {}; Amazon removes the replica in {}", format_rfc3339(since),
                           hours_and_minutes(left))
             : fmt::format(
                   "since {}; Amazon's 20 hours are over and the replica may be removed at "
                   "any time",
                   format_rfc3339(since));
}

std::string alarm_of(const ObservedReplica& replica, WallTime now) {
  const std::string& state = replica.status;
  std::string text = state;
  if (state == "REGION_DISABLED") {
    text += fmt::format(
        " {}, and replication to and from it stops for good: enable the region for "
        "the account again",
        removal(replica, now));
  } else if (state == "INACCESSIBLE_ENCRYPTION_CREDENTIALS") {
    text += fmt::format(
        " {}, and replication to and from it stops for good: give the table's KMS "
        "key back to DynamoDB (key state and policy)",
        removal(replica, now));
  } else if (state == "ARCHIVING" || state == "ARCHIVED") {
    text +=
        ": the table's KMS key was out of reach for 7 days; its items are only in a backup now: "
        "restore that, then add the replica anew";
  } else if (state == "REPLICATION_NOT_AUTHORIZED") {
    text +=
        ": replication lacks a permission, and writes do not arrive: check the table's resource "
        "policy and the role AWSServiceRoleForDynamoDBReplication";
  } else if (state == "CREATION_FAILED") {
    text += ": delete the replica, see to the cause, and run `leeward tables ensure` again";
  }
  return replica.description.empty() ? text : fmt::format("{} ({})", text, replica.description);
}

// What the regions say about this one's replica; of differing words a bad one.
ObservedReplica replica_of(const ObservedRegion& region, std::span<const ObservedRegion> regions) {
  ObservedReplica result;
  for (const ObservedRegion& other : regions) {
    if (!other.table) {
      continue;
    }
    for (const ObservedReplica& replica : other.table->replicas) {
      const bool better =
          result.status.empty() || (is_bad_state(replica.status) && !is_bad_state(result.status));
      if (names_region(replica.region, region) && better) {
        result = replica;
      }
    }
  }
  return result;
}

void drift_of_indexes(const TableSpec& spec, const ObservedTable& table,
                      std::vector<std::string>& into) {
  for (const TableIndex& index : spec.indexes) {
    const auto there = std::ranges::find_if(table.indexes, [&](const ObservedIndex& candidate) {
      return candidate.index.name == index.name;
    });
    if (there == table.indexes.end()) {
      into.push_back(fmt::format("index '{}' is missing", index.name));
      continue;
    }
    TableIndex sorted = index;
    std::sort(sorted.include.begin(), sorted.include.end());
    if (there->index != sorted) {
      into.push_back(fmt::format("index '{}' has another key or projection", index.name));
    }
  }
  for (const ObservedIndex& there : table.indexes) {
    if (std::ranges::none_of(spec.indexes, [&](const TableIndex& index) {
          return index.name == there.index.name;
        })) {
      into.push_back(fmt::format("index '{}' is not in the spec", there.index.name));
    }
  }
}

RegionStatus status_of(const TableSpec* spec, const ObservedRegion& region,
                       std::span<const ObservedRegion> regions, WallTime now) {
  RegionStatus row{.region = region.region,
                   .dynamodb_region = region.dynamodb_region,
                   .table = "missing",
                   .replica = "-",
                   .stream = "-",
                   .item_count = 0,
                   .drift = {},
                   .alarms = {}};
  const ObservedReplica replica = replica_of(region, regions);
  if (!replica.status.empty()) {
    row.replica = replica.status;
  } else if (region.table && !region.table->replicas.empty()) {
    row.replica = region.table->status;  // an answer may leave out the region that gives it
  } else if (region.global_table) {
    row.replica = region.global_table->status;
  }
  if (is_bad_state(replica.status)) {
    row.alarms.push_back(alarm_of(replica, now));
  }
  if (!region.unreachable.empty()) {
    row.table = "unreachable";
    row.alarms.push_back(region.unreachable);
    return row;
  }
  if (region.table) {
    const ObservedTable& table = *region.table;
    row.table = table.status;
    row.stream = table.stream_enabled ? table.stream_view : "off";
    row.item_count = table.item_count;
    if (is_bad_state(table.status) && table.status != replica.status) {
      row.alarms.push_back(alarm_of(
          {.region = {}, .status = table.status, .description = {}, .inaccessible_since = {}},
          now));
    }
  }
  if (spec != nullptr) {
    row.drift = drift(*spec, region);
  }
  return row;
}

}  // namespace

std::vector<std::string> drift(const TableSpec& spec, const ObservedRegion& region) {
  std::vector<std::string> found;
  if (!region.unreachable.empty()) {
    return found;
  }
  if (!region.table) {
    return {"the table is missing"};
  }
  const ObservedTable& table = *region.table;
  if (table.key != spec.key) {
    found.push_back(fmt::format("the key is {}, not {}", to_text(table.key), to_text(spec.key)));
  }
  drift_of_indexes(spec, table, found);
  if (spec.consistency == TableConsistency::kEventual) {
    if (!table.stream_enabled) {
      found.emplace_back("the stream is off");
    } else if (table.stream_view != "NEW_AND_OLD_IMAGES") {
      found.push_back(
          fmt::format("the stream's view is {}, not NEW_AND_OLD_IMAGES", table.stream_view));
    }
  }
  const bool ttl_on = table.ttl_status == "ENABLED" || table.ttl_status == "ENABLING";
  if (ttl_on && spec.ttl_attribute.empty()) {
    found.push_back(
        fmt::format("items expire by '{}', which is not in the spec", table.ttl_attribute));
  } else if (!spec.ttl_attribute.empty() &&
             (!ttl_on || table.ttl_attribute != spec.ttl_attribute)) {
    found.push_back(fmt::format("items do not expire by '{}'", spec.ttl_attribute));
  }
  if (table.billing != spec.billing) {
    found.push_back(
        fmt::format("billing is {}, not {}", to_string(table.billing), to_string(spec.billing)));
  }
  if (spec.deletion_protection && !table.deletion_protection) {
    found.emplace_back("deletion protection is off");
  }
  return found;
}

std::vector<std::string> drift(const TableSpec& spec, std::span<const ObservedRegion> regions) {
  std::vector<std::string> found;
  const auto note = [&found](std::string text) {
    if (std::ranges::find(found, text) == found.end()) {
      found.push_back(std::move(text));
    }
  };
  bool joined = false;
  for (const ObservedRegion& region : regions) {
    if (!region.table) {
      continue;
    }
    joined = joined || !region.table->replicas.empty();
    for (const ObservedReplica& replica : region.table->replicas) {
      if (std::ranges::none_of(
              regions, [&](const ObservedRegion& r) { return names_region(replica.region, r); })) {
        note(fmt::format("replica {} is not in the spec", replica.region));
      }
    }
    const bool strong = spec.consistency == TableConsistency::kStrong;
    if (!region.table->replicas.empty() && region.table->strong != strong) {
      note(fmt::format("consistency is {}, not {}", region.table->strong ? "strong" : "eventual",
                       to_string(spec.consistency)));
    }
  }
  if (spec.global_tables == GlobalTables::kCurrent && regions.size() > 1 && !joined) {
    note("the regions' tables are not one global table");
  }
  return found;
}

TableStatus status(const std::string& name, const TableSpec* spec,
                   std::span<const ObservedRegion> regions, WallTime now) {
  TableStatus result{.name = name, .global = "none", .strong = false, .regions = {}, .drift = {}};
  for (const ObservedRegion& region : regions) {
    result.regions.push_back(status_of(spec, region, regions, now));
    if (region.table && !region.table->replicas.empty()) {
      result.global = region.table->global_table_version.empty()
                          ? "2019.11.21"
                          : region.table->global_table_version;
      result.strong = region.table->strong;
    } else if (region.global_table && result.global == "none") {
      result.global = "2017.11.29";
    }
  }
  if (spec != nullptr) {
    result.drift = drift(*spec, regions);
  }
  return result;
}

}  // namespace leeward::tables
