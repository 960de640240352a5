// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tables/plan.h"

namespace leeward::tables {
namespace {

const ObservedReplica* find_named(const std::vector<ObservedReplica>& replicas,
                                  std::string_view name) {
  const auto found = std::ranges::find(
      replicas, name, [](const ObservedReplica& r) -> std::string_view { return r.region; });
  return found == replicas.end() ? nullptr : &*found;
}

Progress check_named(const std::vector<std::string>& names, const ObservedTable& table) {
  Progress progress{.done = true, .failure = {}, .now = {}};
  for (const std::string& name : names) {
    const ObservedReplica* found = find_named(table.replicas, name);
    found = found != nullptr ? found : find_named(table.witnesses, name);
    const std::string status = found != nullptr ? found->status : "not there yet";
    progress.done = progress.done && status == "ACTIVE";
    progress.now += fmt::format("{}{} {}", progress.now.empty() ? "" : ", ", name, status);
    if (found != nullptr && is_bad_state(status)) {
      progress.failure = fmt::format("{} is {}{}{}", name, status,
                                     found->description.empty() ? "" : ": ", found->description);
    }
  }
  return progress;
}

}  // namespace

bool names_region(std::string_view name, const ObservedRegion& region) {
  return name == region.dynamodb_region || name == region.region.str();
}

std::string label(const ObservedRegion& region) {
  return fmt::format("{} ({})", region.region.str(), region.dynamodb_region);
}

std::string to_text(const TableKey& key) {
  std::string text = fmt::format("{}:{}", key.hash.name, to_string(key.hash.type));
  if (key.range) {
    text += fmt::format(", {}:{}", key.range->name, to_string(key.range->type));
  }
  return text;
}

bool is_bad_state(std::string_view status) {
  constexpr std::array<std::string_view, 6> kBad = {
      "CREATION_FAILED", "REGION_DISABLED", "INACCESSIBLE_ENCRYPTION_CREDENTIALS",
      "ARCHIVING",       "ARCHIVED",        "REPLICATION_NOT_AUTHORIZED"};
  return std::ranges::find(kBad, status) != kBad.end();
}

Progress check(const Condition& condition, const ObservedRegion& seen) {
  if (!seen.unreachable.empty()) {
    return {.done = false, .failure = {}, .now = seen.unreachable};
  }
  if (!seen.table) {
    return {.done = false, .failure = {}, .now = "no table yet"};
  }
  const ObservedTable& table = *seen.table;
  Progress progress{
      .done = table.status == "ACTIVE", .failure = {}, .now = "table " + table.status};
  if (is_bad_state(table.status) || table.status == "DELETING") {
    progress.failure = progress.now;
    return progress;
  }
  if (condition.kind == Condition::Kind::kReplicasActive) {
    Progress replicas = check_named(condition.names, table);
    replicas.done = replicas.done && progress.done;
    return replicas;
  }
  if (condition.kind == Condition::Kind::kGlobalTableActive) {
    if (!seen.global_table) {
      return {.done = false, .failure = {}, .now = "no global table yet"};
    }
    progress.now = "global table " + seen.global_table->status;
    progress.done = progress.done && seen.global_table->status == "ACTIVE" &&
                    seen.global_table->replicas.size() >= condition.names.size();
    return progress;
  }
  if (condition.kind == Condition::Kind::kIndexActive) {
    const auto index = std::ranges::find_if(table.indexes, [&](const ObservedIndex& candidate) {
      return candidate.index.name == condition.names.front();
    });
    const std::string status = index == table.indexes.end() ? "not there yet" : index->status;
    progress.now = fmt::format("index {}", status);
    progress.done = progress.done && status == "ACTIVE";
  } else if (condition.kind == Condition::Kind::kTimeToLive) {
    progress.now = "TTL " + (table.ttl_status.empty() ? "unknown" : table.ttl_status);
    progress.done = progress.done && table.ttl_attribute == condition.names.front() &&
                    (table.ttl_status == "ENABLED" || table.ttl_status == "ENABLING");
  }
  return progress;
}

}  // namespace leeward::tables
