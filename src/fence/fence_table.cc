// SPDX-License-Identifier: Apache-2.0
#include "fence/fence_table.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace leeward::fence {
namespace {

namespace json = boost::json;
using dynamodb::CallError;
using dynamodb::Failure;

// One call; within a region an answer takes milliseconds, so a second one is worth more than
// waiting longer for the first.
constexpr Duration kAttempt = std::chrono::milliseconds(250);
constexpr Duration kPause = std::chrono::milliseconds(20);

MonoTime now() {
  return MonoTime(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

std::string item_id(const ApplicationId& application, int shard) {
  return fmt::format("{}#{}", application, shard);
}

json::object number(std::uint64_t value) {
  return {{"N", std::to_string(value)}};
}

json::object text(std::string_view value) {
  return {{"S", json::string(json::string_view(value.data(), value.size()))}};
}

Result<std::uint64_t> number_in(const json::object& item, const char* name) {
  const json::value* attribute = item.if_contains(name);
  const json::object* typed = attribute == nullptr ? nullptr : attribute->if_object();
  const json::value* digits = typed == nullptr ? nullptr : typed->if_contains("N");
  const json::string* value = digits == nullptr ? nullptr : digits->if_string();
  std::uint64_t result = 0;
  if (value != nullptr) {
    const char* const end = value->data() + value->size();
    const auto parsed = std::from_chars(value->data(), end, result);
    if (parsed.ec == std::errc{} && parsed.ptr == end) {
      return result;
    }
  }
  return fail(ErrorCode::kDataCorrupt,
              fmt::format("the fence item's {} is not a whole number", name));
}

bool cancelled_by_condition(const CallError& error) {
  return error.message.contains("TransactionCanceledException") &&
         error.message.contains("ConditionalCheckFailed");
}

Error as_error(const CallError& error) {
  return {error.failure == Failure::kDenied ? ErrorCode::kUnauthenticated : ErrorCode::kUnavailable,
          error.message};
}

json::object raise_of_shard(const ApplicationId& application, int shard, Epoch epoch, bool open) {
  return {
      {"Update",
       json::object{
           {"TableName", kFenceTable},
           {"Key", json::object{{"id", text(item_id(application, shard))}}},
           {"UpdateExpression", "SET epoch = :e, #o = :o"},
           // Within an epoch a fence closes for good: a late request must not open it again.
           {"ConditionExpression",
            "attribute_not_exists(id) OR epoch < :e OR "
            "(epoch = :e AND (#o = :o OR #o = :true))"},
           {"ExpressionAttributeNames", json::object{{"#o", "open"}}},
           {"ExpressionAttributeValues", json::object{{":e", number(epoch)},
                                                      {":o", json::object{{"BOOL", open}}},
                                                      {":true", json::object{{"BOOL", true}}}}}}}};
}

}  // namespace

Result<FenceItem> parse_fence_item(const json::value& item) {
  const json::object* object = item.if_object();
  if (object == nullptr) {
    return fail(ErrorCode::kDataCorrupt, "the fence item is not an object");
  }
  FenceItem result;
  ASSIGN_OR_RETURN(result.epoch, number_in(*object, "epoch"));
  if (object->contains("grant")) {
    ASSIGN_OR_RETURN(result.grant, number_in(*object, "grant"));
  }
  const json::value* open = object->if_contains("open");
  const json::object* typed = open == nullptr ? nullptr : open->if_object();
  const json::value* flag = typed == nullptr ? nullptr : typed->if_contains("BOOL");
  if (flag == nullptr || !flag->is_bool()) {
    return fail(ErrorCode::kDataCorrupt, "the fence item's open is not a boolean");
  }
  result.open = flag->get_bool();
  return result;
}

FenceTable::FenceTable(dynamodb::Client client) : client_(std::move(client)) {}

Status FenceTable::ensure(Duration patience) {
  const MonoTime deadline = now() + patience;
  const json::object create{
      {"TableName", kFenceTable},
      {"KeySchema", json::array{json::object{{"AttributeName", "id"}, {"KeyType", "HASH"}}}},
      {"AttributeDefinitions",
       json::array{json::object{{"AttributeName", "id"}, {"AttributeType", "S"}}}},
      {"BillingMode", "PAY_PER_REQUEST"}};
  CallError last{Failure::kTimeout, "not asked"};
  do {
    const auto described = client_.call("DynamoDB_20120810.DescribeTable",
                                        json::object{{"TableName", kFenceTable}}, kAttempt * 4);
    if (described) {
      const json::object* answer = described->if_object();
      const json::value* status = answer == nullptr ? nullptr : answer->if_contains("Table");
      status = status == nullptr || !status->is_object()
                   ? nullptr
                   : status->get_object().if_contains("TableStatus");
      if (status != nullptr && status->is_string() && status->get_string() == "ACTIVE") {
        return {};
      }
      last = {Failure::kUnavailable, "the table is not active yet"};
    } else if (described.error().failure == Failure::kNotFound) {
      const auto created =
          client_.call("DynamoDB_20120810.CreateTable", create, std::chrono::seconds(5));
      last = created ? CallError{Failure::kUnavailable, "it was just created"} : created.error();
    } else {
      last = described.error();
    }
    std::this_thread::sleep_for(kPause);
  } while (now() < deadline);
  return fail(with_context(as_error(last),
                           fmt::format("table {} in {}", kFenceTable, client_.endpoint().region)));
}

RaiseOutcome FenceTable::raise(const ApplicationId& application, Epoch epoch, bool open,
                               Duration patience) {
  json::array writes;
  for (int shard = 0; shard < kShards; ++shard) {
    writes.push_back(raise_of_shard(application, shard, epoch, open));
  }
  const json::object body{{"TransactItems", std::move(writes)}};
  const MonoTime deadline = now() + patience;
  CallError last{Failure::kTimeout, "not asked"};
  for (;;) {
    const Duration left = deadline - now();
    if (left <= Duration(0)) {
      return {fail(as_error(last)), 0};
    }
    const auto answer =
        client_.call("DynamoDB_20120810.TransactWriteItems", body, std::min(kAttempt, left));
    if (answer) {
      return {{}, 0};
    }
    last = answer.error();
    if (cancelled_by_condition(last)) {
      const auto standing = read(application, kAttempt);
      if (standing && *standing &&
          ((*standing)->epoch > epoch ||
           ((*standing)->epoch == epoch && open && !(*standing)->open))) {
        return {fail(ErrorCode::kAborted, fmt::format("epoch {} stands there", (*standing)->epoch)),
                (*standing)->epoch};
      }
    } else if (last.failure == Failure::kValidation || last.failure == Failure::kDenied) {
      return {fail(as_error(last)), 0};
    } else if (last.failure == Failure::kNotFound) {
      static_cast<void>(ensure(deadline - now()));
    }
    std::this_thread::sleep_for(std::min(kPause, std::max(Duration(0), deadline - now())));
  }
}

dynamodb::CallResult<json::value> FenceTable::grant(const ApplicationId& application, Epoch epoch,
                                                    WallTime now, Duration timeout) {
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  return client_.call("DynamoDB_20120810.UpdateItem",
                      {{"TableName", kFenceTable},
                       {"Key", json::object{{"id", text(item_id(application, 0))}}},
                       {"UpdateExpression", "SET granted_at = :at ADD #g :one"},
                       {"ConditionExpression", "epoch = :e AND #o = :true"},
                       {"ExpressionAttributeNames", json::object{{"#o", "open"}, {"#g", "grant"}}},
                       {"ExpressionAttributeValues",
                        json::object{{":at", number(static_cast<std::uint64_t>(milliseconds))},
                                     {":one", number(1)},
                                     {":e", number(epoch)},
                                     {":true", json::object{{"BOOL", true}}}}}},
                      timeout);
}

Result<std::optional<FenceItem>> FenceTable::read(const ApplicationId& application,
                                                  Duration timeout) {
  const auto answer = client_.call("DynamoDB_20120810.GetItem",
                                   {{"TableName", kFenceTable},
                                    {"ConsistentRead", true},
                                    {"Key", json::object{{"id", text(item_id(application, 0))}}}},
                                   timeout);
  if (!answer) {
    return fail(as_error(answer.error()));
  }
  const json::object* object = answer->if_object();
  const json::value* item = object == nullptr ? nullptr : object->if_contains("Item");
  if (item == nullptr) {
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(auto parsed, parse_fence_item(*item));
  return parsed;
}

}  // namespace leeward::fence
