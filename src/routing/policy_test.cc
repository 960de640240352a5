// SPDX-License-Identifier: Apache-2.0
//
// What the developer guide says of each policy, sentence by sentence; the sentence is the test's
// name, as far as a name can be one.
#include "routing/policy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "routing/board_layout.h"

namespace leeward::routing {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Health kAllHealth[] = {Health::kUnknown, Health::kHealthy, Health::kUnhealthy};

class FixedPlace final : public Locator {
 public:
  explicit FixedPlace(Location location) : location_(location) {}
  [[nodiscard]] Location locate(const ClientNetwork&) const noexcept override { return location_; }

 private:
  Location location_;
};

// A board of checks that are healthy until told otherwise, groups under construction, a client.
struct World {
  Policies policies;
  HealthBoard board{32};
  Location place;
  ClientNetwork network = *parse_network("192.0.2.7");
  std::uint32_t next_leaf = 0;

  World() {
    for (BoardSlot slot = 0; slot < 32; ++slot) {
      board.store(slot, BoardWord::of(Health::kHealthy));
    }
  }
  void fail_check(BoardSlot slot) { board.store(slot, BoardWord::of(Health::kUnhealthy)); }
  void heal(BoardSlot slot) { board.store(slot, BoardWord::of(Health::kHealthy)); }

  std::vector<std::uint32_t> answer(std::uint32_t group, std::uint64_t random = 1) {
    const Choice choice = choose(group, random);
    return {choice.leaves.begin(), choice.leaves.begin() + choice.count};
  }
  Choice choose(std::uint32_t group, std::uint64_t random = 1) {
    const FixedPlace locator(place);
    Client client(network, &locator);
    return evaluate(policies, group, board, client, random);
  }
  // How often each leaf answers in `draws`.
  std::map<std::uint32_t, int> shares(std::uint32_t group, int draws = 20'000) {
    Rng rng(11);
    std::map<std::uint32_t, int> times;
    for (int i = 0; i < draws; ++i) {
      const Choice choice = choose(group, rng.next());
      if (choice.count > 0) {
        ++times[choice.leaves[0]];
      }
    }
    return times;
  }
};

Member leaf(std::uint32_t leaf, BoardSlot check = kNoIndex, std::uint32_t key = 0) {
  return {
      .check = check, .leaf = leaf, .alias = kNoIndex, .key = key, .evaluate_target_health = false};
}
Member alias(std::uint32_t group, bool evaluate_target_health, std::uint32_t key = 0,
             BoardSlot check = kNoIndex) {
  return {.check = check,
          .leaf = kNoIndex,
          .alias = group,
          .key = key,
          .evaluate_target_health = evaluate_target_health};
}

TEST(Simple, IsAlwaysItsOnlyMember) {
  World world;
  const auto group = world.policies.add(PolicyKind::kSimple, std::vector{leaf(5, 0)});
  world.fail_check(0);
  EXPECT_THAT(world.answer(group), ElementsAre(5));
}

TEST(Assigned, FollowsItsWordAndFallsBackToTheMostPreferred) {
  World world;
  const auto group =
      world.policies.add(PolicyKind::kAssigned, std::vector{leaf(10), leaf(11), leaf(12)}, 0, 1);
  for (unsigned value = 0; value < 256; ++value) {
    world.board.store(1, BoardWord::of_region_index(static_cast<std::uint8_t>(value), 9));
    EXPECT_THAT(world.answer(group), ElementsAre(value < 3 ? 10 + value : 10)) << value;
    EXPECT_EQ(world.choose(group).ttl_limit_seconds, 9U);
  }
}

TEST(Assigned, SharesTheQueriesDuringAGradualFailback) {
  World world;
  const auto group =
      world.policies.add(PolicyKind::kAssigned, std::vector{leaf(10), leaf(11), leaf(12)}, 0, 1);
  world.board.store(1,
                    BoardWord{.value = 0, .ttl_limit_seconds = 9, .other = 2, .other_percent = 90});
  auto times = world.shares(group);
  EXPECT_EQ(times.size(), 2U);
  EXPECT_NEAR(times[10], 2'000, 300);
  EXPECT_NEAR(times[12], 18'000, 300);
  world.board.store(
      1, BoardWord{.value = 0, .ttl_limit_seconds = 9, .other = 200, .other_percent = 100});
  EXPECT_THAT(world.answer(group), ElementsAre(10)) << "no such member: the most preferred";
}

TEST(Failover, PrimaryWhileHealthyElseSecondaryIfHealthyBothUnhealthyThePrimary) {
  for (const Health primary : kAllHealth) {
    for (const Health secondary : kAllHealth) {
      World world;
      world.board.store(0, BoardWord::of(primary, 4));
      world.board.store(1, BoardWord::of(secondary, 6));
      const bool to_secondary = primary == Health::kUnhealthy && secondary != Health::kUnhealthy;
      const auto both =
          world.policies.add(PolicyKind::kFailover, std::vector{leaf(0, 0), leaf(1, 1)});
      EXPECT_THAT(world.answer(both), ElementsAre(to_secondary ? 1 : 0));
      EXPECT_EQ(world.choose(both).ttl_limit_seconds, 4U);
    }
  }
}

TEST(Failover, ASecondaryWithoutACheckIsUsedEvenIfDead) {
  World world;
  const auto group = world.policies.add(PolicyKind::kFailover, std::vector{leaf(0, 0), leaf(1)});
  world.fail_check(0);
  EXPECT_THAT(world.answer(group), ElementsAre(1));
}

TEST(Failover, APrimaryWithoutACheckIsAlwaysHealthy) {
  World world;
  const auto group = world.policies.add(PolicyKind::kFailover, std::vector{leaf(0), leaf(1, 1)});
  EXPECT_THAT(world.answer(group), ElementsAre(0));
}

TEST(Failover, AloneItAnswersWhateverItsHealth) {
  World world;
  const auto group = world.policies.add(PolicyKind::kFailover, std::vector{leaf(3, 0)});
  world.fail_check(0);
  EXPECT_THAT(world.answer(group), ElementsAre(3));
}

TEST(Weighted, SharesFollowTheWeights) {
  World world;
  const auto group = world.policies.add(
      PolicyKind::kWeighted, std::vector{leaf(0, 0, 10), leaf(1, 1, 30), leaf(2, 2, 60)});
  const auto shares = world.shares(group);
  // 20,000 draws; five standard deviations of a binomial are below 350.
  EXPECT_NEAR(shares.at(0), 2000, 350);
  EXPECT_NEAR(shares.at(1), 6000, 350);
  EXPECT_NEAR(shares.at(2), 12'000, 350);
}

TEST(Weighted, UnhealthyRecordsAreLeftOutAndTheOthersKeepTheirProportions) {
  World world;
  const auto group = world.policies.add(
      PolicyKind::kWeighted, std::vector{leaf(0, 0, 10), leaf(1, 1, 30), leaf(2, 2, 60)});
  world.fail_check(2);
  const auto shares = world.shares(group);
  EXPECT_NEAR(shares.at(0), 5000, 350);
  EXPECT_NEAR(shares.at(1), 15'000, 350);
  EXPECT_FALSE(shares.contains(2));
}

TEST(Weighted, ZeroWeightsAreConsideredOnlyWhenEveryNonzeroOneIsUnhealthy) {
  World world;
  const auto group =
      world.policies.add(PolicyKind::kWeighted, std::vector{leaf(0, 0, 1), leaf(1, 1, 0)});
  EXPECT_EQ(world.shares(group, 2000).size(), 1U);
  world.fail_check(0);
  EXPECT_THAT(world.answer(group), ElementsAre(1));
  world.fail_check(1);
  EXPECT_THAT(world.answer(group), ElementsAre(0)) << "none healthy: all are, nonzero first";
}

TEST(Weighted, AllWeightsZeroGiveEqualChances) {
  World world;
  const auto group =
      world.policies.add(PolicyKind::kWeighted, std::vector{leaf(0, 0, 0), leaf(1, 1, 0)});
  const auto shares = world.shares(group);
  EXPECT_NEAR(shares.at(0), 10'000, 360);
}

TEST(Weighted, IfNoRecordOfAGroupIsHealthyAllAreTreatedAsHealthy) {
  World world;
  const auto group =
      world.policies.add(PolicyKind::kWeighted, std::vector{leaf(0, 0, 50), leaf(1, 1, 50)});
  world.fail_check(0);
  world.fail_check(1);
  EXPECT_EQ(world.shares(group, 2000).size(), 2U);
}

struct Latency : testing::Test {
  Latency() {
    world.policies.regions = {GeoPoint{48.9F, 2.4F}, GeoPoint{50.1F, 8.7F}, std::nullopt};
    group = world.policies.add(PolicyKind::kLatency,
                               std::vector{leaf(0, 0, 0), leaf(1, 1, 1), leaf(2, 2, 2)});
  }
  World world;
  std::uint32_t group;
};

TEST_F(Latency, TheRegionWithTheLowestLatencyAnswers) {
  world.place.point = GeoPoint{45.8F, 4.8F};  // Lyon: Paris is nearer than Frankfurt
  EXPECT_THAT(world.answer(group), ElementsAre(0));
  world.place.point = GeoPoint{52.5F, 13.4F};  // Berlin
  EXPECT_THAT(world.answer(group), ElementsAre(1));
}

TEST_F(Latency, AnUnhealthyRegionIsPassedOverForTheNextBest) {
  world.place.point = GeoPoint{45.8F, 4.8F};
  world.fail_check(0);
  EXPECT_THAT(world.answer(group), ElementsAre(1));
  world.fail_check(1);
  world.fail_check(2);
  EXPECT_THAT(world.answer(group), ElementsAre(0)) << "none is healthy: the best";
}

TEST_F(Latency, WhatWasMeasuredCountsMoreThanDistance) {
  world.place.point = GeoPoint{45.8F, 4.8F};
  const std::vector<PrefixMap::Entry> rows{{*parse_network("192.0.2.0/24"), 0}};
  world.policies.latency = {
      PrefixMap(rows), 3, {30.0F, std::numeric_limits<float>::quiet_NaN(), 2.0F}};
  EXPECT_THAT(world.answer(group), ElementsAre(2));
  EXPECT_EQ(world.choose(group).scope_bits, 24);
  world.fail_check(2);
  EXPECT_THAT(world.answer(group), ElementsAre(1)) << "by distance: 8 ms";
  world.network = *parse_network("198.51.100.1");
  EXPECT_THAT(world.answer(group), ElementsAre(0)) << "not measured from there";
}

TEST_F(Latency, AClientWhoseWhereaboutsAreUnknownGetsTheFirst) {
  EXPECT_THAT(world.answer(group), ElementsAre(0));
}

struct Geolocation : testing::Test {
  Geolocation() {
    group = world.policies.add(
        PolicyKind::kGeolocation,
        std::vector{leaf(0, 0, kEverywhere), leaf(1, 1, continent_key("NA")),
                    leaf(2, 2, country_key("US")), leaf(3, 3, subdivision_key("US", "CA"))});
    world.place = {.continent = continent_key("NA"),
                   .country = country_key("US"),
                   .subdivision = subdivision_key("US", "CA"),
                   .point = {},
                   .scope_bits = 20};
  }
  World world;
  std::uint32_t group;
};

TEST_F(Geolocation, PriorityGoesToTheSmallestGeographicRegion) {
  EXPECT_THAT(world.answer(group), ElementsAre(3));
  world.place.subdivision = subdivision_key("US", "NY");
  EXPECT_THAT(world.answer(group), ElementsAre(2));
  world.place.country = country_key("MX");
  world.place.subdivision = kNoPlace;
  EXPECT_THAT(world.answer(group), ElementsAre(1));
  world.place = {.continent = continent_key("EU"),
                 .country = country_key("FR"),
                 .subdivision = kNoPlace,
                 .point = {},
                 .scope_bits = 16};
  EXPECT_THAT(world.answer(group), ElementsAre(0));
  EXPECT_EQ(world.choose(group).scope_bits, 16);
}

TEST_F(Geolocation, AnUnhealthyRecordGivesWayToTheNextLargerRegion) {
  world.fail_check(3);
  EXPECT_THAT(world.answer(group), ElementsAre(2));
  world.fail_check(2);
  EXPECT_THAT(world.answer(group), ElementsAre(1));
  world.fail_check(1);
  EXPECT_THAT(world.answer(group), ElementsAre(0));
  world.fail_check(0);
  EXPECT_THAT(world.answer(group), ElementsAre(3)) << "none is healthy: all are";
}

TEST_F(Geolocation, WithoutADefaultAndWithoutAMatchThereIsNoAnswer) {
  const auto strict = world.policies.add(PolicyKind::kGeolocation,
                                         std::vector{leaf(7, kNoIndex, country_key("FR"))});
  EXPECT_THAT(world.answer(strict), IsEmpty());
}

TEST_F(Geolocation, AnAddressThatIsNotMappedGetsTheDefault) {
  world.place = {};
  EXPECT_THAT(world.answer(group), ElementsAre(0));
}

TEST(PlaceKey, CountriesOfTheSameLettersAsAContinentAreOthers) {
  EXPECT_NE(continent_key("AS"), country_key("AS"));  // Asia, American Samoa
  EXPECT_NE(subdivision_key("US", "CA"), country_key("CA"));
  EXPECT_EQ(country_key("fr"), country_key("FR"));
  EXPECT_EQ(country_key("FRA"), kNoPlace);
  EXPECT_EQ(subdivision_key("UA", "30"), subdivision_key("ua", "30"));
}

TEST(Geoproximity, TheNearestAnswersAndABiasGrowsOrShrinksItsRegion) {
  World world;
  world.place.point = GeoPoint{0, 40};
  world.policies.sites = {
      {GeoPoint{0, 0}, 0}, {GeoPoint{0, 100}, 0}, {GeoPoint{0, 100}, 50}, {GeoPoint{0, 0}, -50}};
  const auto plain =
      world.policies.add(PolicyKind::kGeoproximity, std::vector{leaf(0, 0, 0), leaf(1, 1, 1)});
  EXPECT_THAT(world.answer(plain), ElementsAre(0)) << "40 degrees against 60";
  const auto grown =
      world.policies.add(PolicyKind::kGeoproximity, std::vector{leaf(0, 0, 0), leaf(1, 1, 2)});
  EXPECT_THAT(world.answer(grown), ElementsAre(1)) << "60 degrees count as 30";
  const auto shrunk =
      world.policies.add(PolicyKind::kGeoproximity, std::vector{leaf(0, 0, 3), leaf(1, 1, 1)});
  EXPECT_THAT(world.answer(shrunk), ElementsAre(1)) << "40 degrees count as 80";
  world.fail_check(1);
  EXPECT_THAT(world.answer(shrunk), ElementsAre(0));
}

struct Cidr : testing::Test {
  Cidr() {
    const std::vector<PrefixMap::Entry> blocks{{*parse_network("192.0.2.0/24"), 0},
                                               {*parse_network("192.0.2.128/25"), 1},
                                               {*parse_network("2001:db8::/32"), 1}};
    world.policies.cidrs.emplace_back(blocks);
    group = world.policies.add(PolicyKind::kCidr,
                               std::vector{leaf(0, 0, 0), leaf(1, 1, 1), leaf(2, 2, kCidrDefault)},
                               0, 0);
  }
  World world;
  std::uint32_t group;
};

TEST_F(Cidr, TheLongestMatchingBlockDecides) {
  EXPECT_THAT(world.answer(group), ElementsAre(0));
  EXPECT_EQ(world.choose(group).scope_bits, 25) << "the other half of the /24 is elsewhere";
  world.network = *parse_network("192.0.2.200");
  EXPECT_THAT(world.answer(group), ElementsAre(1));
  world.network = *parse_network("2001:db8::1");
  EXPECT_THAT(world.answer(group), ElementsAre(1));
}

TEST_F(Cidr, OthersGoToTheDefaultLocation) {
  world.network = *parse_network("198.51.100.1");
  EXPECT_THAT(world.answer(group), ElementsAre(2));
  world.network = {};
  EXPECT_THAT(world.answer(group), ElementsAre(2));
}

TEST_F(Cidr, AnUnhealthyLocationFallsBackToTheDefault) {
  world.fail_check(0);
  EXPECT_THAT(world.answer(group), ElementsAre(2));
  world.fail_check(2);
  EXPECT_THAT(world.answer(group), ElementsAre(0));
}

TEST_F(Cidr, WithoutADefaultOthersGetNoAnswer) {
  const auto strict = world.policies.add(PolicyKind::kCidr, std::vector{leaf(0, 0, 0)}, 0, 0);
  world.network = *parse_network("198.51.100.1");
  EXPECT_THAT(world.answer(strict), IsEmpty());
}

// ---- aliases and trees ----

TEST(Alias, WithEvaluateTargetHealthIsHealthyWhileAtLeastOneRecordOfItsTargetIs) {
  World world;
  const auto target =
      world.policies.add(PolicyKind::kWeighted, std::vector{leaf(0, 0, 1), leaf(1, 1, 1)});
  const auto group =
      world.policies.add(PolicyKind::kFailover, std::vector{alias(target, true), leaf(9)});
  world.fail_check(0);
  EXPECT_THAT(world.answer(group), ElementsAre(1));
  world.fail_check(1);
  EXPECT_THAT(world.answer(group), ElementsAre(9)) << "a branch all unhealthy is backed out of";
}

TEST(Alias, WithoutEvaluateTargetHealthItStaysInTheBranch) {
  World world;
  const auto target = world.policies.add(PolicyKind::kWeighted, std::vector{leaf(0, 0, 1)});
  const auto group =
      world.policies.add(PolicyKind::kFailover, std::vector{alias(target, false), leaf(9)});
  world.fail_check(0);
  EXPECT_THAT(world.answer(group), ElementsAre(0));
}

TEST(Alias, AHealthCheckOnTheAliasItselfMustPassAsWell) {
  World world;
  const auto target = world.policies.add(PolicyKind::kWeighted, std::vector{leaf(0, 0, 1)});
  const auto group =
      world.policies.add(PolicyKind::kFailover, std::vector{alias(target, true, 0, 5), leaf(9)});
  EXPECT_THAT(world.answer(group), ElementsAre(0));
  world.fail_check(5);
  EXPECT_THAT(world.answer(group), ElementsAre(9));
}

TEST(Alias, ATargetWithoutChecksIsAlwaysHealthy) {
  World world;
  const auto target = world.policies.add(PolicyKind::kSimple, std::vector{leaf(4)});
  const auto group =
      world.policies.add(PolicyKind::kFailover, std::vector{alias(target, true), leaf(9)});
  EXPECT_THAT(world.answer(group), ElementsAre(4));
}

// "Complex configurations": latency aliases over weighted records over health checks.
TEST(Tree, LatencyOverWeightedBacksOutOfADeadRegion) {
  World world;
  world.policies.regions = {GeoPoint{48.9F, 2.4F}, GeoPoint{50.1F, 8.7F}};
  world.place.point = GeoPoint{48.0F, 2.0F};
  const auto paris =
      world.policies.add(PolicyKind::kWeighted, std::vector{leaf(0, 0, 10), leaf(1, 1, 10)});
  const auto frankfurt =
      world.policies.add(PolicyKind::kWeighted, std::vector{leaf(2, 2, 10), leaf(3, 3, 10)});
  const auto top = world.policies.add(
      PolicyKind::kLatency, std::vector{alias(paris, true, 0), alias(frankfurt, true, 1)});
  EXPECT_EQ(world.shares(top, 500).size(), 2U);
  world.fail_check(0);
  EXPECT_THAT(world.answer(top), ElementsAre(1));
  world.fail_check(1);
  const auto elsewhere = world.shares(top, 500);
  EXPECT_TRUE(elsewhere.contains(2) && elsewhere.contains(3) && elsewhere.size() == 2);
  world.fail_check(2);
  world.fail_check(3);
  const auto all_dead = world.shares(top, 500);
  EXPECT_TRUE(all_dead.contains(0) && all_dead.contains(1) && all_dead.size() == 2)
      << "none is healthy: the policies choose as if all were";
}

TEST(Tree, IsWalkedToAnyDepth) {
  World world;
  std::uint32_t group = world.policies.add(PolicyKind::kSimple, std::vector{leaf(42, 0)});
  for (std::size_t depth = 1; depth < kDepthMax; ++depth) {
    group = world.policies.add(PolicyKind::kSimple, std::vector{alias(group, true)});
  }
  EXPECT_THAT(world.answer(group), ElementsAre(42));
  EXPECT_TRUE(is_healthy(world.policies, group, world.board));
  world.fail_check(0);
  EXPECT_FALSE(is_healthy(world.policies, group, world.board));
  EXPECT_THAT(world.answer(group), ElementsAre(42));
}

TEST(Tree, TheTtlIsLimitedByEveryWordThatWasAsked) {
  World world;
  world.board.store(0, BoardWord::of(Health::kUnhealthy, 20));
  world.board.store(1, BoardWord::of(Health::kHealthy, 3));
  const auto target =
      world.policies.add(PolicyKind::kFailover, std::vector{leaf(0, 0), leaf(1, 1)});
  const auto top = world.policies.add(PolicyKind::kSimple, std::vector{alias(target, true)});
  EXPECT_EQ(world.choose(top).ttl_limit_seconds, 3U);
}

// ---- multivalue ----

// The twin: what the documentation says, said slowly.
struct Expected {
  std::set<std::uint32_t> allowed;
  std::size_t count;
};
Expected slow_multivalue(const std::vector<Member>& members, const HealthBoard& board) {
  std::set<std::uint32_t> healthy;
  std::set<std::uint32_t> all;
  for (const Member& member : members) {
    all.insert(member.leaf);
    if (member.check == kNoIndex || board.load(member.check).health() != Health::kUnhealthy) {
      healthy.insert(member.leaf);
    }
  }
  const auto& allowed = healthy.empty() ? all : healthy;
  return {allowed, std::min<std::size_t>(8, allowed.size())};
}

TEST(Multivalue, UpToEightHealthyRecordsNoneHealthyUpToEightUnhealthyOnes) {
  Rng rng(20261123);
  for (int round = 0; round < 10'000; ++round) {
    World world;
    for (BoardSlot slot = 0; slot < 12; ++slot) {
      world.board.store(slot, BoardWord::of(kAllHealth[rng.below(3)]));
    }
    std::vector<Member> members;
    const std::uint64_t count = 1 + rng.below(20);
    const bool checked = rng.below(4) != 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      members.push_back(leaf(i, checked ? static_cast<BoardSlot>(rng.below(12)) : kNoIndex));
    }
    const auto group = world.policies.add(PolicyKind::kMultivalue, members);
    const Expected expected = slow_multivalue(members, world.board);
    const auto leaves = world.answer(group, rng.next());
    const std::set<std::uint32_t> distinct(leaves.begin(), leaves.end());
    ASSERT_EQ(leaves.size(), expected.count);
    ASSERT_EQ(distinct.size(), expected.count);
    ASSERT_TRUE(std::ranges::includes(expected.allowed, distinct));
  }
}

// 20 members, 8 chosen: each 40 % of the time, and first 5 % of the time. 40,000 draws of a
// binomial stay within five standard deviations.
TEST(Multivalue, WithFewerHealthyChecksThanTheLeastAllAnswer) {
  World world;
  const std::vector members{leaf(0, 0), leaf(1, 0), leaf(2, 1), leaf(3, 2)};  // three regions
  const auto group = world.policies.add(PolicyKind::kMultivalue, members, 0, 2);
  world.fail_check(0);
  EXPECT_THAT(world.answer(group), testing::UnorderedElementsAre(2, 3)) << "two regions are enough";
  world.fail_check(1);
  EXPECT_THAT(world.answer(group), testing::UnorderedElementsAre(0, 1, 2, 3)) << "one is not";
  world.heal(0);
  EXPECT_THAT(world.answer(group), testing::UnorderedElementsAre(0, 1, 3));
}

TEST(Multivalue, IsFair) {
  World world;
  std::vector<Member> members;
  for (std::uint32_t i = 0; i < 20; ++i) {
    members.push_back(leaf(i));
  }
  const auto group = world.policies.add(PolicyKind::kMultivalue, members);
  Rng rng(5);
  std::vector<int> times(20);
  std::vector<int> first(20);
  constexpr int kDraws = 40'000;
  for (int i = 0; i < kDraws; ++i) {
    const auto leaves = world.answer(group, rng.next());
    ++first[leaves[0]];
    for (const std::uint32_t each : leaves) {
      ++times[each];
    }
  }
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_NEAR(times[i], kDraws * 0.4, 5 * 98);
    EXPECT_NEAR(first[i], kDraws * 0.05, 5 * 44);
  }
}

TEST(Policy, TtlIsLimitedButNeverBelowTheFloor) {
  EXPECT_EQ(effective_ttl(60, BoardWord::kNoTtlLimit, 5), 60U);
  EXPECT_EQ(effective_ttl(60, 20, 5), 20U);
  EXPECT_EQ(effective_ttl(60, 5, 5), 5U);
  EXPECT_EQ(effective_ttl(60, 4, 5), 5U);
  EXPECT_EQ(effective_ttl(60, 0, 0), 0U);
  EXPECT_EQ(effective_ttl(3, 0, 5), 3U) << "a floor above the record's TTL does not raise it";
}

TEST(BoardLayout, OneWordPerApplicationAndCheckInOrder) {
  Application shop;
  shop.id = ApplicationId("shop");
  shop.regions.resize(2);
  shop.regions[0].check.id = HealthCheckId("shop/GRA11");
  shop.regions[1].check.id = HealthCheckId("shop/RBX-A");
  Application blog = shop;
  blog.id = ApplicationId("blog");
  blog.regions[0].check.id = HealthCheckId("blog/GRA11");
  blog.regions[1].check.id = HealthCheckId("blog/RBX-A");
  const std::vector<Application> applications{shop, blog};
  const BoardLayout layout(applications);
  ASSERT_EQ(layout.size(), 6U);
  EXPECT_EQ(layout.application(ApplicationId("shop")), 0U);
  EXPECT_EQ(layout.check(HealthCheckId("shop/RBX-A")), 2U);
  EXPECT_EQ(layout.application(ApplicationId("blog")), 3U);
  EXPECT_EQ(layout.name(5), "check blog/RBX-A");
  EXPECT_EQ(layout.application(ApplicationId("none")), std::nullopt);
  EXPECT_EQ(layout.check(HealthCheckId("shop")), std::nullopt);
  EXPECT_EQ(layout, BoardLayout(applications));
}

}  // namespace
}  // namespace leeward::routing
