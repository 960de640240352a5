// SPDX-License-Identifier: Apache-2.0
//
// Global tables of version 2017.11.29, for tools that still call them: the tables exist before, are
// empty, have the same keys and a stream of both images. A global table of version 2019.11.21 is
// not known to these calls, as at Amazon.
#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "gateway/table_calls.h"
#include "gateway/table_view.h"

namespace leeward::gateway {

namespace json = boost::json;

namespace {

constexpr std::size_t kMaxListed = 100;

AwsError global_not_found(std::string_view name) {
  return dynamodb_error("GlobalTableNotFoundException",
                        fmt::format("Global table with name '{}' does not exist.", name));
}

std::vector<std::string> region_names(const json::array& list) {
  std::vector<std::string> names;
  for (const json::value& each : list) {
    names.emplace_back(each.is_object() ? text_in(each.get_object(), "RegionName") : "");
  }
  return names;
}

double epoch_seconds(std::string_view rfc3339) {
  const auto time = parse_rfc3339(rfc3339);
  return time ? to_milliseconds(time->time_since_epoch()) / 1000 : 0;
}

const GlobalTable* legacy(const Snapshot& snapshot, std::string_view name) {
  const GlobalTable* found = snapshot.global(name);
  return found != nullptr && found->version == kVersion2017 ? found : nullptr;
}

}  // namespace

json::object TableCalls::describe_legacy(const GlobalTable& table) {
  json::array group;
  for (const std::string& region : table.replicas) {
    group.push_back(json::object{{"RegionName", aws_name(region)}, {"ReplicaStatus", "ACTIVE"}});
  }
  return {
      {"GlobalTableName", table.name},
      {"GlobalTableStatus", "ACTIVE"},
      {"CreationDateTime", epoch_seconds(table.created)},
      {"GlobalTableArn", fmt::format("arn:aws:dynamodb::{}:global-table/{}", kAccount, table.name)},
      {"ReplicationGroup", std::move(group)}};
}

// `first`: another member's description, or null for the first; `description`: this one's.
Task<TableCalls::Outcome> TableCalls::check_legacy_member(const Object* first,
                                                          const std::string& table,
                                                          const std::string& region,
                                                          Object& description) {
  auto described = co_await describe(region, table);
  if (!described) {
    const bool absent = error_name(described.error().body) == "ResourceNotFoundException";
    co_return std::unexpected(
        absent ? dynamodb_error(
                     "TableNotFoundException",
                     fmt::format("Table not found: {} in region {}", table, aws_name(region)))
               : internal_error(fmt::format("region {} could not be asked", aws_name(region))));
  }
  description = std::move(*described);
  if (!has_full_stream(description)) {
    co_return std::unexpected(validation_error(
        fmt::format("Table {} in region {} has no stream with view type NEW_AND_OLD_IMAGES.", table,
                    aws_name(region))));
  }
  const std::string difference =
      first == nullptr ? std::string() : key_difference(*first, description);
  if (!difference.empty()) {
    co_return std::unexpected(validation_error(fmt::format(
        "Table {} in region {} has another key schema: {}.", table, aws_name(region), difference)));
  }
  const Answer scan = co_await calls_.region(
      region, "Scan", {{"TableName", table}, {"Limit", 1}, {"Select", "COUNT"}});
  const json::value* count = scan.body.if_contains("Count");
  if (count == nullptr || !count->is_int64() || count->get_int64() > 0) {
    co_return std::unexpected(validation_error(
        fmt::format("Table {} in region {} is not empty.", table, aws_name(region))));
  }
  co_return Outcome();
}

Task<rewrite::Answer> TableCalls::create_global_table(Object body) {
  const std::string table(text_in(body, "GlobalTableName"));
  const json::array* group = array_in(body, "ReplicationGroup");
  if (table.size() < 3 || table.size() > 255 || group == nullptr || group->empty()) {
    co_return to_answer(validation_error(
        "GlobalTableName (3 to 255 characters) and ReplicationGroup must be given."));
  }
  if (shared_.registry.get()->global(table) != nullptr) {
    co_return to_answer(
        dynamodb_error("GlobalTableAlreadyExistsException",
                       fmt::format("Global table with name: '{}' already exists.", table)));
  }
  GlobalTable made{table,
                   {},
                   std::string(kVersion2017),
                   format_rfc3339(WallTime(std::chrono::duration_cast<Duration>(
                       std::chrono::system_clock::now().time_since_epoch()))),
                   {}};
  Object first;
  for (const std::string& aws_region : region_names(*group)) {
    const std::string region = leeward_name(aws_region);
    if (region.empty()) {
      co_return to_answer(validation_error(fmt::format("Unsupported region: '{}'.", aws_region)));
    }
    if (made.has(region)) {
      co_return to_answer(validation_error(fmt::format("Region {} is named twice.", aws_region)));
    }
    Object description;
    if (const auto checked = co_await check_legacy_member(made.replicas.empty() ? nullptr : &first,
                                                          table, region, description);
        !checked) {
      co_return to_answer(checked.error());
    }
    first = made.replicas.empty() ? std::move(description) : std::move(first);
    made.replicas.push_back(region);
  }
  if (!made.has(own())) {
    co_return to_answer(
        validation_error(fmt::format("ReplicationGroup must name the region that is called, {}.",
                                     shared_.options.store.region)));
  }
  Outcome outcome = co_await write_entry(own(), made);
  co_await refresh_registry(calls_, Reread::kAllTables);
  if (outcome) {
    outcome = co_await write_others(made);
  }
  if (!outcome) {
    co_return to_answer(outcome.error());
  }
  co_return Answer{200, {{"GlobalTableDescription", describe_legacy(made)}}};
}

Task<rewrite::Answer> TableCalls::update_global_table(Object body) {
  const std::string table(text_in(body, "GlobalTableName"));
  const auto snapshot = shared_.registry.get();
  const GlobalTable* before = legacy(*snapshot, table);
  const json::array* updates = array_in(body, "ReplicaUpdates");
  if (before == nullptr) {
    co_return to_answer(global_not_found(table));
  }
  if (updates == nullptr || updates->size() != 1 || !(*updates)[0].is_object()) {
    co_return to_answer(validation_error("ReplicaUpdates must hold one Create or Delete."));
  }
  const Object& update = (*updates)[0].get_object();
  const Object* create = object_in(update, "Create");
  const Object* remove = object_in(update, "Delete");
  if ((create == nullptr) == (remove == nullptr)) {
    co_return to_answer(validation_error("ReplicaUpdates must hold one Create or Delete."));
  }
  const std::string aws_region(text_in(create != nullptr ? *create : *remove, "RegionName"));
  const std::string region = leeward_name(aws_region);
  GlobalTable after = *before;
  Outcome outcome;
  if (create != nullptr) {
    if (region.empty()) {
      co_return to_answer(validation_error(fmt::format("Unsupported region: '{}'.", aws_region)));
    }
    if (after.has(region)) {
      co_return to_answer(
          dynamodb_error("ReplicaAlreadyExistsException",
                         fmt::format("Region {} is already a replica of {}.", aws_region, table)));
    }
    const auto here = co_await describe(own(), table);
    if (!here) {
      co_return here.error();
    }
    Object description;
    outcome = co_await check_legacy_member(&*here, table, region, description);
    after.replicas.push_back(region);
  } else {
    if (region.empty() || !after.has(region)) {
      co_return to_answer(
          dynamodb_error("ReplicaNotFoundException",
                         fmt::format("Region {} is not a replica of {}.", aws_region, table)));
    }
    std::erase(after.replicas, region);
    outcome = co_await erase_entry(region, table);
  }
  if (outcome) {
    outcome = co_await write_others(after);
  }
  if (outcome && region != own()) {
    outcome = co_await write_entry(own(), after);
  }
  co_await refresh_registry(calls_, Reread::kAllTables);
  co_return outcome ? Answer{200, {{"GlobalTableDescription", describe_legacy(after)}}}
                    : to_answer(outcome.error());
}

rewrite::Answer TableCalls::describe_global_table(const Object& body) {
  const auto snapshot = shared_.registry.get();
  const std::string_view name = text_in(body, "GlobalTableName");
  const GlobalTable* table = legacy(*snapshot, name);
  return table == nullptr ? to_answer(global_not_found(name))
                          : Answer{200, {{"GlobalTableDescription", describe_legacy(*table)}}};
}

rewrite::Answer TableCalls::list_global_tables(const Object& body) {
  const auto snapshot = shared_.registry.get();
  const std::string_view after = text_in(body, "ExclusiveStartGlobalTableName");
  const std::string_view region = text_in(body, "RegionName");
  const json::value* asked = body.if_contains("Limit");
  const std::size_t limit = asked != nullptr && asked->is_int64() && asked->get_int64() >= 1
                                ? std::min(static_cast<std::size_t>(asked->get_int64()), kMaxListed)
                                : kMaxListed;
  json::array tables;
  std::string last;
  for (const auto& [name, table] : snapshot->globals) {
    const bool wanted = table.version == kVersion2017 && (after.empty() || name > after) &&
                        (region.empty() || table.has(leeward_name(region)));
    if (!wanted) {
      continue;
    }
    if (tables.size() == limit) {
      return {200, {{"GlobalTables", std::move(tables)}, {"LastEvaluatedGlobalTableName", last}}};
    }
    json::array group;
    for (const std::string& member : table.replicas) {
      group.push_back(json::object{{"RegionName", aws_name(member)}});
    }
    tables.push_back(
        json::object{{"GlobalTableName", name}, {"ReplicationGroup", std::move(group)}});
    last = name;
  }
  return {200, {{"GlobalTables", std::move(tables)}}};
}

// Each region's table keeps its own capacity here; there is nothing to set for all at once.
rewrite::Answer TableCalls::global_table_settings(const Object& body) {
  const auto snapshot = shared_.registry.get();
  const std::string_view name = text_in(body, "GlobalTableName");
  const GlobalTable* table = legacy(*snapshot, name);
  if (table == nullptr) {
    return to_answer(global_not_found(name));
  }
  if (body.size() > 1) {
    return to_answer(validation_error(
        "This endpoint keeps no settings of a global table: use UpdateTable in each region."));
  }
  json::array replicas;
  for (const std::string& region : table->replicas) {
    replicas.push_back(json::object{{"RegionName", aws_name(region)}, {"ReplicaStatus", "ACTIVE"}});
  }
  return {200, {{"GlobalTableName", name}, {"ReplicaSettings", std::move(replicas)}}};
}

}  // namespace leeward::gateway
