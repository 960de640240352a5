// SPDX-License-Identifier: Apache-2.0
//
// Against histories of regions that replicate by last-writer-wins, and an oracle that knows what
// each write was written on.
#include "replica/stream_join.h"

#include <map>
#include <set>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "base/rng.h"

namespace leeward::replica {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime kStart{seconds(1000)};

json::object image(std::uint64_t content) {
  return {{"id", json::object{{"S", "a"}}}, {"v", json::object{{"N", std::to_string(content)}}}};
}

// Regions that carry each other's writes with a delay; a stream each, read with a little jitter.
class Mesh {
 public:
  Mesh(int regions, std::uint64_t seed)
      : rng_(seed), standing_(static_cast<std::size_t>(regions)) {}

  void write(MonoTime at, std::size_t region) {
    deliver_until(at);
    const std::uint64_t content = ++last_;
    base_[content] = standing_[region];
    home_[content] = region;
    put(at, region, content);
    for (std::size_t other = 0; other < standing_.size(); ++other) {
      if (other != region) {
        flying_.emplace(at + milliseconds(200 + rng_.below(300)), std::pair(other, content));
      }
    }
  }

  void deliver_until(MonoTime at) {
    while (!flying_.empty() && flying_.begin()->first <= at) {
      const auto [when, what] = *flying_.begin();
      flying_.erase(flying_.begin());
      // Per origin and key in order: AWS may skip versions, never reorder them.
      if (what.second > standing_[what.first]) {
        const std::uint64_t displaced = standing_[what.first];
        if (displaced != 0 && home_[displaced] == what.first &&
            !is_ancestor(displaced, what.second)) {
          lost_.insert(displaced);
        }
        put(when, what.first, what.second);
      }
    }
  }

  std::set<std::uint64_t> lost_;

  std::vector<JoinRecord> records() {
    std::ranges::sort(records_, {}, &JoinRecord::arrival);
    return records_;
  }

 private:
  bool is_ancestor(std::uint64_t version, std::uint64_t of) const {
    for (std::uint64_t at = of; at != 0; at = base_.at(at)) {
      if (at == version) {
        return true;
      }
    }
    return false;
  }

  void put(MonoTime at, std::size_t region, std::uint64_t content) {
    // A region's records arrive in their order, some milliseconds late.
    const MonoTime arrival =
        std::max(at + milliseconds(rng_.below(20)), last_arrival_[region] + Duration(1));
    last_arrival_[region] = arrival;
    records_.push_back({RegionId("R" + std::to_string(region)), "k",
                        standing_[region] == 0 ? json::object() : image(standing_[region]),
                        image(content), arrival, true});
    standing_[region] = content;
  }

  Rng rng_;
  std::vector<std::uint64_t> standing_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::uint64_t> base_;
  std::map<std::uint64_t, std::size_t> home_;
  std::multimap<MonoTime, std::pair<std::size_t, std::uint64_t>> flying_;
  std::map<std::size_t, MonoTime> last_arrival_;
  std::vector<JoinRecord> records_;
};

// How many writes were lost.
std::size_t compare(int regions, std::uint64_t seed) {
  Mesh mesh(regions, seed);
  Rng rng(seed * 7 + 1);
  MonoTime at = kStart;
  for (int i = 0; i < 40; ++i) {
    at += milliseconds(rng.below(2) == 0 ? rng.below(150) : 200 + rng.below(1500));
    mesh.write(at, rng.below(static_cast<std::uint64_t>(regions)));
  }
  mesh.deliver_until(at + seconds(5));
  StreamJoin join({});
  std::set<std::uint64_t> found;
  std::set<std::uint64_t> certain;
  const auto take = [&](MonoTime now) {
    for (const JoinLoss& loss : join.settle(now)) {
      const auto content = std::stoull(std::string(loss.loser.at("v").at("N").as_string()));
      EXPECT_TRUE(found.insert(content).second) << "seed " << seed << ": once";
      if (loss.certain) {
        certain.insert(content);
      }
    }
  };
  for (JoinRecord& record : mesh.records()) {
    take(record.arrival);
    join.add(std::move(record));
  }
  take(at + seconds(60));
  EXPECT_EQ(found, mesh.lost_) << "seed " << seed << ", " << regions << " regions";
  EXPECT_EQ(certain, found) << "the delay is far above the jitter";
  return mesh.lost_.size();
}

TEST(StreamJoin, FindsWhatTwoRegionsLost) {
  std::size_t lost = 0;
  for (std::uint64_t seed = 1; seed <= 1000 && !testing::Test::HasFailure(); ++seed) {
    lost += compare(2, seed);
  }
  EXPECT_GT(lost, 1000U) << "the histories have something to find";
}

TEST(StreamJoin, FindsWhatThreeRegionsLost) {
  std::size_t lost = 0;
  for (std::uint64_t seed = 1; seed <= 1000 && !testing::Test::HasFailure(); ++seed) {
    lost += compare(3, seed);
  }
  EXPECT_GT(lost, 1000U) << "the histories have something to find";
}

TEST(StreamJoin, IsUncertainWhereTheOrderIsTooCloseToCall) {
  StreamJoin join({});
  join.add({RegionId("A"), "k", {}, image(1), kStart, true});
  join.add({RegionId("B"), "k", {}, image(2), kStart + seconds(1), true});
  join.add({RegionId("A"), "k", image(1), image(2), kStart + seconds(1) + milliseconds(10), true});
  const auto losses = join.settle(kStart + seconds(60));
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_FALSE(losses[0].certain);
  EXPECT_EQ(losses[0].loser_region, RegionId("A"));
}

TEST(StreamJoin, ADeleteThatWinsIsFoundAndUncertain) {
  StreamJoin join({});
  join.add({RegionId("A"), "k", {}, image(1), kStart, true});
  join.add({RegionId("B"), "k", {}, image(1), kStart + milliseconds(300), true});
  join.add({RegionId("A"), "k", image(1), image(2), kStart + seconds(10), true});
  join.add({RegionId("B"), "k", image(1), {}, kStart + seconds(10) + milliseconds(50), true});
  join.add({RegionId("A"), "k", image(2), {}, kStart + seconds(10) + milliseconds(350), true});
  const auto losses = join.settle(kStart + seconds(60));
  ASSERT_EQ(losses.size(), 1U);
  EXPECT_EQ(losses[0].loser, image(2));
  EXPECT_TRUE(losses[0].winner.empty());
  EXPECT_FALSE(losses[0].certain);
}

TEST(StreamJoin, HistorySaysWhatThereWasAndNothingElse) {
  StreamJoin join({});
  join.add({RegionId("A"), "k", {}, image(1), kStart, false});
  join.add({RegionId("A"), "k", image(1), image(2), kStart, false});
  join.add({RegionId("B"), "k", {}, image(3), kStart, false});
  join.add({RegionId("B"), "k", image(3), image(2), kStart, false});
  EXPECT_TRUE(join.settle(kStart + seconds(60)).empty());
}

TEST(StreamJoin, ForgetsWhatIsQuiet) {
  JoinOptions small;
  small.keys_max = 10;
  StreamJoin join(small);
  for (int i = 0; i < 1000; ++i) {
    join.add({RegionId("A"), "k" + std::to_string(i), {}, image(1), kStart + seconds(i), true});
    static_cast<void>(join.settle(kStart + seconds(i)));
  }
  EXPECT_LE(join.keys(), 10U);
  static_cast<void>(join.settle(kStart + std::chrono::hours(3)));
  EXPECT_EQ(join.keys(), 0U);
}

TEST(VersionOf, IsTheContentWhateverItsOrderOrTheApplicationsOwnName) {
  const auto a = json::parse(R"({"x": {"M": {"p": {"S": "1"}, "q": {"S": "2"}}}, "y": {"N": "1"}})")
                     .as_object();
  const auto b = json::parse(R"({"y": {"N": "1"}, "x": {"M": {"q": {"S": "2"}, "p": {"S": "1"}}}})")
                     .as_object();
  EXPECT_EQ(version_of(a, ""), version_of(b, ""));
  EXPECT_EQ(version_of(a, "y"), "v:{\"N\":\"1\",}");
  EXPECT_EQ(version_of({}, ""), "");
}

}  // namespace
}  // namespace leeward::replica
