// SPDX-License-Identifier: Apache-2.0
#include "detect/quorum.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace leeward::detect {
namespace {

using std::chrono::milliseconds;

constexpr Duration kTtl = milliseconds(1000);
constexpr MonoTime kNow = MonoTime(std::chrono::seconds(100));

Vote vote(const char* vantage, Health health, Duration age = {}) {
  return {.vantage = NodeId(vantage), .health = health, .at = kNow - age, .evidence = {}};
}

HealthStatus known(Health health) {
  HealthStatus status;
  status.health = health;
  status.since = kNow - std::chrono::seconds(50);
  return status;
}

TEST(Quorum, OneNodeDecidesAloneWhenOneIsRequired) {
  const std::vector<Vote> votes{vote("a", Health::kUnhealthy, milliseconds(300))};
  const HealthStatus status = status_of(votes, 1, kNow, kTtl, known(Health::kHealthy));
  EXPECT_EQ(status.health, Health::kUnhealthy);
  EXPECT_EQ(status.since, kNow);
  EXPECT_FALSE(status.suspect);
  EXPECT_EQ(status.time_to_flip, milliseconds(700));
  EXPECT_EQ(status.votes, votes);
}

TEST(Quorum, IsAbsoluteAndNeverOfThoseLeft) {
  // Two of two say dead; three are required.
  const std::vector<Vote> votes{vote("a", Health::kUnhealthy), vote("b", Health::kUnhealthy)};
  const HealthStatus status = status_of(votes, 3, kNow, kTtl, known(Health::kHealthy));
  EXPECT_EQ(status.health, Health::kHealthy);
  EXPECT_TRUE(status.suspect);
  EXPECT_EQ(status.time_to_flip, Duration::zero());
  EXPECT_EQ(status.since, known(Health::kHealthy).since);
}

TEST(Quorum, ExpiredAndUnknownVotesDoNotCount) {
  const std::vector<Vote> votes{vote("a", Health::kUnhealthy), vote("b", Health::kUnknown),
                                vote("c", Health::kUnhealthy, milliseconds(1001))};
  EXPECT_EQ(status_of(votes, 2, kNow, kTtl, known(Health::kHealthy)).health, Health::kHealthy);
  const std::vector<Vote> edge{vote("a", Health::kUnhealthy),
                               vote("c", Health::kUnhealthy, milliseconds(1000))};
  EXPECT_EQ(status_of(edge, 2, kNow, kTtl, known(Health::kHealthy)).health, Health::kUnhealthy);
}

TEST(Quorum, ANodeHasOneVoteItsNewest) {
  const std::vector<Vote> votes{vote("a", Health::kUnhealthy),
                                vote("a", Health::kHealthy, milliseconds(10)),
                                vote("a", Health::kUnhealthy, milliseconds(20))};
  EXPECT_EQ(status_of(votes, 2, kNow, kTtl, known(Health::kHealthy)).health, Health::kHealthy);
  // Withdrawn: an unknown verdict replaces the older vote.
  const std::vector<Vote> withdrawn{vote("a", Health::kUnhealthy, milliseconds(10)),
                                    vote("a", Health::kUnknown)};
  EXPECT_EQ(status_of(withdrawn, 1, kNow, kTtl, known(Health::kHealthy)).health, Health::kUnknown);
}

TEST(Quorum, NobodyWithAVoteIsUnknown) {
  const HealthStatus status = status_of({}, 1, kNow, kTtl, known(Health::kUnhealthy));
  EXPECT_EQ(status.health, Health::kUnknown);
  EXPECT_EQ(status.since, kNow);
  EXPECT_FALSE(status.suspect);
}

TEST(Quorum, UnhealthyWinsWhenBothHaveOneAndDissentIsMarked) {
  const std::vector<Vote> votes{vote("a", Health::kUnhealthy), vote("b", Health::kHealthy)};
  const HealthStatus status = status_of(votes, 1, kNow, kTtl, known(Health::kHealthy));
  EXPECT_EQ(status.health, Health::kUnhealthy);
  EXPECT_TRUE(status.suspect);
}

TEST(Quorum, LapsesWithItsRequiredthNewestVote) {
  const std::vector<Vote> votes{vote("a", Health::kHealthy, milliseconds(100)),
                                vote("b", Health::kHealthy, milliseconds(400)),
                                vote("c", Health::kHealthy, milliseconds(900))};
  EXPECT_EQ(status_of(votes, 2, kNow, kTtl, known(Health::kHealthy)).time_to_flip,
            milliseconds(600));
}

}  // namespace
}  // namespace leeward::detect
