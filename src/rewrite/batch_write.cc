// SPDX-License-Identifier: Apache-2.0
//
// BatchWriteItem: the store's own cannot carry conditions, so each element of a replicated table
// goes as a request of its own, all at once. Elements of other tables stay one batch.
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "rewrite/exchanges.h"
#include "rewrite/item.h"

namespace leeward::rewrite {
namespace {

namespace json = boost::json;

constexpr std::size_t kElementsMax = 25;

struct Element {
  std::string table;     // as the client named it
  json::object request;  // {"PutRequest": ...}, given back when it is not processed
  Write write;
  std::string stamp;
  int stamps = 0;
};

// Not this time, but maybe the next: the client is told so by UnprocessedItems.
bool may_be_repeated(const Answer& answer) {
  const std::string type = error_type(answer);
  return answer.status >= 500 || type == "ProvisionedThroughputExceededException" ||
         type == "ThrottlingException" || type == "RequestLimitExceeded" ||
         type == "TransactionConflictException";
}

class BatchWrite final : public Exchange {
 public:
  BatchWrite(std::vector<Element> elements, json::object rest)
      : waiting_(std::move(elements)), rest_(std::move(rest)) {}

  Step start(StampClock& clock, WallTime now) override {
    std::vector<Request> requests = stamped(clock, now);
    if (!rest_.empty()) {
      requests.push_back({"BatchWriteItem", json::object{{"RequestItems", std::move(rest_)}}});
      has_rest_ = true;
    }
    return requests;
  }

  Step on_answers(std::vector<Answer> answers, StampClock& clock, WallTime now) override {
    if (std::exchange(has_rest_, false)) {
      if (answers.back().status != 200) {
        return std::move(answers.back());
      }
      if (json::object* left = object_in(answers.back().body, "UnprocessedItems")) {
        for (auto& each : *left) {
          unprocessed_[each.key()] = std::move(each.value());
        }
      }
      answers.pop_back();
    }
    std::vector<Element> again;
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      if (auto failed = take(waiting_[i], answers.at(i), clock, now, again)) {
        return std::move(*failed);
      }
    }
    waiting_ = std::move(again);
    if (!waiting_.empty()) {
      return stamped(clock, now);
    }
    return Answer{200, {{"UnprocessedItems", std::move(unprocessed_)}}};
  }

 private:
  std::vector<Request> stamped(StampClock& clock, WallTime now) {
    std::vector<Request> requests;
    for (Element& element : waiting_) {
      element.stamp = clock.next(now);
      requests.push_back({element.write.operation(), element.write.stamped(element.stamp, true)});
    }
    return requests;
  }

  // An Answer: the whole batch fails with it.
  std::optional<Answer> take(Element& element, Answer& answer, StampClock& clock, WallTime now,
                             std::vector<Element>& again) {
    if (answer.status == 200) {
      return std::nullopt;
    }
    if (error_type(answer) == "ConditionalCheckFailedException") {
      const json::object* standing = object_in(std::as_const(answer.body), "Item");
      switch (element.write.judge(standing, element.stamp, now)) {
        case Write::Verdict::kNothingToDo:
          return std::nullopt;
        case Write::Verdict::kFromTheFuture:
          return stamp_from_the_future(stamp_of(*standing));
        default:
          break;  // without a condition of the client's only the stamp can have failed
      }
      clock.saw(standing == nullptr ? "" : stamp_of(*standing));
      if (++element.stamps < kStampsMax) {
        again.push_back(std::move(element));
        return std::nullopt;
      }
    } else if (!may_be_repeated(answer)) {
      return std::move(answer);
    }
    json::array* left = array_in(unprocessed_, element.table);
    if (left == nullptr) {
      left = &(unprocessed_[element.table] = json::array()).get_array();
    }
    left->push_back(std::move(element.request));
    return std::nullopt;
  }

  std::vector<Element> waiting_;
  json::object rest_;  // of tables that are not replicated
  bool has_rest_ = false;
  json::object unprocessed_;
};

std::variant<Element, Answer> make_element(const ReplicatedTable& table, std::string_view name,
                                           const json::value& given) {
  const json::object* request = given.if_object();
  const json::object* put = request == nullptr ? nullptr : object_in(*request, "PutRequest");
  const json::object* del = request == nullptr ? nullptr : object_in(*request, "DeleteRequest");
  if ((put == nullptr) == (del == nullptr)) {
    return validation(
        "Supplied AttributeValue has more than one or no request: give PutRequest or "
        "DeleteRequest");
  }
  json::object body = put != nullptr ? *put : *del;
  body["TableName"] = json::string_view(name.data(), name.size());
  auto write =
      Write::make(put != nullptr ? WriteKind::kPut : WriteKind::kDelete, std::move(body), table);
  if (auto* refused = std::get_if<Answer>(&write)) {
    return std::move(*refused);
  }
  return Element{std::string(name), *request, std::move(std::get<Write>(write)), "", 0};
}

std::string key_text(const ReplicatedTable& table, const json::object& request) {
  const json::object* put = object_in(request, "PutRequest");
  const json::object* del = object_in(request, "DeleteRequest");
  const json::object* holder = put != nullptr   ? object_in(*put, "Item")
                               : del != nullptr ? object_in(*del, "Key")
                                                : nullptr;
  std::string text = table.name;
  for (const std::string& name : table.key_names) {
    const json::value* value = holder == nullptr ? nullptr : holder->if_contains(name);
    text += " " + (value == nullptr ? "" : json::serialize(*value));
  }
  return text;
}

}  // namespace

Planned plan_batch_write(json::object body, const TableLookup& tables) {
  json::object* items = object_in(body, "RequestItems");
  if (items == nullptr) {
    return nullptr;  // the store says what is wrong
  }
  std::vector<Element> elements;
  json::object rest;
  std::map<std::string, int> keys;
  std::size_t count = 0;
  for (auto& [name, requests] : *items) {
    const std::string table_name(name);
    const ReplicatedTable* table = tables.find(table_name);
    const json::array* list = requests.if_array();
    count += list == nullptr ? 1 : list->size();
    if (table == nullptr || list == nullptr) {
      rest[name] = requests;
      continue;
    }
    for (const json::value& request : *list) {
      auto element = make_element(*table, table_name, request);
      if (auto* refused = std::get_if<Answer>(&element)) {
        return std::move(*refused);
      }
      if (++keys[key_text(*table, request.get_object())] > 1) {
        return validation("Provided list of item keys contains duplicates");
      }
      elements.push_back(std::move(std::get<Element>(element)));
    }
  }
  if (elements.empty()) {
    return nullptr;
  }
  if (count > kElementsMax) {
    return validation("Too many items requested for the BatchWriteItem call");
  }
  return std::make_unique<BatchWrite>(std::move(elements), std::move(rest));
}

}  // namespace leeward::rewrite
