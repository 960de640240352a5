// SPDX-License-Identifier: Apache-2.0
#include "node/control_panels.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controls/controls_json.h"

namespace leeward::node {
namespace {

using controls::Panels;
using controls::PanelsEdit;

// A store that answers when it is told to, and may lose the answer.
class SlowStore final : public state::Store {
 public:
  Result<state::RangeResult> read_now(const state::Range&) override { return all(); }
  void read(state::Range, state::Handler<state::RangeResult> handler) override {
    handlers.push_back([this, handler = std::move(handler)]() mutable { handler(all()); });
  }
  void transact(state::Transaction transaction,
                state::Handler<state::TransactionResult> handler) override {
    for (const state::Operation& operation : transaction.then) {
      if (const auto* put = std::get_if<state::Put>(&operation)) {
        values[put->key] = put->value;
      } else if (const auto* gone = std::get_if<state::Delete>(&operation)) {
        values.erase(gone->range.begin);
      }
    }
    handlers.push_back([lost = lose_answers, handler = std::move(handler)]() mutable {
      lost ? handler(fail(ErrorCode::kUnavailable, "no answer"))
           : handler(state::TransactionResult{1, true, {}});
    });
  }
  std::unique_ptr<state::Watch> watch(state::KeyRange, state::Revision,
                                      state::WatchHandler) override {
    return nullptr;
  }
  void compact(state::Revision, state::Handler<state::Revision>) override {}
  void grant(Duration, state::Handler<state::LeaseId>) override {}
  void keep_alive(state::LeaseId, state::Handler<state::LeaseId>) override {}
  void revoke(state::LeaseId, state::Handler<state::LeaseId>) override {}
  void tick(MonoTime) override {}
  void close() override {}

  void answer_one() {
    auto handler = std::move(handlers.front());
    handlers.erase(handlers.begin());
    handler();
  }

  std::map<std::string, std::string> values;
  std::vector<std::move_only_function<void()>> handlers;
  bool lose_answers = false;

 private:
  [[nodiscard]] state::RangeResult all() const {
    state::RangeResult result;
    for (const auto& [key, value] : values) {
      result.values.push_back({key, value, 1, 1, 1, 0});
    }
    result.count = result.values.size();
    return result;
  }
};

struct World {
  SlowStore store;
  int changes = 0;
  std::vector<Status> done;
  ControlPanels panels{{}, {store, [] { return WallTime{}; }, [this] { ++changes; }}};

  void create(const std::string& name) {
    panels.change([name](const Panels& now, WallTime) { return controls::create_panel(now, name); },
                  [this](const Status& status) { done.push_back(status); });
  }
};

TEST(ControlPanels, CountOnceTheyAreStored) {
  World world;
  world.create("shop");
  EXPECT_TRUE(world.panels.panels().empty());
  EXPECT_TRUE(world.done.empty());
  world.store.answer_one();
  ASSERT_EQ(world.done.size(), 1U);
  EXPECT_TRUE(world.done[0]);
  EXPECT_TRUE(world.panels.panels().contains("shop"));
  EXPECT_EQ(world.changes, 1);
  EXPECT_EQ(read_control_panels(world.store).value(), world.panels.panels());
}

TEST(ControlPanels, EditsSeeWhatTheOnesBeforeThemDid) {
  World world;
  world.create("shop");
  world.create("shop");
  EXPECT_EQ(world.store.handlers.size(), 1U) << "the second waits";
  world.store.answer_one();
  ASSERT_EQ(world.done.size(), 2U);
  EXPECT_EQ(world.done[1].error().code, ErrorCode::kAlreadyExists);
}

TEST(ControlPanels, AnAnswerThatWasLostIsReadAgain) {
  World world;
  world.store.lose_answers = true;
  world.create("shop");
  world.store.answer_one();
  EXPECT_TRUE(world.done.empty()) << "first see what is stored";
  world.store.answer_one();
  ASSERT_EQ(world.done.size(), 1U);
  EXPECT_EQ(world.done[0].error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(world.panels.panels().contains("shop")) << "it had happened";
  EXPECT_EQ(world.changes, 1);
}

TEST(ControlPanels, WhatCannotBeReadNamesItsKey) {
  SlowStore store;
  store.values["control-panel/shop"] = "{}";
  const auto panels = read_control_panels(store);
  ASSERT_FALSE(panels);
  EXPECT_NE(panels.error().message.find("control-panel/shop"), std::string::npos);
}

}  // namespace
}  // namespace leeward::node
