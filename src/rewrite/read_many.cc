// SPDX-License-Identifier: Apache-2.0
//
// Query and Scan: hidden items are left out of items and counts, and of the Limit, by reading on
// until as many live items were evaluated as an application without tombstones would have seen.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "rewrite/exchanges.h"
#include "rewrite/expression.h"
#include "rewrite/item.h"

namespace leeward::rewrite {
namespace {

namespace json = boost::json;

// A page full of tombstones ends here: the client gets what there is and goes on by itself.
constexpr int kRoundsMax = 20;

std::int64_t number_in(const json::object& in, const char* name) {
  const json::value* value = in.if_contains(name);
  boost::system::error_code bad;
  const auto number = value == nullptr ? std::int64_t{0} : value->to_number<std::int64_t>(bad);
  return bad ? 0 : number;
}

class ReadMany final : public Exchange {
 public:
  ReadMany(std::string_view operation, json::object body)
      : operation_(operation), body_(std::move(body)) {}

  Step start(StampClock&, WallTime) override {
    given_ = body_;
    counts_only_ = text_in(body_, "Select") == "COUNT";
    if (body_.contains("Limit")) {
      limit_ = number_in(body_, "Limit");
      limited_ = true;
    }
    if (counts_only_) {
      body_["Select"] = "SPECIFIC_ATTRIBUTES";
      body_["ProjectionExpression"] = fmt::format("{}, {}", kTombstoneName, kProbeName);
      mark_names();
      added_projection_ = true;
    } else if (body_.contains("AttributesToGet") || body_.contains("ProjectionExpression")) {
      project_marks(body_);
      added_projection_ = true;
    }
    if (const std::string filter = text_in(body_, "FilterExpression"); !filter.empty()) {
      body_["FilterExpression"] = fmt::format("{} OR attribute_exists({}) OR attribute_exists({})",
                                              parenthesized(filter), kTombstoneName, kProbeName);
      mark_names();
    }
    return ask();
  }

  Step on_answers(std::vector<Answer> answers, StampClock&, WallTime) override {
    Answer& answer = answers.at(0);
    if (answer.status != 200) {
      // An index that projects neither mark holds no tombstones, unless its keys are the table's.
      if (added_projection_ && error_type(answer) == "ValidationException" &&
          given_.contains("IndexName")) {
        body_ = given_;
        added_projection_ = false;
        counts_only_ = false;  // the store counts
        passes_count_ = text_in(given_, "Select") == "COUNT";
        return ask();
      }
      return std::move(answer);
    }
    if (passes_count_) {
      return std::move(answer);
    }
    std::int64_t hidden = 0;
    json::array* items = array_in(answer.body, "Items");
    for (std::size_t i = 0; items != nullptr && i < items->size(); ++i) {
      json::object* item = (*items)[i].if_object();
      if (item == nullptr || is_hidden(*item)) {
        ++hidden;
        continue;
      }
      strip(*item);
      ++count_;
      if (!counts_only_) {
        items_.push_back(std::move((*items)[i]));
      }
    }
    const std::int64_t live = number_in(answer.body, "ScannedCount") - hidden;
    // A page that evaluated less than it was asked to ended for its size, and so does ours.
    const bool full = number_in(answer.body, "ScannedCount") >= limit_;
    scanned_ += live;
    limit_ -= live;
    add_capacity(answer.body);
    const json::object* last = object_in(std::as_const(answer.body), "LastEvaluatedKey");
    if (limited_ && full && last != nullptr && limit_ > 0 && ++rounds_ < kRoundsMax) {
      body_["ExclusiveStartKey"] = *last;
      body_["Limit"] = limit_;
      return ask();
    }
    return finished(last);
  }

 private:
  [[nodiscard]] Step ask() const { return std::vector{Request{operation_, body_}}; }

  void mark_names() {
    add_name(body_, kTombstoneName, kTombstone);
    add_name(body_, kProbeName, kProbe);
  }

  void add_capacity(const json::object& body) {
    const json::object* capacity = object_in(body, "ConsumedCapacity");
    if (capacity == nullptr) {
      return;
    }
    double units = 0;
    for (const json::object* each :
         {std::as_const(capacity_).if_contains("CapacityUnits") ? &std::as_const(capacity_)
                                                                : nullptr,
          capacity}) {
      const json::value* value = each == nullptr ? nullptr : each->if_contains("CapacityUnits");
      boost::system::error_code bad;
      units += value == nullptr ? 0 : value->to_number<double>(bad);
    }
    json::object sum = *capacity;
    sum["CapacityUnits"] = units;
    capacity_ = std::move(sum);
  }

  Step finished(const json::object* last) {
    Answer answer;
    if (!counts_only_) {
      answer.body["Items"] = std::move(items_);
    }
    answer.body["Count"] = count_;
    answer.body["ScannedCount"] = scanned_;
    if (last != nullptr) {
      answer.body["LastEvaluatedKey"] = *last;
    }
    if (!capacity_.empty()) {
      answer.body["ConsumedCapacity"] = std::move(capacity_);
    }
    return answer;
  }

  std::string operation_;
  json::object body_;
  json::object given_;
  bool counts_only_ = false;
  bool passes_count_ = false;
  bool added_projection_ = false;
  bool limited_ = false;
  std::int64_t limit_ = 0;  // live items still to evaluate
  int rounds_ = 0;
  json::array items_;
  std::int64_t count_ = 0;
  std::int64_t scanned_ = 0;
  json::object capacity_;
};

}  // namespace

Planned plan_read_many(std::string_view operation, json::object body) {
  if (auto refused = refuse_reserved(body)) {
    return *refused;
  }
  if (auto refused = refuse_legacy(body, {"QueryFilter", "ScanFilter", "ConditionalOperator"})) {
    return *refused;
  }
  return std::make_unique<ReadMany>(operation, std::move(body));
}

}  // namespace leeward::rewrite
