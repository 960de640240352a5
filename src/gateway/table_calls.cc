// SPDX-License-Identifier: Apache-2.0
#include "gateway/table_calls.h"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "gateway/table_view.h"

namespace leeward::gateway {

namespace json = boost::json;

namespace {

// At most this many pages of Leeward's own names are read past for one answer.
constexpr int kMaxListPages = 16;

void name_table(json::object& body) {
  if (const std::string name(table_of(text_in(body, "TableName"))); !name.empty()) {
    body["TableName"] = name;
  }
}

AwsError stream_must_stay(std::string_view table) {
  return validation_error(fmt::format(
      "Disabling the stream is not allowed: table {} is a replica of a Global Table.", table));
}

bool disables_stream(const json::object& body) {
  const json::object* stream = object_in(body, "StreamSpecification");
  const json::value* enabled = stream == nullptr ? nullptr : stream->if_contains("StreamEnabled");
  return enabled != nullptr && enabled->is_bool() && !enabled->get_bool();
}

}  // namespace

std::string TableCalls::leeward_name(std::string_view aws_region) const {
  if (aws_region == shared_.options.store.region) {
    return own();
  }
  for (const PeerRegion& peer : shared_.options.peers) {
    if (peer.endpoint.region == aws_region) {
      return peer.id.str();
    }
  }
  return {};
}

std::string TableCalls::aws_name(std::string_view region) const {
  if (region == own()) {
    return shared_.options.store.region;
  }
  for (const PeerRegion& peer : shared_.options.peers) {
    if (peer.id.str() == region) {
      return peer.endpoint.region;
    }
  }
  return std::string(region);  // of a group that a gateway with more peers made
}

std::string TableCalls::known_aws_regions() const {
  std::string text;
  for (const PeerRegion& peer : shared_.options.peers) {
    text += (text.empty() ? "" : ", ") + peer.endpoint.region;
  }
  return text.empty() ? "none" : text;
}

Task<rewrite::Answer> TableCalls::call(std::string_view operation, Object body) {
  name_table(body);
  if (operation == "DescribeTable") {
    co_return co_await describe_table(std::move(body));
  }
  if (operation == "ListTables") {
    co_return co_await list_tables(std::move(body));
  }
  if (operation == "CreateTable") {
    co_return co_await create_table(std::move(body));
  }
  if (operation == "UpdateTable") {
    co_return co_await update_table(std::move(body));
  }
  if (operation == "DeleteTable") {
    co_return co_await delete_table(std::move(body));
  }
  if (operation == "UpdateTimeToLive") {
    co_return co_await update_time_to_live(std::move(body));
  }
  if (operation == "CreateGlobalTable") {
    co_return co_await create_global_table(std::move(body));
  }
  if (operation == "UpdateGlobalTable") {
    co_return co_await update_global_table(std::move(body));
  }
  if (operation == "DescribeGlobalTable") {
    co_return describe_global_table(body);
  }
  if (operation == "ListGlobalTables") {
    co_return list_global_tables(body);
  }
  co_return global_table_settings(body);
}

// What clients see of a table's description.
void TableCalls::show(Object& description) {
  hide_marks(description);
  const auto snapshot = shared_.registry.get();
  const std::string name(text_in(description, "TableName"));
  const GlobalTable* global = snapshot->global(name);
  if (global == nullptr) {
    return;
  }
  std::vector<ReplicaView> replicas;
  for (const std::string& region : global->replicas) {
    if (region != own()) {
      replicas.push_back({aws_name(region), shared_.registry.is_creating(name, region)});
    }
  }
  add_replicas(description, replicas, global->version);
}

Task<rewrite::Answer> TableCalls::create_table(Object body) {
  if (const auto error = check_stream_view(body)) {
    co_return to_answer(*error);
  }
  mark_indexes(body);
  Answer answer = co_await calls_.store("CreateTable", std::move(body));
  if (answer.status == 200) {
    co_await refresh_registry(calls_, Reread::kAllTables);  // a table declared before it was there
    if (json::value* description = answer.body.if_contains("TableDescription");
        description != nullptr && description->is_object()) {
      show(description->get_object());
    }
  }
  co_return answer;
}

Task<rewrite::Answer> TableCalls::describe_table(Object body) {
  Answer answer = co_await calls_.store("DescribeTable", std::move(body));
  if (json::value* description = answer.body.if_contains("Table");
      description != nullptr && description->is_object()) {
    show(description->get_object());
  }
  co_return answer;
}

// The store's pages may hold Leeward's own tables; a client's page has as many of its own as asked.
Task<rewrite::Answer> TableCalls::list_tables(Object body) {
  const json::value* asked = body.if_contains("Limit");
  const std::size_t limit =
      asked != nullptr && asked->is_int64() && asked->get_int64() >= 1 && asked->get_int64() <= 100
          ? static_cast<std::size_t>(asked->get_int64())
          : 100;
  json::array shown;
  for (int page = 0; page < kMaxListPages; ++page) {
    Answer answer = co_await calls_.store("ListTables", body);
    const json::array* names = array_in(answer.body, "TableNames");
    if (answer.status != 200 || names == nullptr) {
      co_return answer;
    }
    const std::string last(text_in(answer.body, "LastEvaluatedTableName"));
    for (const json::value& name : *names) {
      const bool own_table =
          name.is_string() && std::string_view(name.get_string()).starts_with(kOwnPrefix);
      if (own_table) {
        continue;
      }
      if (shown.size() == limit) {
        const json::value continue_at = shown.back();
        co_return Answer{
            200, {{"TableNames", std::move(shown)}, {"LastEvaluatedTableName", continue_at}}};
      }
      shown.push_back(name);
    }
    if (last.empty()) {
      co_return Answer{200, {{"TableNames", std::move(shown)}}};
    }
    if (shown.size() == limit && !last.starts_with(kOwnPrefix)) {
      co_return Answer{200, {{"TableNames", std::move(shown)}, {"LastEvaluatedTableName", last}}};
    }
    body["ExclusiveStartTableName"] = last;
  }
  co_return to_answer(internal_error("ListTables: too many pages of tables that are not listed"));
}

Task<rewrite::Answer> TableCalls::delete_table(Object body) {
  const std::string table(text_in(body, "TableName"));
  Answer answer = co_await calls_.store("DeleteTable", std::move(body));
  if (answer.status != 200) {
    co_return answer;
  }
  if (json::value* description = answer.body.if_contains("TableDescription");
      description != nullptr && description->is_object()) {
    show(description->get_object());
  }
  const auto snapshot = shared_.registry.get();
  if (const GlobalTable* global = snapshot->global(table)) {
    GlobalTable rest = *global;
    std::erase(rest.replicas, own());
    if (const auto written = co_await write_others(rest); !written) {
      shared_.log("replica_not_told",
                  fmt::format("table {} left its group: {}", table, written.error().message));
    }
    if (const auto erased = co_await erase_entry(own(), table); !erased) {
      shared_.log("registry_not_written", erased.error().message);
    }
  }
  co_await refresh_registry(calls_, Reread::kAllTables);
  co_return answer;
}

Task<rewrite::Answer> TableCalls::update_table(Object body) {
  if (const auto error = check_stream_view(body)) {
    co_return to_answer(*error);
  }
  if (body.contains("ReplicaUpdates") || body.contains("MultiRegionConsistency") ||
      body.contains("GlobalTableWitnessUpdates")) {
    co_return co_await update_replicas(std::move(body));
  }
  const std::string table(text_in(body, "TableName"));
  const auto snapshot = shared_.registry.get();
  if (disables_stream(body) && snapshot->find(table) != nullptr) {
    co_return to_answer(stream_must_stay(table));
  }
  const bool indexes = body.contains("GlobalSecondaryIndexUpdates");
  if (indexes) {
    const auto described = co_await describe(own(), table);
    if (!described) {
      co_return described.error();
    }
    mark_index_updates(body, *described);
  }
  const bool everywhere = (indexes || body.contains("BillingMode")) && snapshot->global(table);
  Object same = everywhere ? body : Object();
  Answer answer = co_await calls_.store("UpdateTable", std::move(body));
  if (answer.status != 200) {
    co_return answer;
  }
  if (everywhere) {
    same.erase("StreamSpecification");
    co_await repeat_in_replicas(table, "UpdateTable", std::move(same));
  }
  co_await refresh_registry(calls_, Reread::kAllTables);
  if (json::value* description = answer.body.if_contains("TableDescription");
      description != nullptr && description->is_object()) {
    show(description->get_object());
  }
  co_return answer;
}

// What DynamoDB keeps the same in every replica. A region that cannot be told is named in the log;
// the table manager shows and mends the difference.
Task<void> TableCalls::repeat_in_replicas(std::string table, std::string_view operation,
                                          Object body) {
  const auto snapshot = shared_.registry.get();
  const GlobalTable* global = snapshot->global(table);
  if (global == nullptr) {
    co_return;
  }
  for (const std::string& region : global->replicas) {
    if (region == own()) {
      continue;
    }
    const Answer answer = co_await calls_.region(region, operation, body);
    if (answer.status != 200) {
      shared_.log("replica_differs", fmt::format("{} of {} in {}: {}", operation, table, region,
                                                 text_in(answer.body, "message")));
    }
  }
}

Task<rewrite::Answer> TableCalls::update_time_to_live(Object body) {
  const std::string table(text_in(body, "TableName"));
  const Object same = body;
  Answer answer = co_await calls_.store("UpdateTimeToLive", std::move(body));
  if (answer.status != 200) {
    co_return answer;
  }
  const auto snapshot = shared_.registry.get();
  if (const GlobalTable* global = snapshot->global(table)) {
    co_await repeat_in_replicas(table, "UpdateTimeToLive", same);
    GlobalTable changed = *global;
    const Object* settings = object_in(same, "TimeToLiveSpecification");
    const json::value* enabled = settings == nullptr ? nullptr : settings->if_contains("Enabled");
    const bool on = enabled != nullptr && enabled->is_bool() && enabled->get_bool();
    changed.ttl_attribute = on ? text_in(*settings, "AttributeName") : std::string_view();
    if (const auto written = co_await write_others(changed); !written) {
      shared_.log("replica_differs", written.error().message);
    }
    if (const auto written = co_await write_entry(own(), changed); !written) {
      shared_.log("registry_not_written", written.error().message);
    }
  }
  co_await refresh_registry(calls_, Reread::kAllTables);
  co_return answer;
}

}  // namespace leeward::gateway
