// SPDX-License-Identifier: Apache-2.0
#include "rewrite/write.h"

#include <algorithm>

#include <fmt/format.h>

#include "replica/stamp.h"
#include "rewrite/expression.h"
#include "rewrite/item.h"

namespace leeward::rewrite {
namespace {

namespace json = boost::json;

// The condition as the client means it, on an item that may be a tombstone: on that it comes out as
// on nothing.
std::string aware_of_tombstones(const std::string& condition, bool holds_when_absent) {
  const std::string enclosed = parenthesized(condition);
  return holds_when_absent
             ? fmt::format("(attribute_exists({}) OR {})", kTombstoneName, enclosed)
             : fmt::format("(attribute_not_exists({}) AND {})", kTombstoneName, enclosed);
}

std::string newer() {
  return fmt::format("(attribute_not_exists({}) OR {} < {})", kStampName, kStampName, kStampValue);
}

std::optional<Answer> check_key(const json::object& key, const ReplicatedTable& table) {
  const bool fits = key.size() == table.key_names.size() &&
                    std::ranges::all_of(table.key_names, [&](const std::string& name) {
                      return key.contains(name);
                    });
  return fits ? std::nullopt
              : std::optional(validation("The provided key element does not match the schema"));
}

}  // namespace

std::variant<Write, Answer> Write::make(WriteKind kind, json::object body,
                                        const ReplicatedTable& table) {
  if (auto refused = refuse_reserved(body)) {
    return *refused;
  }
  if (auto refused = refuse_legacy(body, {"Expected", "ConditionalOperator", "AttributeUpdates"})) {
    return *refused;
  }
  Write write(kind, std::move(body), table);
  if (kind == WriteKind::kPut) {
    const json::object* item = object_in(write.body_, "Item");
    if (item == nullptr) {
      return malformed("Item must be a map of attribute values");
    }
    if (auto refused = refuse_reserved_item(*item)) {
      return *refused;
    }
  } else {
    const json::object* key = object_in(write.body_, "Key");
    if (key == nullptr) {
      return malformed("Key must be a map of attribute values");
    }
    if (auto refused = check_key(*key, table)) {
      return *refused;
    }
  }
  write.condition_ = text_in(write.body_, "ConditionExpression");
  if (!write.condition_.empty()) {
    const auto holds = rewrite::holds_when_absent(
        write.condition_, object_in(write.body_, "ExpressionAttributeValues"));
    if (!holds) {
      return validation("Invalid ConditionExpression: " + holds.error().message);
    }
    write.holds_when_absent_ = *holds;
  } else if (const json::value* given = write.body_.if_contains("ConditionExpression");
             given != nullptr && given->is_string()) {
    return validation("Invalid ConditionExpression: The expression can not be empty;");
  }
  if (const json::value* given = write.body_.if_contains("UpdateExpression");
      kind == WriteKind::kUpdate && given != nullptr && given->is_string()) {
    if (given->get_string().empty()) {
      return validation("Invalid UpdateExpression: The expression can not be empty;");
    }
    const auto clauses = split_update(text_in(write.body_, "UpdateExpression"));
    if (!clauses) {
      return validation("Invalid UpdateExpression: " + clauses.error().message);
    }
  }
  write.shows_failure_ = text_in(write.body_, "ReturnValuesOnConditionCheckFailure") == "ALL_OLD";
  write.returns_old_ = text_in(write.body_, "ReturnValues") == "ALL_OLD";
  return write;
}

const char* Write::operation() const {
  return kind_ == WriteKind::kUpdate ? "UpdateItem" : "PutItem";
}

const char* Write::element() const {
  switch (kind_) {
    case WriteKind::kUpdate:
      return "Update";
    case WriteKind::kConditionCheck:
      return "ConditionCheck";
    default:
      return "Put";
  }
}

json::object Write::stamped(const std::string& stamp, bool alone) const {
  json::object request = body_;
  std::string condition;
  if (!condition_.empty()) {
    add_name(request, kTombstoneName, kTombstone);
    condition = aware_of_tombstones(condition_, holds_when_absent_);
  }
  if (kind_ == WriteKind::kConditionCheck) {
    request["ConditionExpression"] = condition;
    return request;
  }
  add_name(request, kStampName, kStamp);
  add_value(request, kStampValue, json::object{{"S", stamp}});
  condition = condition.empty() ? newer() : condition + " AND " + newer();
  if (kind_ == WriteKind::kPut) {
    (*object_in(request, "Item"))[kStamp] = json::object{{"S", stamp}};
  } else if (kind_ == WriteKind::kUpdate) {
    auto clauses = split_update(text_in(body_, "UpdateExpression")).value_or(UpdateClauses{});
    clauses.set +=
        fmt::format("{}{} = {}", clauses.set.empty() ? "" : ", ", kStampName, kStampValue);
    clauses.remove += fmt::format("{}{}", clauses.remove.empty() ? "" : ", ", kTombstoneName);
    add_name(request, kTombstoneName, kTombstone);
    request["UpdateExpression"] = join_update(clauses);
  } else {
    json::object tombstone = *object_in(body_, "Key");
    tombstone[kStamp] = json::object{{"S", stamp}};
    tombstone[kTombstone] = json::object{{"BOOL", true}};
    request.erase("Key");
    request["Item"] = std::move(tombstone);
    if (alone) {
      add_name(request, kTombstoneName, kTombstone);
      add_name(request, kKeyName, table_->key_names.front());
      condition = fmt::format("attribute_exists({}) AND attribute_not_exists({}) AND {}", kKeyName,
                              kTombstoneName, condition);
    }
  }
  request["ConditionExpression"] = condition;
  request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD";
  return request;
}

Write::Verdict Write::judge(const json::object* standing, const std::string& stamp,
                            WallTime now) const {
  const bool absent = standing == nullptr || is_tombstone(*standing);
  if (kind_ == WriteKind::kDelete && absent && holds_when_absent_) {
    return Verdict::kNothingToDo;
  }
  if (is_stamped() && standing != nullptr) {
    const std::string theirs = stamp_of(*standing);
    // A delete of a tombstone fails by its condition, however old its stamp.
    if (!theirs.empty() && theirs >= stamp && !(kind_ == WriteKind::kDelete && absent)) {
      const auto parsed = replica::parse_stamp(theirs);
      return parsed && replica::ahead_of(*parsed, now) > kFutureMax ? Verdict::kFromTheFuture
                                                                    : Verdict::kOlder;
    }
  }
  return Verdict::kConditionFailed;
}

std::optional<json::object> Write::shown_on_failure(const json::object* standing) const {
  if (!shows_failure_ || standing == nullptr || is_tombstone(*standing)) {
    return std::nullopt;
  }
  json::object item = *standing;
  strip(item);
  return item;
}

void Write::clean(json::object& answer) const {
  json::object* attributes = object_in(answer, "Attributes");
  if (attributes == nullptr) {
    return;
  }
  const bool was_tombstone = returns_old_ && is_tombstone(*attributes);
  strip(*attributes);
  if (was_tombstone || attributes->empty()) {
    answer.erase("Attributes");
  }
}

}  // namespace leeward::rewrite
