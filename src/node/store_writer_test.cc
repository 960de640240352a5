// SPDX-License-Identifier: Apache-2.0
//
// The order in which decisions reach the store, and what happens when it fails.
#include "node/store_writer.h"

#include <deque>
#include <map>

#include <gtest/gtest.h>

namespace leeward::node {
namespace {

// A store that does what it is told when it is told: transactions wait until finish() or
// fail_one().
class WaitingStore final : public state::Store {
 public:
  struct Waiting {
    state::Transaction transaction;
    state::Handler<state::TransactionResult> handler;
  };

  void finish() {
    Waiting next = take();
    state::TransactionResult result{++revision_, true, {}};
    for (const state::Compare& compare : next.transaction.compares) {
      const auto found = values.find(compare.key);
      const state::Revision mod = found == values.end() ? 0 : found->second.mod_revision;
      result.succeeded = result.succeeded && mod == compare.number;
    }
    for (const auto& operation :
         result.succeeded ? next.transaction.then : next.transaction.otherwise) {
      state::OperationResult& done = result.results.emplace_back();
      if (const auto* put = std::get_if<state::Put>(&operation)) {
        values[put->key] = {put->key, put->value, 0, revision_, 1, 0};
        order.push_back(put->key);
      } else if (const auto* range = std::get_if<state::Range>(&operation)) {
        if (const auto found = values.find(range->range.begin); found != values.end()) {
          done.range.values.push_back(found->second);
        }
      }
    }
    next.handler(std::move(result));
  }

  void fail_one(ErrorCode code) { take().handler(fail(code, "the disk is full")); }

  Result<state::RangeResult> read_now(const state::Range&) override { return {}; }
  void read(state::Range, state::Handler<state::RangeResult>) override {}
  void transact(state::Transaction transaction,
                state::Handler<state::TransactionResult> handler) override {
    EXPECT_TRUE(state::validate(transaction).has_value());
    waiting.push_back({std::move(transaction), std::move(handler)});
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

  std::deque<Waiting> waiting;
  std::map<std::string, state::KeyValue> values;
  std::vector<std::string> order;

 private:
  Waiting take() {
    EXPECT_FALSE(waiting.empty());
    Waiting next = std::move(waiting.front());
    waiting.pop_front();
    return next;
  }
  state::Revision revision_ = 0;
};

class StoreWriterTest : public testing::Test {
 protected:
  void commit(const char* region, Epoch epoch, const char* journal_key) {
    writer.commit(ApplicationId("shop"), {{RegionId(region), epoch}, {}},
                  {state::Put{journal_key, "line", 0}},
                  [this](const CommitResult& result) { results.push_back(result); });
  }
  void retry() {
    ASSERT_FALSE(retries.empty());
    auto task = std::move(retries.front());
    retries.pop_front();
    task();
  }

  WaitingStore store;
  std::deque<std::function<void()>> retries;
  int errors = 0;
  StoreWriter writer{
      store, [this](Duration, std::function<void()> task) { retries.push_back(std::move(task)); },
      [this](const Error&) { ++errors; }};
  std::vector<CommitResult> results;
};

TEST_F(StoreWriterTest, OneTransactionAtATimeAndWhatWaitsGoesTogether) {
  writer.put("a", "1");
  writer.put("b", "1");
  writer.put("b", "2");
  ASSERT_EQ(store.waiting.size(), 1U);
  store.finish();
  ASSERT_EQ(store.waiting.size(), 1U);
  EXPECT_TRUE(writer.busy());
  store.finish();
  EXPECT_TRUE(store.waiting.empty());
  EXPECT_FALSE(writer.busy());
  EXPECT_EQ(store.order, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(store.values["b"].value, "2");
}

TEST_F(StoreWriterTest, ACommitCarriesItsJournalLineAndWhatWasBeforeIt) {
  writer.put("busy", "1");
  writer.put("journal/1", "line");
  commit("RBX-A", 1, "journal/2");
  store.finish();
  EXPECT_TRUE(results.empty());
  store.finish();
  ASSERT_EQ(results.size(), 1U);
  EXPECT_TRUE(results[0].status.has_value());
  EXPECT_EQ(store.order,
            (std::vector<std::string>{"busy", "journal/1", "journal/2", "assignment/shop"}));
  commit("GRA11", 2, "journal/3");  // and the next one expects what this one wrote
  store.finish();
  EXPECT_TRUE(results.at(1).status.has_value());
}

TEST_F(StoreWriterTest, ALostRaceTellsWhatStandsThereAndKeepsTheLine) {
  store.values["assignment/shop"] = {
      "assignment/shop", format_assignment({{RegionId("WAW1"), 9}, {}}), 0, 77, 1, 0};
  commit("RBX-A", 1, "journal/1");
  store.finish();
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].status.error().code, ErrorCode::kAborted);
  ASSERT_TRUE(results[0].found.has_value());
  EXPECT_EQ(results[0].found->assignment, (Assignment{RegionId("WAW1"), 9}));
  EXPECT_TRUE(store.values.contains("journal/1"));
  commit("RBX-A", 10, "journal/2");  // the writer knows the found one now
  store.finish();
  EXPECT_TRUE(results.at(1).status.has_value());
}

TEST_F(StoreWriterTest, AFailingStoreLosesNothingAndFailsCommitsAtOnce) {
  writer.put("journal/1", "line");
  store.fail_one(ErrorCode::kResourceExhausted);
  EXPECT_TRUE(writer.failing());
  EXPECT_EQ(errors, 1);
  writer.put("journal/2", "line");
  EXPECT_TRUE(store.waiting.empty()) << "plain writes wait for the retry";
  commit("RBX-A", 1, "journal/3");
  ASSERT_EQ(store.waiting.size(), 1U) << "a commit does not";
  store.fail_one(ErrorCode::kResourceExhausted);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].status.error().code, ErrorCode::kResourceExhausted);

  retry();
  store.finish();
  EXPECT_FALSE(writer.failing());
  EXPECT_EQ(store.order, (std::vector<std::string>{"journal/1", "journal/2", "journal/3"}));
  EXPECT_FALSE(store.values.contains("assignment/shop")) << "the failed decision is not forced";
}

TEST_F(StoreWriterTest, ManyWritesAreSplitToFitTheStore) {
  for (int i = 0; i < 1000; ++i) {
    writer.put("key-" + std::to_string(i), "x");
  }
  int transactions = 0;
  while (!store.waiting.empty()) {
    store.finish();
    ++transactions;
  }
  EXPECT_EQ(store.values.size(), 1000U);
  EXPECT_LT(transactions, 15);
}

}  // namespace
}  // namespace leeward::node
