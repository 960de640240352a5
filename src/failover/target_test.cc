// SPDX-License-Identifier: Apache-2.0
//
// The choice of a target against a slow twin, and the page that explains a decision.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "failover/explain.h"
#include "failover/guards.h"
#include "failover/test_world.h"

namespace leeward::failover {
namespace {

TEST(Target, IsTheMostPreferredHealthyRegionThatIsNotActive) {
  const std::vector<RegionId> regions{RegionId("A"), RegionId("B"), RegionId("C")};
  for (unsigned code = 0; code < 27 * 3; ++code) {  // every health of three regions, every active
    ApplicationState application;
    application.policy.regions = regions;
    application.statuses.resize(3);
    std::vector<std::size_t> candidates;
    unsigned rest = code / 3;
    for (std::size_t i = 0; i < 3; ++i, rest /= 3) {
      application.statuses[i].health = static_cast<Health>(rest % 3);
      if (application.statuses[i].health == Health::kHealthy && i != code % 3) {
        candidates.push_back(i);
      }
    }
    application.assignment = {regions[code % 3], 1};
    const auto target = best_target(application, {});
    ASSERT_EQ(target.has_value(), !candidates.empty()) << code;
    if (target) {
      EXPECT_EQ(*target, candidates.front()) << code;
    }
  }
}

TEST(Target, HasRoom) {
  ApplicationState application;
  application.policy.regions = {RegionId("A"), RegionId("B"), RegionId("C")};
  application.policy.demand = 3;
  application.policy.capacities = {0, 10, 10};
  application.statuses.resize(3);
  application.statuses[1].health = application.statuses[2].health = Health::kHealthy;
  application.assignment = {RegionId("A"), 1};
  Elsewhere elsewhere;
  elsewhere.demands = {{RegionId("B"), 7}, {RegionId("C"), 7}};
  EXPECT_EQ(best_target(application, elsewhere), 1U) << "exactly enough is enough";
  elsewhere.demands[0].demand = 8;
  EXPECT_EQ(best_target(application, elsewhere), 2U) << "B is full";
  elsewhere.demands[1].demand = 8;
  EXPECT_EQ(best_target(application, elsewhere), 1U) << "the refusal is to name the preferred one";
}

TEST(Explain, NamesRegionsVotesAndGuards) {
  TestWorld world;
  const ApplicationId shop("shop");
  Policy policy;
  policy.id = shop;
  policy.regions = {RegionId("GRA11"), RegionId("RBX-A")};
  world.define(policy);
  world.set_status(shop, RegionId("RBX-A"), Health::kHealthy);
  world.set_status(shop, RegionId("GRA11"), Health::kUnhealthy);
  const auto& decision = world.find(shop)->last_decision;
  ASSERT_TRUE(decision);
  const std::string page = explain(*decision);
  for (const char* word : {"shop", "GRA11", "RBX-A", "node-0", "hold-down", "replication-lag"}) {
    EXPECT_THAT(page, testing::HasSubstr(word));
  }
}

}  // namespace
}  // namespace leeward::failover
