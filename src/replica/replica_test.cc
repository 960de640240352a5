// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "replica/page.h"
#include "replica/stamp.h"

namespace leeward::replica {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kNowUs = 1'795'434'008'000'000;
const WallTime kNow{std::chrono::microseconds(kNowUs)};
const RegionId kGra{"GRA11"};
const RegionId kRbx{"RBX-A"};

json::object item(const std::string& id, const Stamp& stamp) {
  return {{"id", {{"S", id}}}, {"_r", {{"S", format_stamp(stamp)}}}};
}

StreamRecord record(const std::string& sequence, const std::string& id, const Stamp& stamp) {
  return {sequence, canonical_key({{"id", {{"S", id}}}}), item(id, stamp), {}};
}

StreamRecord over(StreamRecord record, const std::string& id, const Stamp& old) {
  record.old = item(id, old);
  return record;
}

TEST(Stamp, TextOrderIsValueOrder) {
  Rng rng(7);
  std::vector<Stamp> stamps;
  for (int i = 0; i < 500; ++i) {
    stamps.push_back({rng.below(9'999'999'999'999'999),
                      static_cast<std::uint32_t>(rng.below(10'000)),
                      rng.below(2) == 0 ? kGra : kRbx});
  }
  for (const Stamp& a : stamps) {
    ASSERT_EQ(parse_stamp(format_stamp(a)), a);
    for (const Stamp& b : stamps) {
      ASSERT_EQ(format_stamp(a) < format_stamp(b), a < b);
    }
  }
}

TEST(Stamp, RefusesEveryOtherForm) {
  for (const char* text :
       {"", "1795434008123456.0001.", "179543400812345.0001.GRA11", "1795434008123456.001.GRA11",
        "1795434008123456-0001.GRA11", "179543400812345x.0001.GRA11", "+795434008123456.0001.GRA11",
        "1795434008123456.0001GRA11"}) {
    EXPECT_FALSE(parse_stamp(text).has_value()) << text;
  }
}

TEST(Page, ShipsTheNewestOfEachKeyThatOriginatedHere) {
  auto plan = plan_page({record("1", "a", {kNowUs, 0, kGra}),
                         record("2", "b", {kNowUs, 1, kGra}),
                         record("3", "a", {kNowUs, 2, kGra}),
                         record("4", "c", {kNowUs, 3, kRbx}),
                         {"5", "d", {}, {}}},
                        kGra, kNow);
  ASSERT_EQ(plan.ship.size(), 2U);
  EXPECT_EQ(plan.ship[0].item, item("b", {kNowUs, 1, kGra}));
  EXPECT_EQ(plan.ship[1].item, item("a", {kNowUs, 2, kGra}));
  EXPECT_EQ(plan.last_sequence, "5");
  EXPECT_EQ(plan.foreign, 1U);
  EXPECT_EQ(plan.removals, 1U);
  EXPECT_EQ(plan.superseded, 1U);
}

TEST(Page, RefusesStampsFromTheFuture) {
  const std::uint64_t limit = kNowUs + 5'000'000;
  const auto plan = plan_page(
      {record("1", "a", {limit, 0, kGra}), record("2", "b", {limit + 1, 0, kGra})}, kGra, kNow);
  ASSERT_EQ(plan.ship.size(), 1U);
  ASSERT_EQ(plan.refused.size(), 1U);
  EXPECT_EQ(plan.refused[0].item, item("b", {limit + 1, 0, kGra}));
}

TEST(Page, AnUnstampedItemCountsAsOlderThanEverythingStamped) {
  const json::object bare{{"id", {{"S", "a"}}}};
  const auto plan = plan_page({{"1", "a", bare, {}}, {"2", "a", bare, bare}}, kGra, kNow);
  ASSERT_EQ(plan.ship.size(), 1U);
  EXPECT_EQ(plan.ship[0].stamp, zero_stamp(kGra));
  EXPECT_FALSE(plan.ship[0].stamped);
  EXPECT_EQ(stamp_in(plan.ship[0].item), zero_stamp(kGra));
  EXPECT_LT(zero_stamp(kRbx), format_stamp({1, 0, kGra}));
  EXPECT_EQ(plan.ship[0].base, "");
}

TEST(Page, AChangedCopyRemembersWhatItReplaced) {
  json::object copy{{"id", {{"S", "a"}}}, {"_r", {{"S", zero_stamp(kRbx)}}}};
  json::object changed{{"id", {{"S", "a"}}}, {"x", {{"S", "y"}}}};
  const auto plan = plan_page({{"1", "a", changed, copy}}, kGra, kNow);
  ASSERT_EQ(plan.ship.size(), 1U);
  EXPECT_EQ(plan.ship[0].base, zero_stamp(kRbx));
  copy.erase("_r");
  EXPECT_EQ(plan.ship[0].replaced, copy);
}

TEST(Page, KnowsWhatVersionsWereWrittenOn) {
  const Stamp one{kNowUs, 1, kGra};
  const Stamp two{kNowUs, 2, kGra};
  const Stamp three{kNowUs, 3, kRbx};
  const Stamp four{kNowUs, 4, kGra};
  const Stamp base{kNowUs, 0, kRbx};
  auto plan = plan_page(
      {over(record("1", "a", one), "a", base), over(record("2", "a", two), "a", one)}, kGra, kNow);
  ASSERT_EQ(plan.ship.size(), 1U);
  EXPECT_EQ(plan.ship[0].base, format_stamp(base));
  EXPECT_EQ(plan.ship[0].chain, std::vector<std::string>{format_stamp(one)});
  EXPECT_TRUE(plan.displaced.empty());

  plan = plan_page({over(record("1", "a", one), "a", base), over(record("2", "a", three), "a", one),
                    over(record("3", "a", four), "a", three)},
                   kGra, kNow);
  ASSERT_EQ(plan.ship.size(), 1U);
  EXPECT_EQ(plan.ship[0].base, format_stamp(three)) << "another region's version stood between";
  EXPECT_TRUE(plan.ship[0].chain.empty());
  ASSERT_EQ(plan.displaced.size(), 1U);
  EXPECT_EQ(plan.displaced[0].loser, format_stamp(one));
  EXPECT_EQ(plan.displaced[0].winner, format_stamp(three));
}

TEST(Key, TextDoesNotDependOnTheOrderOfAttributes) {
  const json::object one{{"id", {{"S", "a\"b"}}}, {"n", {{"N", "1"}}}};
  const json::object two{{"n", {{"N", "1"}}}, {"id", {{"S", "a\"b"}}}};
  EXPECT_EQ(canonical_key(one), canonical_key(two));
  EXPECT_EQ(canonical_key(one), R"({"id":{"S":"a\"b"},"n":{"N":"1"}})");
}

// What a store with the condition `_r < :r` does.
void apply(std::map<std::string, std::string>& store, const Version& version) {
  const std::string key = json::serialize(version.item.at("id"));
  std::string& stored = store[key];
  stored = std::max(stored, version.stamp);
}

// Pages in any cut, any order, any number of times: both regions end with the greatest stamps.
TEST(Page, AnyDeliveryConvergesToTheGreatestStamps) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Rng rng(seed);
    std::vector<StreamRecord> records;
    std::map<std::string, std::string> expected;
    for (std::uint64_t i = 0; i < 30; ++i) {
      const std::string id(1, static_cast<char>('a' + rng.below(5)));
      const Stamp stamp{kNowUs - rng.below(20), static_cast<std::uint32_t>(rng.below(3)), kGra};
      records.push_back(record(std::to_string(i), id, stamp));
      auto& best = expected[json::serialize(records.back().item.at("id"))];
      best = std::max(best, format_stamp(stamp));
    }
    std::map<std::string, std::string> store;
    for (int delivery = 0; delivery < 2; ++delivery) {
      for (std::size_t i = records.size(); i > 1; --i) {
        std::swap(records[i - 1], records[rng.below(i)]);
      }
      for (std::size_t start = 0; start < records.size();) {
        const std::size_t size = std::min<std::size_t>(1 + rng.below(9), records.size() - start);
        const auto first = records.begin() + static_cast<std::ptrdiff_t>(start);
        const auto plan = plan_page({first, first + static_cast<std::ptrdiff_t>(size)}, kGra, kNow);
        for (const Version& version : plan.ship) {
          apply(store, version);
        }
        start += size;
      }
    }
    ASSERT_EQ(store, expected) << "seed " << seed;
  }
}

TEST(StreamPage, ReadsAnAnswerAndNamesWhatIsWrong) {
  const auto page = parse_stream_page(json::parse(
      R"({"Records":[{"eventName":"INSERT","dynamodb":{"SequenceNumber":"100","Keys":{"id":{"S":"a"}},
          "NewImage":{"id":{"S":"a"}}}}],"NextShardIterator":"next"})"));
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->records.size(), 1U);
  EXPECT_EQ(page->next_iterator, "next");
  for (const char* text : {"{}", "[]", R"({"Records":{}})", R"({"Records":[1]})",
                           R"({"Records":[{"dynamodb":{"Keys":{"id":{"S":"a"}}}}]})",
                           R"({"Records":[{"dynamodb":{"SequenceNumber":"1","Keys":{}}}]})"}) {
    const auto bad = parse_stream_page(json::parse(text));
    ASSERT_FALSE(bad.has_value()) << text;
    EXPECT_EQ(bad.error().code, ErrorCode::kDataCorrupt);
  }
}

}  // namespace
}  // namespace leeward::replica
