// SPDX-License-Identifier: Apache-2.0
//
// Reads by key: a tombstone is an item that does not exist.
#include <utility>

#include "rewrite/exchanges.h"
#include "rewrite/item.h"

namespace leeward::rewrite {
namespace {

namespace json = boost::json;

bool projects(const json::object& read) {
  return read.contains("AttributesToGet") || read.contains("ProjectionExpression");
}

class Get final : public Exchange {
 public:
  explicit Get(json::object body) : body_(std::move(body)) {}

  Step start(StampClock&, WallTime) override {
    const bool projected = projects(body_);
    keeps_probe_ = project_marks(body_) || !projected;
    return std::vector{Request{"GetItem", std::move(body_)}};
  }

  Step on_answers(std::vector<Answer> answers, StampClock&, WallTime) override {
    Answer& answer = answers.at(0);
    if (json::object* item = object_in(answer.body, "Item")) {
      if (is_tombstone(*item)) {
        answer.body.erase("Item");
      } else {
        strip(*item);
        if (!keeps_probe_) {
          item->erase(kProbe);
        }
      }
    }
    return std::move(answer);
  }

 private:
  json::object body_;
  bool keeps_probe_ = true;
};

class BatchGet final : public Exchange {
 public:
  BatchGet(json::object body, const TableLookup& tables)
      : body_(std::move(body)), tables_(tables) {}

  Step start(StampClock&, WallTime) override {
    given_ = *object_in(body_, "RequestItems");
    for (auto& [name, read] : *object_in(body_, "RequestItems")) {
      if (read.is_object() && tables_.find(std::string(name)) != nullptr) {
        project_marks(read.get_object());
      }
    }
    return std::vector{Request{"BatchGetItem", std::move(body_)}};
  }

  Step on_answers(std::vector<Answer> answers, StampClock&, WallTime) override {
    Answer& answer = answers.at(0);
    if (json::object* responses = object_in(answer.body, "Responses")) {
      for (auto& [name, items] : *responses) {
        if (items.is_array() && tables_.find(std::string(name)) != nullptr) {
          show(items.get_array());
        }
      }
    }
    if (json::object* left = object_in(answer.body, "UnprocessedKeys")) {
      for (auto& [name, read] : *left) {
        give_back(std::string(name), read);
      }
    }
    return std::move(answer);
  }

 private:
  static void show(json::array& items) {
    json::array visible;
    for (json::value& item : items) {
      if (item.is_object() && !is_hidden(item.get_object())) {
        strip(item.get_object());
        visible.push_back(std::move(item));
      }
    }
    items = std::move(visible);
  }

  // The client asks again with what it is given: its own projection, the keys that are left.
  void give_back(const std::string& name, json::value& read) const {
    const json::object* given = object_in(given_, name);
    if (given == nullptr || !read.is_object() || tables_.find(name) == nullptr) {
      return;
    }
    json::object again = *given;
    if (const json::value* keys = read.get_object().if_contains("Keys")) {
      again["Keys"] = *keys;
    }
    read = std::move(again);
  }

  json::object body_;
  json::object given_;
  const TableLookup& tables_;
};

class TransactGet final : public Exchange {
 public:
  TransactGet(json::object body, std::vector<bool> replicated)
      : body_(std::move(body)), replicated_(std::move(replicated)) {}

  Step start(StampClock&, WallTime) override {
    json::array& items = *array_in(body_, "TransactItems");
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (replicated_[i]) {
        project_marks(*object_in(items[i].get_object(), "Get"));
      }
    }
    return std::vector{Request{"TransactGetItems", std::move(body_)}};
  }

  Step on_answers(std::vector<Answer> answers, StampClock&, WallTime) override {
    Answer& answer = answers.at(0);
    json::array* responses = array_in(answer.body, "Responses");
    for (std::size_t i = 0; responses != nullptr && i < responses->size(); ++i) {
      json::object* response = (*responses)[i].if_object();
      json::object* item = response == nullptr ? nullptr : object_in(*response, "Item");
      if (item == nullptr || i >= replicated_.size() || !replicated_[i]) {
        continue;
      }
      if (is_hidden(*item)) {
        response->clear();
      } else {
        strip(*item);
      }
    }
    return std::move(answer);
  }

 private:
  json::object body_;
  std::vector<bool> replicated_;
};

}  // namespace

Planned plan_get(json::object body) {
  if (auto refused = refuse_reserved(body)) {
    return *refused;
  }
  return std::make_unique<Get>(std::move(body));
}

Planned plan_batch_get(json::object body, const TableLookup& tables) {
  const json::object* items = object_in(std::as_const(body), "RequestItems");
  bool replicated = false;
  for (const auto& [name, read] : items == nullptr ? json::object() : *items) {
    if (tables.find(std::string(name)) == nullptr || !read.is_object()) {
      continue;
    }
    replicated = true;
    if (auto refused = refuse_reserved(read.get_object())) {
      return *refused;
    }
  }
  if (!replicated) {
    return nullptr;
  }
  return std::make_unique<BatchGet>(std::move(body), tables);
}

Planned plan_transact_get(json::object body, const TableLookup& tables) {
  json::array* items = array_in(body, "TransactItems");
  if (items == nullptr) {
    return nullptr;
  }
  std::vector<bool> replicated;
  bool any = false;
  for (const json::value& item : *items) {
    const json::object* object = item.if_object();
    const json::object* get = object == nullptr ? nullptr : object_in(*object, "Get");
    const bool ours = get != nullptr && tables.find(text_in(*get, "TableName")) != nullptr;
    if (ours) {
      if (auto refused = refuse_reserved(*get)) {
        return *refused;
      }
    }
    replicated.push_back(ours);
    any = any || ours;
  }
  if (!any) {
    return nullptr;
  }
  return std::make_unique<TransactGet>(std::move(body), std::move(replicated));
}

}  // namespace leeward::rewrite
