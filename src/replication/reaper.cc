// SPDX-License-Identifier: Apache-2.0
#include "replication/reaper.h"

#include <utility>

#include "dynamodb/streams.h"
#include "replica/page.h"
#include "replica/stamp.h"
#include "replication/put.h"

namespace leeward::replication {
namespace {

namespace json = boost::json;
using dynamodb::Failure;

constexpr Duration kTimeout = std::chrono::seconds(5);
constexpr int kScanItems = 250;

// The least stamp of that time.
std::string stamp_at(WallTime time) {
  const auto us = std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
  return replica::format_stamp({us < 0 ? 0 : static_cast<std::uint64_t>(us), 0, RegionId("")});
}

// Empty: removed, or it is another version by now.
std::string remove(dynamodb::Client& store, const std::string& table, const json::object& item,
                   const std::vector<std::string>& key_names, std::uint64_t& removed) {
  const auto answer = store.call(
      "DynamoDB_20120810.DeleteItem",
      {{"TableName", table},
       {"Key", key_of(item, key_names)},
       {"ConditionExpression", "#r = :r AND attribute_exists(#d)"},
       {"ExpressionAttributeNames",
        json::object{{"#r", replica::kStampAttribute}, {"#d", replica::kTombstoneAttribute}}},
       {"ExpressionAttributeValues", json::object{{":r", item.at(replica::kStampAttribute)}}}},
      kTimeout);
  if (answer) {
    ++removed;
    return "";
  }
  return answer.error().failure == Failure::kConditionFailed ? "" : answer.error().message;
}

}  // namespace

Reaped reap_tombstones(dynamodb::Client& store, const std::string& table, WallTime older_than,
                       const std::function<bool()>& may_go_on) {
  Reaped reaped;
  const auto facts = describe_table(store, table);
  if (!facts) {
    reaped.error = facts.error().message;
    return reaped;
  }
  json::object body{
      {"TableName", table},
      {"Limit", kScanItems},
      {"FilterExpression", "attribute_exists(#d) AND attribute_not_exists(#h) AND #r < :before"},
      {"ExpressionAttributeNames", json::object{{"#r", replica::kStampAttribute},
                                                {"#d", replica::kTombstoneAttribute},
                                                {"#h", replica::kHeartbeatAttribute}}},
      {"ExpressionAttributeValues",
       json::object{{":before", json::object{{"S", stamp_at(older_than)}}}}}};
  while (may_go_on()) {
    auto answer = store.call("DynamoDB_20120810.Scan", body, kTimeout);
    json::object* page = answer ? answer->if_object() : nullptr;
    if (page == nullptr) {
      reaped.error = answer ? "Scan's answer is no object" : answer.error().message;
      return reaped;
    }
    if (const json::value* items = page->if_contains("Items");
        items != nullptr && items->is_array()) {
      for (const json::value& item : items->get_array()) {
        if (!item.is_object() || replica::stamp_in(item.get_object()).empty()) {
          continue;
        }
        if (!may_go_on()) {
          return reaped;
        }
        reaped.error = remove(store, table, item.get_object(), facts->key_names, reaped.removed);
        if (!reaped.error.empty()) {
          return reaped;
        }
      }
    }
    json::value* next = page->if_contains("LastEvaluatedKey");
    if (next == nullptr) {
      reaped.complete = true;
      return reaped;
    }
    body["ExclusiveStartKey"] = std::move(*next);
  }
  return reaped;
}

}  // namespace leeward::replication
