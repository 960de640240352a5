// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "replica/stamp.h"
#include "rewrite/exchanges.h"
#include "rewrite/item.h"

namespace leeward::rewrite {
namespace {

namespace json = boost::json;

constexpr std::pair<const char*, WriteKind> kElements[] = {
    {"Put", WriteKind::kPut},
    {"Update", WriteKind::kUpdate},
    {"Delete", WriteKind::kDelete},
    {"ConditionCheck", WriteKind::kConditionCheck},
};

constexpr std::size_t kTokenBytesMax = 36;

struct Element {
  json::object given;          // of a table that is not replicated
  std::optional<Write> write;  // of one that is
};

class TransactWrite final : public Exchange {
 public:
  TransactWrite(std::vector<Element> elements, json::object rest)
      : elements_(std::move(elements)),
        rest_(std::move(rest)),
        token_(text_in(rest_, "ClientRequestToken")) {}

  Step start(StampClock& clock, WallTime now) override {
    stamp_ = token_.empty() ? clock.next(now) : clock.for_token(token_, now);
    return request();
  }

  Step on_answers(std::vector<Answer> answers, StampClock& clock, WallTime now) override {
    Answer& answer = answers.at(0);
    json::array* reasons =
        answer.status != 200 && error_type(answer) == "TransactionCanceledException"
            ? array_in(answer.body, "CancellationReasons")
            : nullptr;
    if (reasons == nullptr) {
      return std::move(answer);
    }
    bool client_failed = false;
    bool older = false;
    for (std::size_t i = 0; i < reasons->size() && i < elements_.size(); ++i) {
      const auto verdict = judge(i, (*reasons)[i], now);
      if (verdict == Write::Verdict::kFromTheFuture) {
        return stamp_from_the_future(stamp_of(*object_in((*reasons)[i].get_object(), "Item")));
      }
      older = older || verdict == Write::Verdict::kOlder;
      client_failed = client_failed || verdict == Write::Verdict::kConditionFailed;
    }
    if (older && !client_failed && ++stamps_ < kStampsMax) {
      for (const json::value& reason : *reasons) {
        if (const json::object* standing = standing_in(reason)) {
          clock.saw(stamp_of(*standing));
        }
      }
      stamp_ = clock.next(now);
      if (!token_.empty()) {
        clock.replace_token(token_, stamp_, now);
      }
      return request();
    }
    return as_the_client_sees_it(std::move(answer), now);
  }

 private:
  Step request() const {
    json::array items;
    for (const Element& element : elements_) {
      items.push_back(element.write ? json::object{{element.write->element(),
                                                    element.write->stamped(stamp_, false)}}
                                    : element.given);
    }
    json::object body = rest_;
    body["TransactItems"] = std::move(items);
    if (!token_.empty()) {
      // Another stamp is another request to the store.
      body["ClientRequestToken"] = token_.substr(0, 9) + stamp_.substr(0, 21);
    }
    return std::vector{Request{"TransactWriteItems", std::move(body)}};
  }

  static const json::object* standing_in(const json::value& reason) {
    const json::object* object = reason.if_object();
    return object == nullptr ? nullptr : object_in(*object, "Item");
  }

  // nullopt: this element did not fail.
  [[nodiscard]] std::optional<Write::Verdict> judge(std::size_t index, const json::value& reason,
                                                    WallTime now) const {
    const json::object* object = reason.if_object();
    const std::string code = object == nullptr ? "" : text_in(*object, "Code");
    if (code.empty() || code == "None") {
      return std::nullopt;
    }
    const auto& write = elements_[index].write;
    if (!write || code != "ConditionalCheckFailed") {
      return Write::Verdict::kConditionFailed;
    }
    const auto verdict = write->judge(standing_in(reason), stamp_, now);
    return verdict == Write::Verdict::kNothingToDo ? Write::Verdict::kConditionFailed : verdict;
  }

  Answer as_the_client_sees_it(Answer answer, WallTime now) const {
    json::array& reasons = answer.body["CancellationReasons"].get_array();
    std::string codes;
    for (std::size_t i = 0; i < reasons.size() && i < elements_.size(); ++i) {
      const auto verdict = judge(i, reasons[i], now);
      const json::object* standing = standing_in(reasons[i]);
      if (verdict == Write::Verdict::kOlder) {
        reasons[i] = json::object{{"Code", stamps_ < kStampsMax ? "None" : "TransactionConflict"}};
      } else if (verdict && elements_[i].write && standing != nullptr) {
        auto shown = elements_[i].write->shown_on_failure(standing);
        json::object& reason = reasons[i].get_object();
        reason.erase("Item");
        if (shown) {
          reason["Item"] = std::move(*shown);
        }
      }
      const json::object* reason = reasons[i].if_object();
      codes += (i == 0 ? "" : ", ") + (reason == nullptr ? "" : text_in(*reason, "Code"));
    }
    const std::string message = fmt::format(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes);
    answer.body.erase("message");
    answer.body["Message"] = message;
    return answer;
  }

  std::vector<Element> elements_;
  json::object rest_;
  std::string token_;
  std::string stamp_;
  int stamps_ = 0;
};

std::variant<Element, Answer> make_element(const json::value& given, const TableLookup& tables) {
  const json::object* object = given.if_object();
  if (object == nullptr) {
    return malformed("an element of TransactItems must be a map");
  }
  for (const auto& [name, kind] : kElements) {
    const json::object* body = object_in(*object, name);
    const ReplicatedTable* table =
        body == nullptr ? nullptr : tables.find(text_in(*body, "TableName"));
    if (table == nullptr) {
      continue;
    }
    if (object->size() != 1) {
      return validation("TransactItems can only contain one of Check, Put, Update or Delete");
    }
    auto write = Write::make(kind, *body, *table);
    if (auto* refused = std::get_if<Answer>(&write)) {
      return std::move(*refused);
    }
    return Element{{}, std::move(std::get<Write>(write))};
  }
  return Element{*object, std::nullopt};
}

}  // namespace

Planned plan_transact_write(json::object body, const TableLookup& tables) {
  const json::array* items = array_in(body, "TransactItems");
  if (items == nullptr) {
    return nullptr;
  }
  std::vector<Element> elements;
  bool replicated = false;
  for (const json::value& item : *items) {
    auto element = make_element(item, tables);
    if (auto* refused = std::get_if<Answer>(&element)) {
      return std::move(*refused);
    }
    replicated = replicated || std::get<Element>(element).write;
    elements.push_back(std::move(std::get<Element>(element)));
  }
  if (!replicated) {
    return nullptr;
  }
  if (const std::string token = text_in(body, "ClientRequestToken");
      token.size() > kTokenBytesMax) {
    return validation(
        fmt::format("Value {} at 'clientRequestToken' failed to satisfy constraint: Member must "
                    "have length less than or equal to {}",
                    token, kTokenBytesMax));
  }
  body.erase("TransactItems");
  return std::make_unique<TransactWrite>(std::move(elements), std::move(body));
}

}  // namespace leeward::rewrite
