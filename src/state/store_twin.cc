// SPDX-License-Identifier: Apache-2.0
//
// Random transactions, watches and restarts against a naive twin in memory: a map, a number, and a
// list of everything that ever happened.
#include <deque>
#include <map>
#include <vector>

#include "base/overloaded.h"
#include "base/rng.h"
#include "state/store_conformance.h"

namespace leeward::state {
namespace {

constexpr int kLives = 40;
constexpr int kBurstsPerLife = 40;

class Twin {
 public:
  TransactionResult transact(const Transaction& transaction) {
    TransactionResult result;
    result.succeeded = true;
    for (const Compare& compare : transaction.compares) {
      if (!holds(compare)) {
        result.succeeded = false;
      }
    }
    WatchBatch batch{.revision = revision_ + 1, .events = {}};
    for (const Operation& operation : result.succeeded ? transaction.then : transaction.otherwise) {
      result.results.push_back(apply(operation, batch));
    }
    if (!batch.events.empty()) {
      revision_ = batch.revision;
      past_.push_back(batch);
    }
    result.revision = revision_;
    return result;
  }

  [[nodiscard]] RangeResult read(const Range& range, Revision at) const {
    RangeResult result{.revision = at, .values = {}, .count = 0};
    for (const auto& [key, value] : keys_) {
      if (range.range.contains(key)) {
        ++result.count;
        if (range.limit == 0 || result.values.size() < range.limit) {
          result.values.push_back(value);
        }
      }
    }
    return result;
  }

  [[nodiscard]] std::vector<std::pair<Revision, std::vector<Event>>> seen(const KeyRange& range,
                                                                          Revision from) const {
    std::vector<std::pair<Revision, std::vector<Event>>> seen;
    for (const WatchBatch& batch : past_) {
      std::vector<Event> events;
      for (const Event& event : batch.events) {
        if (range.contains(event.change.key)) {
          events.push_back(event);
        }
      }
      if (batch.revision >= from && !events.empty()) {
        seen.emplace_back(batch.revision, events);
      }
    }
    return seen;
  }
  [[nodiscard]] Revision revision() const { return revision_; }

 private:
  [[nodiscard]] bool holds(const Compare& compare) const {
    const auto found = keys_.find(compare.key);
    const KeyValue current = found == keys_.end() ? KeyValue{} : found->second;
    int order = 0;
    if (compare.target == Compare::Target::kValue) {
      if (found == keys_.end()) {
        return false;
      }
      order = current.value.compare(compare.value);
    } else {
      const std::int64_t number = compare.target == Compare::Target::kVersion ? current.version
                                  : compare.target == Compare::Target::kCreateRevision
                                      ? current.create_revision
                                      : current.mod_revision;
      order = number < compare.number ? -1 : number > compare.number ? 1 : 0;
    }
    switch (compare.relation) {
      case Compare::Relation::kEqual:
        return order == 0;
      case Compare::Relation::kNotEqual:
        return order != 0;
      case Compare::Relation::kLess:
        return order < 0;
      case Compare::Relation::kGreater:
        return order > 0;
    }
    return false;
  }

  OperationResult apply(const Operation& operation, WatchBatch& batch) {
    OperationResult result;
    std::visit(overloaded{[&](const Put& put) {
                            KeyValue& value = keys_[put.key];
                            value.key = put.key;
                            value.value = put.value;
                            value.mod_revision = batch.revision;
                            value.version += 1;
                            if (value.create_revision == 0) {
                              value.create_revision = batch.revision;
                            }
                            batch.events.push_back({Event::Kind::kPut, value});
                          },
                          [&](const Delete& removal) {
                            for (auto it = keys_.begin(); it != keys_.end();) {
                              if (removal.range.contains(it->first)) {
                                KeyValue gone;
                                gone.key = it->first;
                                gone.mod_revision = batch.revision;
                                batch.events.push_back({Event::Kind::kDelete, gone});
                                it = keys_.erase(it);
                                ++result.deleted;
                              } else {
                                ++it;
                              }
                            }
                          },
                          [&](const Range& range) {
                            result.range =
                                read(range, batch.events.empty() ? revision_ : batch.revision);
                          }},
               operation);
    return result;
  }

  std::map<std::string, KeyValue> keys_;
  Revision revision_ = 0;
  std::vector<WatchBatch> past_;
};

std::string random_key(Rng& rng) {
  std::string key(1 + rng.below(3), 'a');
  for (char& letter : key) {
    letter = "abz\xFF"[rng.below(4)];
  }
  return key;
}

KeyRange random_range(Rng& rng) {
  switch (rng.below(4)) {
    case 0:
      return KeyRange::one(random_key(rng));
    case 1:
      return KeyRange::prefix(random_key(rng));
    case 2:
      return KeyRange::all();
    default:
      return {.begin = random_key(rng), .end = random_key(rng)};  // often empty
  }
}

Transaction random_transaction(Rng& rng, Revision near) {
  Transaction transaction;
  for (std::uint64_t i = rng.below(3); i > 0; --i) {
    transaction.compares.push_back({.key = random_key(rng),
                                    .target = static_cast<Compare::Target>(rng.below(4)),
                                    .relation = static_cast<Compare::Relation>(rng.below(4)),
                                    .number = rng.below(2) == 0
                                                  ? static_cast<std::int64_t>(rng.below(3))
                                                  : near - static_cast<std::int64_t>(rng.below(5)),
                                    .value = random_key(rng)});
  }
  for (auto* branch : {&transaction.then, &transaction.otherwise}) {
    for (std::uint64_t i = rng.below(4); i > 0; --i) {
      switch (rng.below(4)) {
        case 0:
          branch->emplace_back(Delete{random_range(rng)});
          break;
        case 1:
          branch->emplace_back(Range{random_range(rng), rng.below(4)});
          break;
        default:
          branch->emplace_back(Put{random_key(rng), random_key(rng), 0});
      }
    }
  }
  return transaction;
}

struct Expected {
  Status valid;
  TransactionResult result;
};

struct Follower {
  KeyRange range;
  Revision from = 0;
  std::vector<std::pair<Revision, std::vector<Event>>> seen;
  std::unique_ptr<Watch> watch;
};

class Life {
 public:
  Life(const StoreFactory& make, std::uint64_t seed) : rng_(seed), test_(make()) {}

  void run() {
    for (int burst = 0; burst < kBurstsPerLife && !testing::Test::HasFailure(); ++burst) {
      if (rng_.below(4) == 0) {
        follow();
      }
      play();
      if (rng_.below(15) == 0) {
        check_followers();
        test_->restart();
      }
      ASSERT_EQ(*test_->store().read_now({KeyRange::all(), 0}),
                twin_.read({KeyRange::all(), 0}, twin_.revision()));
    }
    check_followers();
  }

 private:
  void follow() {
    auto follower = std::make_unique<Follower>();
    follower->range = random_range(rng_);
    follower->from =
        1 + static_cast<Revision>(rng_.below(static_cast<std::uint64_t>(twin_.revision()) + 3));
    follower->watch = test_->store().watch(follower->range, follower->from,
                                           [raw = follower.get()](Result<WatchBatch> news) {
                                             if (news) {
                                               raw->seen.emplace_back(news->revision, news->events);
                                             }
                                           });
    followers_.push_back(std::move(follower));
  }

  // Many at once, so that they share commits; their results come in order.
  void play() {
    const std::size_t size = 1 + rng_.below(80);
    std::size_t answered = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const Transaction transaction = random_transaction(rng_, twin_.revision());
      auto expected = std::make_shared<Expected>();
      expected->valid = validate(transaction);
      if (expected->valid) {
        expected->result = twin_.transact(transaction);
      }
      test_->store().transact(transaction, [expected, i, &answered](Result<TransactionResult> got) {
        EXPECT_EQ(i, answered++);
        EXPECT_EQ(got.has_value(), expected->valid.has_value());
        if (got && expected->valid) {
          EXPECT_EQ(*got, expected->result);
        }
      });
    }
    test_->tasks().run_until([&] { return answered == size; });
  }

  void check_followers() {
    test_->store().close();
    test_->tasks().run_ready();
    for (const auto& follower : followers_) {
      EXPECT_EQ(follower->seen, twin_.seen(follower->range, follower->from));
    }
    followers_.clear();
    test_->restart();
  }

  Rng rng_;
  Twin twin_;
  std::unique_ptr<StoreUnderTest> test_;
  std::vector<std::unique_ptr<Follower>> followers_;
};

TEST_P(StoreTwin, AgreesWithTheNaiveTwin) {
  for (std::uint64_t seed = 1; seed <= kLives && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Life(GetParam().make, seed).run();
  }
}

}  // namespace
}  // namespace leeward::state
