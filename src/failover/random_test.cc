// SPDX-License-Identifier: Apache-2.0
//
// Seeded histories of everything that can happen: invariants after every step, liveness once things
// are stable, the same story for the same seed, and a journal that replays.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "failover/test_world.h"

namespace leeward::failover {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RegionId region_of(std::uint64_t index) {
  return RegionId(std::string(1, "ABC"[index]));
}

Policy random_policy(Rng& rng, const char* id) {
  Policy policy;
  policy.id = ApplicationId(id);
  const auto count = 2 + rng.below(2);
  const auto first = rng.below(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    policy.regions.push_back(region_of((first + i) % 3));
  }
  policy.failover.confirm_window = milliseconds(500 * rng.below(3));
  policy.failover.hold_down = seconds(10 * rng.below(3));
  policy.failover.quorum_required = 1 + static_cast<int>(rng.below(3));
  policy.failover.failback = rng.below(2) == 0 ? Failback::kManual : Failback::kAutomatic;
  policy.failover.failback_after = seconds(5);
  policy.failover.fencing.mode = static_cast<FencingMode>(rng.below(3));
  policy.replicated = rng.below(2) == 0;
  policy.failover.lockout.moves = static_cast<int>(rng.below(4));
  policy.failover.lockout.within = seconds(30);
  policy.failover.velocity = {rng.below(2) == 0 ? 100 : 50, seconds(20)};
  if (rng.below(2) == 0) {
    policy.failover.gradual_failback = {{10, 50}, seconds(2)};
  }
  policy.demand = static_cast<int>(rng.below(3));
  if (rng.below(3) == 0) {
    policy.capacities.assign(count, 2);
  }
  return policy;
}

void disturb(TestWorld& world, Rng& rng) {
  const ApplicationId id(rng.below(2) == 0 ? "shop" : "mail");
  const RegionId region = region_of(rng.below(3));
  switch (rng.below(18)) {
    case 0:
    case 1:
    case 2:
      world.set_status(id, region, Health::kHealthy);
      break;
    case 3:
    case 4:
      world.set_status(id, region, Health::kUnhealthy, static_cast<int>(rng.below(4)));
      break;
    case 5:
      world.set_status(id, region, Health::kUnknown);
      break;
    case 6: {
      MoveCommand command{static_cast<MoveKind>(rng.below(5)),
                          id,
                          region,
                          rng.below(4) == 0,
                          std::nullopt,
                          "ann",
                          ""};
      world.move(std::move(command));
      break;
    }
    case 7:
      world.set_store(static_cast<StoreMood>(rng.below(4)), region);
      break;
    case 8:
      world.restart();
      break;
    case 9:
      if (rng.below(4) == 0) {
        world.remove(id);
      } else {
        world.define(random_policy(rng, id.str().c_str()));
      }
      break;
    case 10:
      world.set_fence_reachable(region, rng.below(2) == 0);
      break;
    case 11:
      world.set_drain_works(rng.below(2) == 0);
      break;
    case 12:
      world.standing(static_cast<StandingChange>(rng.below(3)), id);
      break;
    default:
      world.advance(milliseconds(rng.below(20'000)));
  }
}

std::string live(std::uint64_t seed, std::string* journal = nullptr) {
  Rng rng(seed);
  TestWorld world;
  world.define(random_policy(rng, "shop"));
  world.define(random_policy(rng, "mail"));
  for (int i = 0; i < 40 && world.broken().empty(); ++i) {
    disturb(world, rng);
  }
  EXPECT_EQ(world.broken(), "") << "seed " << seed << "\n" << world.story();
  // Calm: the store works, shop's active region is dead, everything else is healthy.
  world.set_store(StoreMood::kTakes);
  for (std::uint64_t i = 0; i < 3; ++i) {
    world.set_fence_reachable(region_of(i), true);
  }
  world.set_drain_works(true);
  world.restart();
  const ApplicationId shop("shop");
  for (const char* id : {"shop", "mail"}) {  // nobody stands in the way any more
    Policy policy = random_policy(rng, id);
    policy.failover.velocity = {};
    policy.capacities.clear();
    world.define(policy);
    world.standing(StandingChange::kRelease, policy.id);
    world.standing(StandingChange::kAcknowledge, policy.id);
  }
  const RegionId dead = world.find(shop)->assignment.region;
  for (const RegionId& region : world.find(shop)->policy.regions) {
    world.set_status(shop, region, region == dead ? Health::kUnhealthy : Health::kHealthy);
  }
  for (const RegionId& region : world.find(ApplicationId("mail"))->policy.regions) {
    world.set_status(ApplicationId("mail"), region, Health::kHealthy);
  }
  world.advance(seconds(60));
  EXPECT_EQ(world.broken(), "") << "seed " << seed << "\n" << world.story();
  EXPECT_NE(world.find(shop)->assignment.region, dead) << "seed " << seed << "\n" << world.story();
  const ApplicationState& calm = *world.find(shop);
  EXPECT_EQ(calm.grant.has_value(), calm.policy.failover.fencing.mode != FencingMode::kNone);
  EXPECT_TRUE(!calm.grant || (calm.grant->granted && calm.grant->to == calm.assignment))
      << "seed " << seed << ": nobody may write\n"
      << world.story();
  if (journal != nullptr) {
    *journal = world.journal();
  }
  return world.story();
}

TEST(Random, HoldsItsInvariantsAndLeavesADeadRegion) {
  for (std::uint64_t seed = 1; seed <= 800 && !HasFailure(); ++seed) {
    (void)live(seed);
  }
}

TEST(Random, IsDeterministicAndReplays) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    std::string journal;
    const std::string story = live(seed, &journal);
    ASSERT_EQ(story, live(seed)) << "seed " << seed;
    const auto report = replay(journal);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_FALSE(report->divergence) << *report->divergence;
    EXPECT_TRUE(report->breaks.empty()) << report->breaks.front();
    EXPECT_GT(report->decisions, 0U);
  }
}

TEST(Journal, FindsWhatWasAltered) {
  std::string journal;
  (void)live(7, &journal);
  const auto at = journal.find("automatic-enabled");
  ASSERT_NE(at, std::string::npos);
  std::string altered = journal;
  altered[at] = 'A';
  const auto report = replay(altered);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->faithful());
  const auto torn = replay(journal + "{\"sequence\":");
  ASSERT_FALSE(torn);
  EXPECT_TRUE(torn.error().message.starts_with("line ")) << torn.error().message;
}

}  // namespace
}  // namespace leeward::failover
