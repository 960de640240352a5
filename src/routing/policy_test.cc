// SPDX-License-Identifier: Apache-2.0
#include "routing/policy.h"

#include <algorithm>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "routing/board_layout.h"

namespace leeward::routing {
namespace {

constexpr Health kAllHealth[] = {Health::kUnknown, Health::kHealthy, Health::kUnhealthy};

Policy assigned(BoardSlot slot, std::uint32_t members) {
  return {Assigned{slot, members}, 0};
}

std::vector<int> chosen(const Choice& choice) {
  return {choice.members.begin(), choice.members.begin() + choice.count};
}

TEST(Policy, SimpleIsAlwaysItsOnlyMember) {
  const Choice choice = evaluate({Simple{}, 0}, HealthBoard(0), 7);
  EXPECT_EQ(chosen(choice), std::vector<int>{0});
  EXPECT_EQ(choice.ttl_limit_seconds, BoardWord::kNoTtlLimit);
}

TEST(Policy, AssignedFollowsItsWordAndFallsBackToTheMostPreferred) {
  HealthBoard board(2);
  for (int value = 0; value < 256; ++value) {
    board.store(1, BoardWord::of_region_index(static_cast<std::uint8_t>(value), 9));
    const Choice choice = evaluate(assigned(1, 3), board, 0);
    EXPECT_EQ(chosen(choice), std::vector<int>{value < 3 ? value : 0}) << value;
    EXPECT_EQ(choice.ttl_limit_seconds, 9U);
  }
}

// Route 53's table: the primary while healthy, else a healthy secondary, else the primary.
TEST(Policy, FailoverOfEveryCombination) {
  for (const Health primary : kAllHealth) {
    for (const Health secondary : kAllHealth) {
      HealthBoard board(2);
      board.store(0, BoardWord::of(primary, 4));
      board.store(1, BoardWord::of(secondary, 6));
      const bool to_secondary = primary == Health::kUnhealthy && secondary != Health::kUnhealthy;
      EXPECT_EQ(chosen(evaluate({Failover{0, 1}, 0}, board, 0)),
                std::vector<int>{to_secondary ? 1 : 0});
      EXPECT_EQ(evaluate({Failover{0, 1}, 0}, board, 0).ttl_limit_seconds, 4U);
      // Without a check a member is always healthy: a dead secondary is used, too.
      EXPECT_EQ(chosen(evaluate({Failover{0, std::nullopt}, 0}, board, 0)),
                std::vector<int>{primary == Health::kUnhealthy ? 1 : 0});
      EXPECT_EQ(chosen(evaluate({Failover{std::nullopt, 1}, 0}, board, 0)), std::vector<int>{0});
    }
  }
}

// The twin: what the documentation says, said slowly.
struct Expected {
  std::set<int> allowed;
  std::size_t count;
  std::uint32_t ttl_limit;
};
Expected slow_multivalue(const Multivalue& policy, const HealthBoard& board) {
  std::set<int> healthy;
  std::set<int> all;
  std::uint32_t ttl = BoardWord::kNoTtlLimit;
  for (std::size_t i = 0; i < policy.members.size(); ++i) {
    all.insert(static_cast<int>(i));
    if (policy.members[i]) {
      ttl = std::min(ttl, board.load(*policy.members[i]).ttl_limit_seconds);
    }
    if (!policy.members[i] || board.load(*policy.members[i]).health() != Health::kUnhealthy) {
      healthy.insert(static_cast<int>(i));
    }
  }
  const std::set<int>& allowed = healthy.empty() ? all : healthy;
  return {allowed, std::min<std::size_t>(8, allowed.size()), ttl};
}

TEST(Policy, MultivalueAgreesWithItsTwin) {
  Rng rng(20261123);
  for (int round = 0; round < 20'000; ++round) {
    HealthBoard board(12);
    for (BoardSlot slot = 0; slot < 12; ++slot) {
      board.store(slot, BoardWord::of(kAllHealth[rng.below(3)],
                                      static_cast<std::uint32_t>(rng.below(100))));
    }
    Multivalue policy;
    const std::uint64_t members = 1 + rng.below(20);
    const std::uint64_t checked = rng.below(4);
    for (std::uint64_t i = 0; i < members; ++i) {
      policy.members.push_back(checked != 0 ? MemberCheck(static_cast<BoardSlot>(rng.below(12)))
                                            : MemberCheck());
    }
    const Expected expected = slow_multivalue(policy, board);
    const Choice choice = evaluate({policy, 0}, board, rng.next());
    const std::vector<int> members_chosen = chosen(choice);
    const std::set<int> distinct(members_chosen.begin(), members_chosen.end());
    ASSERT_EQ(members_chosen.size(), expected.count);
    ASSERT_EQ(distinct.size(), expected.count);
    ASSERT_TRUE(std::ranges::includes(expected.allowed, distinct));
    ASSERT_EQ(choice.ttl_limit_seconds, expected.ttl_limit);
  }
}

// 20 members, 8 chosen: each 40 % of the time, and first 5 % of the time. 40,000 draws of a
// binomial stay within five standard deviations.
TEST(Policy, MultivalueIsFair) {
  const Policy policy{Multivalue{std::vector<MemberCheck>(20)}, 0};
  const HealthBoard board(0);
  Rng rng(5);
  std::vector<int> times(20);
  std::vector<int> first(20);
  constexpr int kDraws = 40'000;
  for (int i = 0; i < kDraws; ++i) {
    const std::vector<int> members = chosen(evaluate(policy, board, rng.next()));
    ++first[static_cast<std::size_t>(members[0])];
    for (const int member : members) {
      ++times[static_cast<std::size_t>(member)];
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
