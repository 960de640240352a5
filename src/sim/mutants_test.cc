// SPDX-License-Identifier: Apache-2.0
//
// The checkers can fail: each planted bug (base/mutant.h) breaks an invariant within a stated
// number of worlds, and without one nothing breaks. This test is built from sources of its own,
// with LEEWARD_MUTANTS; no other program has the bugs in it.
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/mutant.h"
#include "sim/swarm.h"
#include "sim/written_worlds.h"

namespace leeward::sim {
namespace {

struct Planted {
  Mutant mutant;
  const char* name;
  int worlds;  // within so many it has to be found
};

constexpr std::array kPlanted = {
    Planted{Mutant::kSkipFence, "skip-fence", 100},
    Planted{Mutant::kSkipLeaseWait, "skip-lease-wait", 100},
    Planted{Mutant::kShortLease, "short-lease", 100},
    Planted{Mutant::kStaleLagAccepted, "stale-lag-accepted", 100},
    Planted{Mutant::kQuorumOffByOne, "quorum-off-by-one", 100},
    Planted{Mutant::kNoConfirmWindow, "no-confirm-window", 100},
    Planted{Mutant::kNoHoldDown, "no-hold-down", 100},
    Planted{Mutant::kHoldForgotten, "hold-forgotten", 100},
    Planted{Mutant::kHoldNotDurable, "hold-not-durable", 100},
    Planted{Mutant::kLockoutForgotten, "lockout-forgotten", 100},
    Planted{Mutant::kDeadTarget, "dead-target", 100},
    Planted{Mutant::kEpochReused, "epoch-reused", 100},
    Planted{Mutant::kNoVelocity, "no-velocity", 100},
    Planted{Mutant::kNotBlindForgotten, "not-blind-forgotten", 100},
    Planted{Mutant::kRestartForgetsFence, "restart-forgets-fence", 100},
    Planted{Mutant::kDrainNotAwaited, "drain-not-awaited", 100},
    Planted{Mutant::kDrainFailedIgnored, "drain-failed-ignored", 100},
    Planted{Mutant::kSleepsThroughWindow, "sleeps-through-window", 100},
    Planted{Mutant::kRollbackForgotten, "rollback-forgotten", 100},
    Planted{Mutant::kNoRetry, "no-retry", 100},
    Planted{Mutant::kQuorumOfThoseLeft, "quorum-of-those-left", 100},
    Planted{Mutant::kStaleVotes, "stale-votes", 100},
    Planted{Mutant::kOldPlanApplied, "old-plan-applied", 100},
    Planted{Mutant::kOldPlanServed, "old-plan-served", 100},
    Planted{Mutant::kLeaderNeverSteps, "leader-never-steps", 100},
};

struct Kill {
  int world = 0;
  std::string where;
  std::string invariant;
};

// The worlds that somebody wrote, each under two seeds, then random ones.
std::optional<Kill> first_kill(Mutant mutant, int worlds) {
  active_mutant = mutant;
  int world = 0;
  std::optional<Kill> kill;
  const auto live = [&](const Scenario& scenario, std::uint64_t seed, const std::string& where) {
    const Outcome outcome = run(scenario, {.seed = seed, .journals = false, .trace = {}});
    ++world;
    if (outcome.violation) {
      kill = Kill{world, where, outcome.violation->invariant};
    }
  };
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    for (const auto& [name, scenario] : written_worlds()) {
      if (!kill && world < worlds) {
        live(scenario, seed, name);
      }
    }
  }
  for (std::uint64_t seed = 1; !kill && world < worlds; ++seed) {
    live(random_scenario(seed), seed, fmt::format("seed {}", seed));
  }
  active_mutant = Mutant::kNone;
  return kill;
}

class Planting : public testing::TestWithParam<Planted> {};

TEST_P(Planting, IsFound) {
  const auto kill = first_kill(GetParam().mutant, GetParam().worlds);
  ASSERT_TRUE(kill) << GetParam().name << " lived through " << GetParam().worlds << " worlds";
  fmt::print("{:<24} found by {} in world {} of at most {}: {}\n", GetParam().name, kill->invariant,
             kill->world, GetParam().worlds, kill->where);
}

INSTANTIATE_TEST_SUITE_P(Mutants, Planting, testing::ValuesIn(kPlanted), [](const auto& info) {
  std::string name = info.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(Mutants, WithoutOneNothingBreaks) {
  EXPECT_FALSE(first_kill(Mutant::kNone, 100));
}

TEST(Mutants, AllArePlanted) {
  EXPECT_EQ(kPlanted.size() + 1, static_cast<std::size_t>(Mutant::kCount));
}

}  // namespace
}  // namespace leeward::sim
