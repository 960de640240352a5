// SPDX-License-Identifier: Apache-2.0
#include "replica/conflict.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "replica/stamp.h"

namespace leeward::replica {
namespace {

using Kind = Verdict::Kind;

const std::string kA = "A";
const std::string kB = "B";
const std::string kC = "C";
const MonoTime kNow{std::chrono::seconds(100)};
const MonoTime kLater{std::chrono::seconds(200)};

std::string at(std::uint64_t time, const std::string& region) {
  return format_stamp({1'000'000 + time, 0, RegionId(region)});
}

Arrival fresh(std::string_view stamp, std::string_view base) {
  return {.key = "k", .stamp = stamp, .base = base, .fresh = true};
}

TEST(Conflict, AVersionWrittenOnTheOtherIsNoConflict) {
  ConflictTracker tracker(RegionId("A"), 2);
  const auto o = at(1, kA);
  const auto v = at(2, kB);
  EXPECT_EQ(tracker.took(fresh(v, o), o, kNow).kind, Kind::kNothing);
  const std::vector<std::string> chain = {at(3, kB), at(4, kB)};
  const auto last = at(5, kB);
  Arrival coalesced = fresh(last, o);
  coalesced.chain = &chain;
  EXPECT_EQ(tracker.took(coalesced, o, kNow).kind, Kind::kNothing);
  EXPECT_EQ(tracker.took(fresh(v, ""), "", kNow).kind, Kind::kNothing) << "nothing stood there";
}

TEST(Conflict, AVersionWrittenBesideTheOtherIsLostForSure) {
  ConflictTracker tracker(RegionId("A"), 2);
  for (const std::string& base : {std::string(), at(1, kA), at(1, kB)}) {
    const auto verdict = tracker.took(fresh(at(3, kB), base), at(2, kA), kNow);
    EXPECT_EQ(verdict.kind, Kind::kLost) << base;
    EXPECT_TRUE(verdict.certain);
    EXPECT_EQ(verdict.evidence, Evidence::kOverwritten);
  }
}

TEST(Conflict, OnlyAVersionsHomeSpeaksOfItsDisplacement) {
  ConflictTracker tracker(RegionId("A"), 3);
  EXPECT_EQ(tracker.took(fresh(at(3, kB), ""), at(2, kC), kNow).kind, Kind::kNothing);
  EXPECT_EQ(tracker.refused(fresh(at(3, kB), ""), at(4, kC), kNow).kind, Kind::kNothing);
}

TEST(Conflict, AScanKnowsNoBase) {
  ConflictTracker tracker(RegionId("A"), 2);
  const std::string stamp = at(3, kB);
  const Arrival scanned{.key = "k", .stamp = stamp, .scanned = true};
  const auto verdict = tracker.took(scanned, at(2, kA), kNow);
  EXPECT_EQ(verdict.kind, Kind::kLost);
  EXPECT_EQ(verdict.evidence, Evidence::kScan);
  EXPECT_FALSE(verdict.certain);
  EXPECT_EQ(tracker.refused(scanned, at(4, kA), kNow).kind, Kind::kNothing);
}

TEST(Conflict, ARejectedOneWaitsForItsHome) {
  ConflictTracker tracker(RegionId("A"), 2);
  const auto v = at(2, kB);
  const auto c = at(9, kA);
  EXPECT_EQ(tracker.refused(fresh(v, ""), c, kNow).kind, Kind::kWait);
  EXPECT_TRUE(tracker.settle(kNow).empty());
  tracker.displaced_at_home("k", v, c);
  auto settled = tracker.settle(kNow);
  ASSERT_EQ(settled.size(), 1U);
  EXPECT_EQ(settled[0].kind, Settled::Kind::kLost);
  EXPECT_EQ(settled[0].loser, v);
  EXPECT_TRUE(tracker.settle(kLater).empty()) << "once";

  const auto w = at(3, kB);
  const auto x = at(4, kB);
  EXPECT_EQ(tracker.refused(fresh(w, v), c, kNow).kind, Kind::kWait);
  EXPECT_EQ(tracker.refused(fresh(x, w), c, kNow).kind, Kind::kWait);
  settled = tracker.settle(kNow);
  ASSERT_EQ(settled.size(), 1U) << "its home wrote over the first";
  EXPECT_EQ(settled[0].kind, Settled::Kind::kNotLost);
  EXPECT_EQ(settled[0].loser, w);
}

TEST(Conflict, AHomeThatSaysNothingMoreCannotHideALossButMayTakeItBack) {
  ConflictTracker tracker(RegionId("A"), 2);
  const auto v = at(2, kB);
  ASSERT_EQ(tracker.refused(fresh(v, ""), at(9, kA), kNow).kind, Kind::kWait);
  EXPECT_EQ(tracker.deadline(), kNow + ConflictLimits{}.wait);
  auto settled = tracker.settle(kLater);
  ASSERT_EQ(settled.size(), 1U);
  EXPECT_EQ(settled[0].kind, Settled::Kind::kLost);
  EXPECT_EQ(tracker.took(fresh(at(10, kB), v), at(9, kA), kLater).kind, Kind::kLost);
  settled = tracker.settle(kLater);
  ASSERT_EQ(settled.size(), 1U);
  EXPECT_EQ(settled[0].kind, Settled::Kind::kTakeBack);
  EXPECT_EQ(settled[0].loser, v);
}

TEST(Conflict, RepeatedDeliveriesMakeNoEntries) {
  ConflictTracker tracker(RegionId("A"), 2);
  const std::string stamp = at(2, kB);
  const Arrival again{.key = "k", .stamp = stamp};
  EXPECT_EQ(tracker.refused(again, at(9, kA), kNow).kind, Kind::kNothing) << "stood here, perhaps";
  EXPECT_EQ(tracker.refused(fresh(stamp, ""), stamp, kNow).kind, Kind::kNothing) << "a duplicate";
  EXPECT_EQ(tracker.refused(fresh(stamp, ""), at(3, kB), kNow).kind, Kind::kNothing) << "newer own";
}

TEST(Conflict, ThirdRegionsAncestryIsWalkedOrWaitedFor) {
  const auto o = at(2, kA);
  const auto z = at(3, kC);
  const auto v = at(4, kB);
  {
    ConflictTracker tracker(RegionId("A"), 3);  // z was here already and says what it stands on
    static_cast<void>(tracker.refused(fresh(z, o), at(9, kC), kNow));
    EXPECT_EQ(tracker.took(fresh(v, z), o, kNow).kind, Kind::kNothing);
  }
  {
    ConflictTracker tracker(RegionId("A"), 3);  // z comes later
    EXPECT_EQ(tracker.took(fresh(v, z), o, kNow).kind, Kind::kWait);
    static_cast<void>(tracker.refused(fresh(z, o), v, kNow));
    const auto settled = tracker.settle(kNow);
    ASSERT_EQ(settled.size(), 1U);
    EXPECT_EQ(settled[0].kind, Settled::Kind::kNotLost);
  }
  {
    ConflictTracker tracker(RegionId("A"), 3);
    EXPECT_EQ(tracker.took(fresh(v, z), o, kNow).kind, Kind::kWait);
    static_cast<void>(tracker.refused(fresh(z, at(1, kC)), v, kNow));
    const auto settled = tracker.settle(kNow);
    ASSERT_EQ(settled.size(), 1U);
    EXPECT_EQ(settled[0].kind, Settled::Kind::kLost);
    EXPECT_TRUE(settled[0].certain);
  }
  {
    ConflictTracker tracker(RegionId("A"), 3);  // z never comes: uncertain
    EXPECT_EQ(tracker.took(fresh(v, z), o, kNow).kind, Kind::kWait);
    const auto settled = tracker.settle(kLater);
    ASSERT_EQ(settled.size(), 1U);
    EXPECT_FALSE(settled[0].certain);
  }
}

TEST(Conflict, MemoryIsBounded) {
  ConflictLimits limits;
  limits.waiting_max = 8;
  limits.remembered_max = 4;
  ConflictTracker tracker(RegionId("A"), 2, limits);
  std::size_t lost = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const std::string key = fmt::format("key-{}", i);
    const std::string stamp = at(i, kB);
    EXPECT_EQ(
        tracker.refused({.key = key, .stamp = stamp, .base = "", .fresh = true}, at(1000, kA), kNow)
            .kind,
        Kind::kWait);
    EXPECT_LE(tracker.waiting(), 8U);
    lost += tracker.settle(kNow).size();
  }
  EXPECT_EQ(lost + tracker.waiting(), 100U);
}

// ---- against an oracle: regions that write, directions that deliver late, in pages ----

struct Write {
  std::string stamp;
  std::string base;
};

class World {
 public:
  World(std::uint64_t seed, std::size_t regions) : rng_(seed), regions_(regions) {
    for (std::size_t i = 0; i < regions; ++i) {
      names_.emplace_back(1, static_cast<char>('A' + i));
      standing_.emplace_back();
      streams_.emplace_back();
      trackers_.emplace_back(RegionId(names_.back()), regions);
      position_.emplace_back(regions, 0);
    }
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      const std::size_t region = rng_.below(regions_);
      if (rng_.below(4) == 0) {
        blocked_ = rng_.below(1ULL << (regions_ * regions_));  // other partitions
      }
      if (rng_.below(2) == 0) {
        write(region, fmt::format("k{}", rng_.below(2)));
      } else {
        deliver(rng_.below(regions_), region, 1 + rng_.below(4));
      }
    }
    blocked_ = 0;
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t from = 0; from < regions_; ++from) {
        for (std::size_t to = 0; to < regions_; ++to) {
          moved = deliver(from, to, 3) || moved;
        }
      }
    }
    for (std::size_t i = 0; i < regions_; ++i) {
      collect(i, kLater);
    }
  }

  std::set<std::string> oracle;                      // stamps of what was lost
  std::vector<std::map<std::string, bool>> entries;  // per region: loser -> certain
  std::map<std::string, std::string> newest() const { return standing_[0]; }
  [[nodiscard]] bool converged() const {
    return std::ranges::all_of(standing_, [&](const auto& s) { return s == standing_[0]; });
  }

 private:
  struct Record {
    std::string key;
    std::string old;
    std::string now;
  };

  void write(std::size_t region, const std::string& key) {
    std::string& stands = standing_[region][key];
    // Clocks differ by up to 20; a stamp is always above what stands.
    clock_ += 3;
    std::uint64_t time = clock_ + 5 * region + rng_.below(8);
    if (!stands.empty()) {
      time = std::max(time, parse_stamp(stands)->microseconds - 1'000'000 + 1);
    }
    time = std::max(time, last_[region] + 1);
    last_[region] = time;
    const std::string stamp = at(time, names_[region]);
    base_[stamp] = stands;
    streams_[region].push_back({key, stands, stamp});
    stands = stamp;
  }

  bool is_ancestor(const std::string& old, std::string version) const {
    while (!version.empty() && version != old) {
      version = base_.at(version);
    }
    return version == old;
  }

  bool deliver(std::size_t from, std::size_t to, std::size_t page) {
    if (from == to || ((blocked_ >> (from * regions_ + to)) & 1) != 0) {
      return false;
    }
    std::size_t& position = position_[from][to];
    bool moved = false;
    struct Group {
      std::string key, stamp, base;
      std::vector<std::string> chain;
    };
    std::vector<Group> groups;
    std::vector<Record> displaced;
    for (; page > 0 && position < streams_[from].size(); --page, ++position) {
      moved = true;
      const Record& record = streams_[from][position];
      if (region_of_stamp(record.now) != names_[from]) {
        if (region_of_stamp(record.old) == names_[from]) {
          displaced.push_back(record);
        }
        continue;
      }
      Group group{record.key, record.now, record.old, {}};
      std::erase_if(groups, [&](const Group& earlier) {
        if (earlier.key != record.key) {
          return false;
        }
        if (earlier.stamp == record.old) {
          group.base = earlier.base;
          group.chain = earlier.chain;
          group.chain.push_back(earlier.stamp);
        } else {
          displaced.push_back({record.key, earlier.base, ""});
          for (const std::string& each : earlier.chain) {
            displaced.push_back({record.key, each, ""});
          }
        }
        return true;
      });
      groups.push_back(group);
    }
    for (const Group& group : groups) {
      apply(to, group.key,
            {.key = group.key,
             .stamp = group.stamp,
             .base = group.base,
             .chain = &group.chain,
             .fresh = true});
    }
    for (const Record& record : displaced) {
      trackers_[to].displaced_at_home(record.key, record.old, record.now);
    }
    collect(to, kNow);
    return moved;
  }

  void apply(std::size_t to, const std::string& key, const Arrival& arrival) {
    std::string& stands = standing_[to][key];
    Verdict verdict;
    std::string loser;
    if (stands < arrival.stamp) {
      if (region_of_stamp(stands) == names_[to] &&
          !is_ancestor(stands, std::string(arrival.stamp))) {
        oracle.insert(stands);
      }
      streams_[to].push_back({key, stands, std::string(arrival.stamp)});
      loser = stands;
      verdict = trackers_[to].took(arrival, stands, kNow);
      stands = std::string(arrival.stamp);
    } else {
      loser = std::string(arrival.stamp);
      verdict = trackers_[to].refused(arrival, stands, kNow);
    }
    if (verdict.kind == Kind::kLost) {
      entry(to, loser, verdict.certain);
    }
  }

  void collect(std::size_t region, MonoTime now) {
    for (const Settled& each : trackers_[region].settle(now)) {
      if (each.kind == Settled::Kind::kLost) {
        entry(region, each.loser, each.certain);
      } else if (each.kind == Settled::Kind::kTakeBack) {
        entries[region].erase(each.loser);
      }
    }
  }

  void entry(std::size_t region, const std::string& loser, bool certain) {
    entries.resize(regions_);
    entries[region].try_emplace(loser, certain);
  }

  Rng rng_;
  std::size_t regions_;
  std::uint64_t blocked_ = 0;
  std::uint64_t clock_ = 0;
  std::map<std::size_t, std::uint64_t> last_;
  std::vector<std::string> names_;
  std::vector<std::map<std::string, std::string>> standing_;
  std::vector<std::deque<Record>> streams_;
  std::deque<ConflictTracker> trackers_;
  std::vector<std::vector<std::size_t>> position_;  // from, to
  std::map<std::string, std::string> base_;
};

TEST(Conflict, TwoRegionsAgreeWithTheOracleExactly) {
  std::size_t lost = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    World world(seed, 2);
    world.entries.resize(2);
    world.run(60);
    ASSERT_TRUE(world.converged());
    std::set<std::string> found;
    for (const auto& entries : world.entries) {
      for (const auto& [loser, certain] : entries) {
        EXPECT_TRUE(certain);
        found.insert(loser);
      }
    }
    ASSERT_EQ(found, world.oracle) << "seed " << seed;
    lost += found.size();
  }
  EXPECT_GT(lost, 3000U) << "there were conflicts at all";
}

TEST(Conflict, ThreeRegionsFindEveryLossAndOnlyUncertainOnesMayBeFalse) {
  std::size_t lost = 0;
  std::size_t uncertain = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    World world(seed, 3);
    world.entries.resize(3);
    world.run(80);
    ASSERT_TRUE(world.converged());
    std::set<std::string> found;
    for (const auto& entries : world.entries) {
      for (const auto& [loser, certain] : entries) {
        found.insert(loser);
        uncertain += certain ? 0U : 1U;
        ASSERT_TRUE(!certain || world.oracle.contains(loser)) << "seed " << seed << " " << loser;
      }
    }
    for (const std::string& loser : world.oracle) {
      ASSERT_TRUE(found.contains(loser)) << "seed " << seed << " " << loser;
    }
    lost += world.oracle.size();
  }
  EXPECT_GT(lost, 3000U);
  EXPECT_LT(uncertain, lost);
}

}  // namespace
}  // namespace leeward::replica
