// SPDX-License-Identifier: Apache-2.0
//
// UpdateTable with ReplicaUpdates, version 2019.11.21. The order of a new replica matters: this
// region's writes are stamped before its stream is on, the stream is on before the other region
// learns of the table, so a replicator there never sees a write that it cannot place.
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

constexpr auto kPoll = std::chrono::milliseconds(200);
constexpr int kPolls = 150;  // 30 s: on Amazon a new table takes about ten

std::string message_of(const rewrite::Answer& answer) {
  std::string_view text = text_in(answer.body, "message");
  text = text.empty() ? text_in(answer.body, "Message") : text;
  return fmt::format("{}: {}", error_name(answer.body), text);
}

bool not_found(const rewrite::Answer& answer) {
  return error_name(answer.body) == "ResourceNotFoundException";
}

Task<void> pause(asio::io_context& io) {
  Timer timer(io, std::chrono::steady_clock::now() + kPoll);
  co_await timer.async_wait(kTuple);
}

// Ends a change of a global table, whichever way it ends.
class Change {
 public:
  Change(Registry& registry, std::string table) : registry_(registry), table_(std::move(table)) {
    begun_ = registry_.begin_change(table_);
  }
  ~Change() {
    if (begun_) {
      registry_.end_change(table_);
    }
  }
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;
  [[nodiscard]] bool begun() const { return begun_; }

 private:
  Registry& registry_;
  std::string table_;
  bool begun_ = false;
};

struct ReplicaUpdate {
  bool create = false;
  std::string aws_region;
};

std::expected<std::vector<ReplicaUpdate>, AwsError> parse_updates(const json::object& body) {
  if (text_in(body, "MultiRegionConsistency") == "STRONG" ||
      body.contains("GlobalTableWitnessUpdates")) {
    return std::unexpected(validation_error(
        "Multi-region strong consistency and witnesses are not supported by this endpoint: its "
        "regions replicate asynchronously (MultiRegionConsistency EVENTUAL)."));
  }
  for (const auto& member : body) {
    const std::string_view name = member.key();
    if (name != "TableName" && name != "ReplicaUpdates" && name != "MultiRegionConsistency" &&
        name != "GlobalTableSettingsReplicationMode") {
      return std::unexpected(validation_error(fmt::format(
          "One or more parameter values were invalid: {} cannot be changed in one call with "
          "ReplicaUpdates.",
          name)));
    }
  }
  const json::array* updates = array_in(body, "ReplicaUpdates");
  if (updates == nullptr || updates->empty()) {
    return std::unexpected(validation_error(
        "1 validation error detected: Value at 'replicaUpdates' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1"));
  }
  std::vector<ReplicaUpdate> parsed;
  for (const json::value& each : *updates) {
    const json::object* update = each.is_object() ? &each.get_object() : nullptr;
    const json::object* create = update == nullptr ? nullptr : object_in(*update, "Create");
    const json::object* remove = update == nullptr ? nullptr : object_in(*update, "Delete");
    if ((create == nullptr) == (remove == nullptr) || update->size() != 1) {
      return std::unexpected(validation_error(
          "One or more parameter values were invalid: each of ReplicaUpdates must be a Create or a "
          "Delete with a RegionName."));
    }
    parsed.push_back(
        {create != nullptr, std::string(text_in(create ? *create : *remove, "RegionName"))});
    if (parsed.back().create != parsed.front().create) {
      return std::unexpected(validation_error(
          "One or more parameter values were invalid: replicas cannot be created and deleted in "
          "one call."));
    }
  }
  return parsed;
}

}  // namespace

Task<TableCalls::Described> TableCalls::describe(std::string_view region,
                                                 const std::string& table) {
  Answer answer = co_await calls_.region(region, "DescribeTable", {{"TableName", table}});
  const Object* description = object_in(answer.body, "Table");
  if (answer.status != 200 || description == nullptr) {
    co_return std::unexpected(std::move(answer));
  }
  co_return *description;
}

Task<TableCalls::Outcome> TableCalls::make_registry_table(std::string_view region) {
  const Answer made = co_await calls_.region(
      region, "CreateTable",
      {{"TableName", kRegistryTable},
       {"KeySchema", json::array{{{"AttributeName", "table_name"}, {"KeyType", "HASH"}}}},
       {"AttributeDefinitions",
        json::array{{{"AttributeName", "table_name"}, {"AttributeType", "S"}}}},
       {"BillingMode", "PAY_PER_REQUEST"}});
  if (made.status != 200 && error_name(made.body) != "ResourceInUseException") {
    co_return std::unexpected(internal_error(fmt::format(
        "table {} could not be made in {}: {}", kRegistryTable, region, message_of(made))));
  }
  for (int poll = 0; poll < kPolls; ++poll) {
    const auto described = co_await describe(region, std::string(kRegistryTable));
    if (described && text_in(*described, "TableStatus") == "ACTIVE") {
      co_return Outcome();
    }
    co_await pause(calls_.io());
  }
  co_return std::unexpected(
      internal_error(fmt::format("table {} in {} is not ACTIVE yet", kRegistryTable, region)));
}

Task<TableCalls::Outcome> TableCalls::write_entry(std::string_view region,
                                                  const GlobalTable& table) {
  for (bool again = false;; again = true) {
    const Answer put = co_await calls_.region(
        region, "PutItem", {{"TableName", kRegistryTable}, {"Item", to_item(table)}});
    if (put.status == 200) {
      co_return Outcome();
    }
    if (again || !not_found(put)) {
      co_return std::unexpected(internal_error(fmt::format(
          "the entry of {} could not be written in {}: {}", table.name, region, message_of(put))));
    }
    if (auto made = co_await make_registry_table(region); !made) {
      co_return made;
    }
  }
}

Task<TableCalls::Outcome> TableCalls::erase_entry(std::string_view region,
                                                  const std::string& table) {
  const Answer erased = co_await calls_.region(
      region, "DeleteItem",
      {{"TableName", kRegistryTable}, {"Key", {{"table_name", {{"S", table}}}}}});
  if (erased.status != 200 && !not_found(erased)) {
    co_return std::unexpected(internal_error(fmt::format(
        "the entry of {} could not be erased in {}: {}", table, region, message_of(erased))));
  }
  co_return Outcome();
}

// To every member but this region; goes on past one that cannot be told.
Task<TableCalls::Outcome> TableCalls::write_others(const GlobalTable& table) {
  Outcome outcome;
  for (const std::string& region : table.replicas) {
    if (region != own()) {
      if (auto written = co_await write_entry(region, table); !written) {
        outcome = std::move(written);
      }
    }
  }
  co_return outcome;
}

Task<TableCalls::Outcome> TableCalls::enable_stream(std::string_view region,
                                                    const Object& description) {
  if (has_full_stream(description)) {
    co_return Outcome();
  }
  const std::string table(text_in(description, "TableName"));
  if (has_stream(description)) {
    co_return std::unexpected(validation_error(fmt::format(
        "Table {} in {} has a stream that is not NEW_AND_OLD_IMAGES. Disable it first: replication "
        "needs both images.",
        table, aws_name(region))));
  }
  const Answer enabled = co_await calls_.region(
      region, "UpdateTable",
      {{"TableName", table},
       {"StreamSpecification",
        {{"StreamEnabled", true}, {"StreamViewType", "NEW_AND_OLD_IMAGES"}}}});
  if (enabled.status != 200) {
    co_return std::unexpected(internal_error(fmt::format(
        "the stream of {} in {} could not be enabled: {}", table, region, message_of(enabled))));
  }
  co_return Outcome();
}

Task<TableCalls::Outcome> TableCalls::make_replica(const Object& description,
                                                   const std::string& region) {
  const std::string table(text_in(description, "TableName"));
  const auto there = co_await describe(region, table);
  if (there) {
    if (const std::string difference = key_difference(description, *there); !difference.empty()) {
      co_return std::unexpected(validation_error(
          fmt::format("Table {} exists in {} with another key schema: {}. Nothing was changed.",
                      table, aws_name(region), difference)));
    }
    if (const std::string index = unmarked_index(*there); !index.empty()) {
      co_return std::unexpected(validation_error(fmt::format(
          "Index {} of table {} in {} would show deleted items; recreate it with projection ALL.",
          index, table, aws_name(region))));
    }
    co_return co_await enable_stream(region, *there);
  }
  if (!not_found(there.error())) {
    co_return std::unexpected(
        internal_error(fmt::format("region {} ({}) could not be asked: {}", aws_name(region),
                                   region, message_of(there.error()))));
  }
  const Answer made = co_await calls_.region(region, "CreateTable", create_table_like(description));
  if (made.status != 200) {
    co_return std::unexpected(internal_error(
        fmt::format("table {} could not be made in {}: {}", table, region, message_of(made))));
  }
  shared_.registry.set_creating(table, region, true);
  const Answer ttl = co_await calls_.store("DescribeTimeToLive", {{"TableName", table}});
  const Object* settings = object_in(ttl.body, "TimeToLiveDescription");
  if (settings != nullptr && text_in(*settings, "TimeToLiveStatus") == "ENABLED") {
    const Answer set = co_await calls_.region(
        region, "UpdateTimeToLive",
        {{"TableName", table},
         {"TimeToLiveSpecification",
          {{"Enabled", true}, {"AttributeName", text_in(*settings, "AttributeName")}}}});
    if (set.status != 200) {  // the table is still being created, at Amazon
      shared_.log("replica_differs",
                  fmt::format("time to live of {} in {}: {}", table, region, message_of(set)));
    }
  }
  co_return Outcome();
}

Task<rewrite::Answer> TableCalls::update_replicas(Object body) {
  const std::string table(text_in(body, "TableName"));
  const auto updates = parse_updates(body);
  if (!updates) {
    co_return to_answer(updates.error());
  }
  if (const auto described = co_await describe(own(), table); !described) {
    co_return described.error();
  }
  for (const ReplicaUpdate& update : *updates) {
    if (update.aws_region == shared_.options.store.region) {
      co_return to_answer(
          validation_error("Cannot add or delete the local region through ReplicaUpdates. Use "
                           "CreateTable, DeleteTable, or UpdateTable as required."));
    }
    if (leeward_name(update.aws_region).empty()) {
      co_return to_answer(validation_error(
          fmt::format("Unsupported region: '{}'. This endpoint has replicas in: {}.",
                      update.aws_region, known_aws_regions())));
    }
  }
  const Change change(shared_.registry, table);
  if (!change.begun()) {
    co_return to_answer(dynamodb_error(
        "ResourceInUseException",
        fmt::format(
            "Attempt to change a resource which is still in use: Table is being updated: {}",
            table)));
  }
  for (const ReplicaUpdate& update : *updates) {
    const std::string region = leeward_name(update.aws_region);
    Answer answer = update.create ? co_await add_replica(table, region)
                                  : co_await remove_replica(table, region);
    if (answer.status != 200) {
      co_return answer;
    }
  }
  auto described = co_await describe(own(), table);
  if (!described) {
    co_return described.error();
  }
  show(*described);
  (*described)["TableStatus"] = "UPDATING";
  co_return Answer{200, {{"TableDescription", std::move(*described)}}};
}

Task<rewrite::Answer> TableCalls::add_replica(std::string table, std::string region) {
  const auto described = co_await describe(own(), table);
  if (!described) {
    co_return described.error();
  }
  if (const std::string index = unmarked_index(*described); !index.empty()) {
    co_return to_answer(validation_error(fmt::format(
        "Index {} of table {} would show deleted items; recreate it first.", index, table)));
  }
  const auto snapshot = shared_.registry.get();
  const GlobalTable* before = snapshot->global(table);
  if (before != nullptr && before->has(region)) {
    co_return to_answer(validation_error(
        fmt::format("Failed to create a the new replica of table with name: '{}' because one or "
                    "more replicas already existed as tables.",
                    table)));
  }
  GlobalTable after =
      before != nullptr ? *before
                        : GlobalTable{table,
                                      {own()},
                                      std::string(kVersion2019),
                                      format_rfc3339(WallTime(std::chrono::duration_cast<Duration>(
                                          std::chrono::system_clock::now().time_since_epoch()))),
                                      {}};
  if (const auto* known = snapshot->find(table)) {
    after.ttl_attribute = known->ttl_attribute;
  }
  after.replicas.push_back(region);
  // Asked first, so that the usual refusals leave nothing to be undone.
  if (const auto there = co_await describe(region, table); there) {
    if (const std::string difference = key_difference(*described, *there); !difference.empty()) {
      co_return to_answer(validation_error(
          fmt::format("Table {} exists in {} with another key schema: {}. Nothing was changed.",
                      table, aws_name(region), difference)));
    }
  }
  Outcome outcome = co_await write_entry(own(), after);
  if (outcome && !co_await refresh_registry(calls_, Reread::kAllTables)) {
    outcome = std::unexpected(internal_error("the region's store gave no answer"));
  }
  if (outcome) {
    outcome = co_await enable_stream(own(), *described);
  }
  if (outcome) {
    outcome = co_await make_replica(*described, region);
  }
  if (outcome) {
    outcome = co_await write_others(after);
  }
  if (!outcome) {  // a group of one: its items are stamped already, and stamps stay hidden
    std::erase(after.replicas, region);
    shared_.registry.set_creating(table, region, false);
    if (const auto undone = co_await write_entry(own(), after); !undone) {
      shared_.log("registry_not_written", undone.error().message);
    }
    co_await refresh_registry(calls_, Reread::kAllTables);
    co_return to_answer(outcome.error());
  }
  shared_.log("replica_added", fmt::format("table {} in {}", table, region));
  co_return Answer{};
}

Task<rewrite::Answer> TableCalls::remove_replica(std::string table, std::string region) {
  const auto snapshot = shared_.registry.get();
  const GlobalTable* before = snapshot->global(table);
  if (before == nullptr || !before->has(region)) {
    co_return to_answer(dynamodb_error(
        "ReplicaNotFoundException",
        fmt::format("Table {} has no replica in region {}.", table, aws_name(region))));
  }
  GlobalTable after = *before;
  std::erase(after.replicas, region);
  Outcome outcome;
  const Answer deleted = co_await calls_.region(region, "DeleteTable", {{"TableName", table}});
  if (deleted.status != 200 && !not_found(deleted)) {
    co_return to_answer(internal_error(fmt::format("table {} could not be deleted in {}: {}", table,
                                                   region, message_of(deleted))));
  }
  outcome = co_await erase_entry(region, table);
  if (outcome) {
    outcome = co_await write_others(after);
  }
  if (outcome) {
    outcome = co_await write_entry(own(), after);
  }
  shared_.registry.set_creating(table, region, false);
  co_await refresh_registry(calls_, Reread::kAllTables);
  if (!outcome) {
    co_return to_answer(outcome.error());
  }
  shared_.log("replica_removed", fmt::format("table {} in {}", table, region));
  co_return Answer{};
}

Task<void> watch_creation(Calls& calls) {
  for (const auto& [table, region] : calls.shared().registry.creating()) {
    const rewrite::Answer answer =
        co_await calls.region(region, "DescribeTable", {{"TableName", table}});
    const json::object* description = object_in(answer.body, "Table");
    if (description != nullptr && text_in(*description, "TableStatus") == "ACTIVE") {
      calls.shared().registry.set_creating(table, region, false);
    }
  }
}

}  // namespace leeward::gateway
