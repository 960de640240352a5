// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "rewrite/exchanges.h"
#include "rewrite/item.h"

namespace leeward::rewrite {
namespace {

namespace json = boost::json;

class SingleWrite final : public Exchange {
 public:
  explicit SingleWrite(Write write) : write_(std::move(write)) {}

  Step start(StampClock& clock, WallTime now) override {
    stamp_ = clock.next(now);
    return std::vector{Request{write_.operation(), write_.stamped(stamp_, true)}};
  }

  Step on_answers(std::vector<Answer> answers, StampClock& clock, WallTime now) override {
    Answer& answer = answers.at(0);
    if (answer.status == 200) {
      write_.clean(answer.body);
      return std::move(answer);
    }
    if (error_type(answer) != "ConditionalCheckFailedException") {
      return std::move(answer);
    }
    const json::object* standing = object_in(std::as_const(answer.body), "Item");
    switch (write_.judge(standing, stamp_, now)) {
      case Write::Verdict::kOlder:
        clock.saw(stamp_of(*standing));
        if (++stamps_ < kStampsMax) {
          return start(clock, now);
        }
        return error(400, "com.amazonaws.dynamodb.v20120810#ThrottlingException",
                     "too many writes to this item at the same time; try again");
      case Write::Verdict::kFromTheFuture:
        return stamp_from_the_future(stamp_of(*standing));
      case Write::Verdict::kNothingToDo:
        return Answer{};
      case Write::Verdict::kConditionFailed:
        break;
    }
    auto shown = write_.shown_on_failure(standing);
    answer.body.erase("Item");
    if (shown) {
      answer.body["Item"] = std::move(*shown);
    }
    return std::move(answer);
  }

 private:
  Write write_;
  std::string stamp_;
  int stamps_ = 0;
};

}  // namespace

Planned plan_write(WriteKind kind, json::object body, const ReplicatedTable& table) {
  auto write = Write::make(kind, std::move(body), table);
  if (auto* refused = std::get_if<Answer>(&write)) {
    return std::move(*refused);
  }
  return std::make_unique<SingleWrite>(std::move(std::get<Write>(write)));
}

}  // namespace leeward::rewrite
