// SPDX-License-Identifier: Apache-2.0
#include "state/store_conformance.h"

#include <chrono>
#include <vector>

namespace leeward::state {

using std::chrono::milliseconds;
using std::chrono::seconds;

void TaskQueue::post(std::move_only_function<void()> task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  wake_.notify_all();
}

std::optional<std::move_only_function<void()>> TaskQueue::take(bool wait) {
  std::unique_lock lock(mutex_);
  if (wait) {
    wake_.wait_for(lock, seconds(60), [this] { return !tasks_.empty(); });
  }
  if (tasks_.empty()) {
    return std::nullopt;
  }
  auto task = std::move(tasks_.front());
  tasks_.pop_front();
  return task;
}

void TaskQueue::run_until(const std::function<bool()>& done) {
  while (!done()) {
    auto task = take(true);
    if (!task) {
      ADD_FAILURE() << "nothing happened for a minute";
      return;
    }
    (*task)();
  }
}

void TaskQueue::run_ready() {
  while (auto task = take(false)) {
    (*task)();
  }
}

Result<TransactionResult> StoreUnderTest::transact(Transaction transaction) {
  return await<TransactionResult>([&](Handler<TransactionResult> handler) {
    store().transact(std::move(transaction), std::move(handler));
  });
}
Result<TransactionResult> StoreUnderTest::put(const std::string& key, const std::string& value,
                                              LeaseId lease) {
  return transact({.compares = {}, .then = {Put{key, value, lease}}, .otherwise = {}});
}
Result<TransactionResult> StoreUnderTest::remove(const KeyRange& range) {
  return transact({.compares = {}, .then = {Delete{range}}, .otherwise = {}});
}
Result<RangeResult> StoreUnderTest::read(const KeyRange& range, std::size_t limit) {
  return await<RangeResult>(
      [&](Handler<RangeResult> handler) { store().read({range, limit}, std::move(handler)); });
}
std::string StoreUnderTest::value(const std::string& key) {
  const auto found = read(KeyRange::one(key));
  return found && !found->values.empty() ? found->values.front().value : "";
}
Result<LeaseId> StoreUnderTest::grant(Duration ttl) {
  return await<LeaseId>([&](Handler<LeaseId> handler) { store().grant(ttl, std::move(handler)); });
}

namespace {

// Watches and remembers.
struct Watcher {
  std::vector<WatchBatch> batches;
  std::optional<Error> ended;
  std::unique_ptr<Watch> watch;

  void start(StoreUnderTest& test, const KeyRange& range, Revision from) {
    watch = test.store().watch(range, from, [this](Result<WatchBatch> news) {
      if (news) {
        batches.push_back(std::move(*news));
      } else {
        ended = news.error();
      }
    });
  }
};

TEST_P(StoreConformance, BeginsEmptyAtRevisionZero) {
  const auto found = test_->read(KeyRange::all());
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, RangeResult{});
  EXPECT_EQ(*test_->store().read_now({KeyRange::all(), 0}), RangeResult{});
}

TEST_P(StoreConformance, CountsRevisionsAndVersions) {
  EXPECT_EQ(test_->put("a", "1")->revision, 1);
  EXPECT_EQ(test_->put("b", "1")->revision, 2);
  EXPECT_EQ(test_->put("a", "2")->revision, 3);
  const KeyValue a{"a", "2", 1, 3, 2, 0};
  const KeyValue b{"b", "1", 2, 2, 1, 0};
  EXPECT_EQ(*test_->read(KeyRange::all()), (RangeResult{3, {a, b}, 2}));
  EXPECT_EQ(*test_->store().read_now({KeyRange::one("a"), 0}), (RangeResult{3, {a}, 1}));
  // Deleted and made again: a new life.
  EXPECT_EQ(test_->remove(KeyRange::one("a"))->results.at(0).deleted, 1U);
  EXPECT_EQ(test_->put("a", "3")->revision, 5);
  EXPECT_EQ(test_->read(KeyRange::one("a"))->values.at(0), (KeyValue{"a", "3", 5, 5, 1, 0}));
}

TEST_P(StoreConformance, NothingChangedMeansNoNewRevision) {
  ASSERT_TRUE(test_->put("a", "1"));
  EXPECT_EQ(test_->remove(KeyRange::one("missing"))->revision, 1);
  EXPECT_EQ(test_->transact({})->revision, 1);
  EXPECT_EQ(test_->transact({})->succeeded, true);
}

TEST_P(StoreConformance, ReadsRangesPrefixesAndLimits) {
  for (const char* key :
       {"a", "app/", "app/1", "app/2", "app/\xFF\xFF", "app0", "b", "\xFF", "\xFF\xFF"}) {
    ASSERT_TRUE(test_->put(key, key));
  }
  const auto keys = [this](const KeyRange& range, std::size_t limit = 0) {
    std::string text;
    for (const KeyValue& value : test_->read(range, limit)->values) {
      text += value.key + " ";
    }
    return text;
  };
  EXPECT_EQ(keys(KeyRange::prefix("app/")), "app/ app/1 app/2 app/\xFF\xFF ");
  EXPECT_EQ(keys(KeyRange::prefix("app/\xFF")), "app/\xFF\xFF ");
  EXPECT_EQ(keys(KeyRange::prefix("\xFF")), "\xFF \xFF\xFF ");
  EXPECT_EQ(keys({"app/1", "app0"}), "app/1 app/2 app/\xFF\xFF ");
  EXPECT_EQ(keys({"b", {}}), "b \xFF \xFF\xFF ");
  EXPECT_EQ(keys(KeyRange::one("app/")), "app/ ");
  EXPECT_EQ(keys(KeyRange::all(), 2), "a app/ ");
  EXPECT_EQ(test_->read(KeyRange::all(), 2)->count, 9U);
  EXPECT_EQ(test_->read(KeyRange::prefix(""))->count, 9U);
}

TEST_P(StoreConformance, KeepsAnyBytes) {
  const std::string bytes("\0\x01\xFF'\";--\n", 9);
  ASSERT_TRUE(test_->put(bytes, bytes));
  ASSERT_TRUE(test_->put("empty", ""));
  const auto found = test_->read(KeyRange::all());
  ASSERT_EQ(found->values.size(), 2U);
  EXPECT_EQ(found->values[0].key, bytes);
  EXPECT_EQ(found->values[0].value, bytes);
  EXPECT_EQ(found->values[1].value, "");
}

TEST_P(StoreConformance, ComparesEverythingItCan) {
  using Target = Compare::Target;
  using Relation = Compare::Relation;
  ASSERT_TRUE(test_->put("k", "m"));
  ASSERT_TRUE(test_->put("k", "m"));  // create 1, mod 2, version 2
  struct Case {
    Compare compare;
    bool holds;
  };
  const std::vector<Case> cases = {
      {Compare::absent("x"), true},
      {Compare::absent("k"), false},
      {Compare::unchanged_since("k", 2), true},
      {Compare::unchanged_since("k", 1), false},
      {Compare::unchanged_since("x", 0), true},
      {Compare::value_is("k", "m"), true},
      {Compare::value_is("k", ""), false},
      {Compare::value_is("x", ""), false},
      {{"x", Target::kValue, Relation::kNotEqual, 0, "m"}, false},
      {{"k", Target::kValue, Relation::kNotEqual, 0, "z"}, true},
      {{"k", Target::kValue, Relation::kLess, 0, "\xFF"}, true},
      {{"k", Target::kValue, Relation::kGreater, 0, "l"}, true},
      {{"k", Target::kVersion, Relation::kEqual, 2, ""}, true},
      {{"k", Target::kVersion, Relation::kLess, 2, ""}, false},
      {{"k", Target::kVersion, Relation::kGreater, 1, ""}, true},
      {{"k", Target::kVersion, Relation::kNotEqual, 2, ""}, false},
      {{"k", Target::kCreateRevision, Relation::kEqual, 1, ""}, true},
      {{"k", Target::kModRevision, Relation::kGreater, 1, ""}, true},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto result = test_->transact(
        {.compares = {cases[i].compare}, .then = {Range{KeyRange::one("k"), 0}}, .otherwise = {}});
    ASSERT_TRUE(result);
    EXPECT_EQ(result->succeeded, cases[i].holds) << "case " << i;
    EXPECT_EQ(result->results.size(), cases[i].holds ? 1U : 0U);
  }
  const auto both =
      test_->transact({.compares = {Compare::value_is("k", "m"), Compare::absent("k")},
                       .then = {},
                       .otherwise = {}});
  EXPECT_FALSE(both->succeeded) << "all must hold";
}

TEST_P(StoreConformance, TakesOneBranchAsOneRevision) {
  ASSERT_TRUE(test_->put("old", "1"));
  const Transaction claim{.compares = {Compare::absent("epoch")},
                          .then = {Put{"epoch", "1", 0}, Delete{KeyRange::prefix("ol")},
                                   Range{KeyRange::all(), 0}, Put{"region", "GRA11", 0}},
                          .otherwise = {Range{KeyRange::one("epoch"), 0}}};
  const auto won = test_->transact(claim);
  ASSERT_TRUE(won);
  EXPECT_TRUE(won->succeeded);
  EXPECT_EQ(won->revision, 2);
  EXPECT_EQ(won->results.at(1).deleted, 1U);
  // It sees what came before it in the transaction, and nothing after.
  EXPECT_EQ(won->results.at(2).range, (RangeResult{2, {KeyValue{"epoch", "1", 2, 2, 1, 0}}, 1}));
  const auto lost = test_->transact(claim);
  EXPECT_FALSE(lost->succeeded);
  EXPECT_EQ(lost->revision, 2);
  EXPECT_EQ(lost->results.at(0).range.values.at(0).value, "1");
}

TEST_P(StoreConformance, OnlyOneOfManyRacersWins) {
  int won = 0;
  int answered = 0;
  for (int racer = 0; racer < 50; ++racer) {
    test_->store().transact({.compares = {Compare::absent("leader")},
                             .then = {Put{"leader", std::to_string(racer), 0}},
                             .otherwise = {}},
                            [&won, &answered](const Result<TransactionResult>& result) {
                              won += result && result->succeeded ? 1 : 0;
                              ++answered;
                            });
  }
  test_->tasks().run_until([&answered] { return answered == 50; });
  EXPECT_EQ(won, 1);
  EXPECT_EQ(test_->value("leader"), "0") << "in the order of the calls";
}

TEST_P(StoreConformance, RefusesBadRequestsAndChangesNothing) {
  const std::string long_key(kKeyBytesMax + 1, 'k');
  const std::string long_value(kValueBytesMax + 1, 'v');
  std::vector<Transaction> bad;
  bad.push_back({.compares = {}, .then = {Put{"", "v", 0}}, .otherwise = {}});
  bad.push_back({.compares = {}, .then = {Put{long_key, "v", 0}}, .otherwise = {}});
  bad.push_back({.compares = {}, .then = {Put{"k", long_value, 0}}, .otherwise = {}});
  bad.push_back({.compares = {}, .then = {Put{"k", "1", 0}, Put{"k", "2", 0}}, .otherwise = {}});
  bad.push_back(
      {.compares = {}, .then = {Put{"k", "1", 0}, Delete{KeyRange::prefix("")}}, .otherwise = {}});
  bad.push_back({.compares = {},
                 .then = std::vector<Operation>(kOperationsMax + 1, Range{KeyRange::all(), 0}),
                 .otherwise = {}});
  bad.push_back({.compares = {Compare::absent("")}, .then = {}, .otherwise = {}});
  for (const Transaction& transaction : bad) {
    const auto result = test_->transact(transaction);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument) << result.error().message;
  }
  const auto leased = test_->transact(
      {.compares = {}, .then = {Put{"a", "1", 0}, Put{"b", "1", 4711}}, .otherwise = {}});
  ASSERT_FALSE(leased);
  EXPECT_EQ(leased.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(*test_->read(KeyRange::all()), RangeResult{});
}

TEST_P(StoreConformance, SurvivesARestart) {
  ASSERT_TRUE(test_->put("a", "1"));
  ASSERT_TRUE(test_->put("a", "2"));
  const auto before = test_->read(KeyRange::all());
  test_->restart();
  EXPECT_EQ(*test_->store().read_now({KeyRange::all(), 0}), *before);
  EXPECT_EQ(test_->put("b", "1")->revision, 3);
}

TEST_P(StoreConformance, WatchTellsPastAndFutureInOrderAndOnce) {
  ASSERT_TRUE(test_->put("app/a", "1"));
  ASSERT_TRUE(test_->put("other", "1"));
  Watcher all;
  all.start(*test_, KeyRange::prefix("app/"), 1);
  Watcher future;
  future.start(*test_, KeyRange::prefix("app/"), 0);
  ASSERT_TRUE(test_->transact(
      {.compares = {},
       .then = {Put{"app/b", "2", 0}, Put{"noise", "2", 0}, Delete{KeyRange::one("app/a")}},
       .otherwise = {}}));
  ASSERT_TRUE(test_->put("other", "2"));
  ASSERT_TRUE(test_->put("app/c", "3"));
  test_->tasks().run_until([&] { return all.batches.size() == 3 && future.batches.size() == 2; });
  ASSERT_FALSE(HasFailure());
  EXPECT_EQ(all.batches[0].revision, 1);
  EXPECT_EQ(all.batches[1].revision, 3);
  const Event put{Event::Kind::kPut, {"app/b", "2", 3, 3, 1, 0}};
  const Event gone{Event::Kind::kDelete, {"app/a", "", 0, 3, 0, 0}};
  EXPECT_EQ(all.batches[1].events, (std::vector<Event>{put, gone}));
  EXPECT_EQ(all.batches[2].revision, 5);
  EXPECT_EQ(future.batches[0].revision, 3);
  EXPECT_EQ(future.batches[1].revision, 5);
}

TEST_P(StoreConformance, WatchFromTheFutureWaits) {
  Watcher watcher;
  watcher.start(*test_, KeyRange::all(), 3);
  for (int i = 1; i <= 4; ++i) {
    ASSERT_TRUE(test_->put("k", std::to_string(i)));
  }
  test_->tasks().run_until([&] { return watcher.batches.size() == 2; });
  EXPECT_EQ(watcher.batches[0].revision, 3);
}

TEST_P(StoreConformance, WatchOutlivesARestartByItsRevision) {
  ASSERT_TRUE(test_->put("k", "1"));
  ASSERT_TRUE(test_->remove(KeyRange::one("k")));
  test_->restart();
  Watcher watcher;
  watcher.start(*test_, KeyRange::all(), 2);
  ASSERT_TRUE(test_->put("k", "3"));
  test_->tasks().run_until([&] { return watcher.batches.size() == 2; });
  EXPECT_EQ(watcher.batches[0].events.at(0).kind, Event::Kind::kDelete);
}

TEST_P(StoreConformance, WatchStopsWithItsHandle) {
  Watcher watcher;
  watcher.start(*test_, KeyRange::all(), 0);
  ASSERT_TRUE(test_->put("k", "1"));
  test_->tasks().run_until([&] { return watcher.batches.size() == 1; });
  watcher.watch.reset();
  ASSERT_TRUE(test_->put("k", "2"));
  test_->tasks().run_ready();
  EXPECT_EQ(watcher.batches.size(), 1U);
}

TEST_P(StoreConformance, CompactedRevisionsCannotBeWatched) {
  for (int i = 1; i <= 5; ++i) {
    ASSERT_TRUE(test_->put("k", std::to_string(i)));
  }
  const auto compacted = test_->await<Revision>(
      [&](Handler<Revision> handler) { test_->store().compact(3, std::move(handler)); });
  EXPECT_EQ(*compacted, 4);
  Watcher late;
  late.start(*test_, KeyRange::all(), 3);
  Watcher in_time;
  in_time.start(*test_, KeyRange::all(), 4);
  test_->tasks().run_until([&] { return late.ended && in_time.batches.size() == 2; });
  EXPECT_EQ(late.ended->code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(late.batches.empty());
  EXPECT_EQ(test_->value("k"), "5") << "what is stored stays";
  const auto future = test_->await<Revision>(
      [&](Handler<Revision> handler) { test_->store().compact(99, std::move(handler)); });
  EXPECT_EQ(future.error().code, ErrorCode::kInvalidArgument);
}

TEST_P(StoreConformance, LeaseTakesItsKeysWithIt) {
  const auto lease = test_->grant(seconds(2));
  ASSERT_TRUE(lease);
  EXPECT_NE(*lease, 0);
  ASSERT_TRUE(test_->put("leader", "gra-1", *lease));
  ASSERT_TRUE(test_->put("member", "gra-1", *lease));
  ASSERT_TRUE(test_->put("kept", "yes"));
  Watcher watcher;
  watcher.start(*test_, KeyRange::all(), 0);
  test_->pass_time(milliseconds(1900));
  EXPECT_EQ(test_->value("leader"), "gra-1") << "at least its ttl";
  test_->pass_time(milliseconds(1000));
  test_->tasks().run_until([&] { return !watcher.batches.empty(); });
  EXPECT_EQ(watcher.batches[0].events.size(), 2U) << "one revision";
  EXPECT_EQ(test_->value("leader"), "");
  EXPECT_EQ(test_->value("kept"), "yes");
  const auto again = test_->await<LeaseId>(
      [&](Handler<LeaseId> handler) { test_->store().keep_alive(*lease, std::move(handler)); });
  EXPECT_EQ(again.error().code, ErrorCode::kNotFound);
}

TEST_P(StoreConformance, LeaseLivesWhileKeptAlive) {
  const auto lease = test_->grant(seconds(2));
  ASSERT_TRUE(test_->put("leader", "gra-1", *lease));
  for (int i = 0; i < 5; ++i) {
    test_->pass_time(milliseconds(1500));
    ASSERT_TRUE(test_->await<LeaseId>([&](Handler<LeaseId> handler) {
      test_->store().keep_alive(*lease, std::move(handler));
    })) << i;
  }
  EXPECT_EQ(test_->value("leader"), "gra-1");
}

TEST_P(StoreConformance, LeaseCanBeRevokedAndReplaced) {
  const auto lease = test_->grant(seconds(20));
  ASSERT_TRUE(test_->put("a", "1", *lease));
  ASSERT_TRUE(test_->put("b", "1", *lease));
  ASSERT_TRUE(test_->put("b", "2"));  // no lease any more
  const auto revoke = [&] {
    return test_->await<LeaseId>(
        [&](Handler<LeaseId> handler) { test_->store().revoke(*lease, std::move(handler)); });
  };
  EXPECT_TRUE(revoke());
  EXPECT_EQ(test_->value("a"), "");
  EXPECT_EQ(test_->value("b"), "2");
  EXPECT_EQ(revoke().error().code, ErrorCode::kNotFound);
  EXPECT_EQ(test_->grant(Duration(1)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(*test_->grant(seconds(20)), *lease) << "never the same again";
}

TEST_P(StoreConformance, LeaseSurvivesARestartAndStillExpires) {
  const auto lease = test_->grant(seconds(2));
  ASSERT_TRUE(test_->put("leader", "gra-1", *lease));
  test_->restart();
  EXPECT_EQ(test_->value("leader"), "gra-1");
  test_->pass_time(milliseconds(1000));
  EXPECT_EQ(test_->value("leader"), "gra-1");
  test_->pass_time(milliseconds(2000));
  EXPECT_EQ(test_->value("leader"), "");
}

TEST_P(StoreConformance, CloseFinishesWhatWasAskedForAndRefusesTheRest) {
  int done = 0;
  for (int i = 0; i < 100; ++i) {
    test_->store().transact(
        {.compares = {}, .then = {Put{std::to_string(i), "v", 0}}, .otherwise = {}},
        [&done](const Result<TransactionResult>& result) { done += result ? 1 : 0; });
  }
  Watcher watcher;
  watcher.start(*test_, KeyRange::all(), 0);
  test_->store().close();
  test_->tasks().run_ready();
  EXPECT_EQ(done, 100);
  ASSERT_TRUE(watcher.ended);
  EXPECT_EQ(watcher.ended->code, ErrorCode::kUnavailable);
  EXPECT_EQ(test_->put("late", "1").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(test_->store().read_now({KeyRange::all(), 0}).error().code, ErrorCode::kUnavailable);
  test_->restart();
  EXPECT_EQ(test_->read(KeyRange::all())->count, 100U);
}

}  // namespace
}  // namespace leeward::state
