// SPDX-License-Identifier: Apache-2.0
//
// The checkers can fail: each planted bug (base/mutant.h) breaks an invariant within a stated
// number of worlds, and without one nothing breaks. This test is built from sources of its own,
// with LEEWARD_MUTANTS; no other program has the bugs in it.
#include <array>
#include <atomic>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "base/mutant.h"
#include "sim/swarm.h"

namespace leeward::sim {
namespace {

struct Planted {
  Mutant mutant;
  const char* name;
  std::uint64_t seeds;  // within so many it has to be found
};

constexpr std::array kPlanted = {
    Planted{Mutant::kSkipFence, "skip-fence", 100},
    Planted{Mutant::kSkipLeaseWait, "skip-lease-wait", 200},
    Planted{Mutant::kShortLease, "short-lease", 200},
    Planted{Mutant::kStaleLagAccepted, "stale-lag-accepted", 200},
    Planted{Mutant::kQuorumOffByOne, "quorum-off-by-one", 20},
    Planted{Mutant::kNoConfirmWindow, "no-confirm-window", 20},
    Planted{Mutant::kNoHoldDown, "no-hold-down", 100},
    Planted{Mutant::kHoldForgotten, "hold-forgotten", 100},
    Planted{Mutant::kHoldNotDurable, "hold-not-durable", 600},
    Planted{Mutant::kLockoutForgotten, "lockout-forgotten", 50},
    Planted{Mutant::kDeadTarget, "dead-target", 20},
    Planted{Mutant::kEpochReused, "epoch-reused", 5},
    Planted{Mutant::kNoVelocity, "no-velocity", 200},
    Planted{Mutant::kNotBlindForgotten, "not-blind-forgotten", 50},
    Planted{Mutant::kRestartForgetsFence, "restart-forgets-fence", 600},
    Planted{Mutant::kDrainNotAwaited, "drain-not-awaited", 600},
    Planted{Mutant::kDrainFailedIgnored, "drain-failed-ignored", 600},
    Planted{Mutant::kSleepsThroughWindow, "sleeps-through-window", 100},
    Planted{Mutant::kRollbackForgotten, "rollback-forgotten", 600},
    Planted{Mutant::kNoRetry, "no-retry", 200},
    Planted{Mutant::kQuorumOfThoseLeft, "quorum-of-those-left", 200},
    Planted{Mutant::kStaleVotes, "stale-votes", 200},
    Planted{Mutant::kOldPlanApplied, "old-plan-applied", 200},
    Planted{Mutant::kOldPlanServed, "old-plan-served", 200},
    Planted{Mutant::kLeaderNeverSteps, "leader-never-steps", 600},
    Planted{Mutant::kNoTermCheck, "no-term-check", 600},
};

struct Kill {
  std::uint64_t seed = 0;
  std::string invariant;
};

std::optional<Kill> first_kill(Mutant mutant, std::uint64_t seeds) {
  active_mutant = mutant;
  std::optional<Kill> kill;
  for (std::uint64_t seed = 1; seed <= seeds && !kill; ++seed) {
    const Outcome outcome =
        run(random_scenario(seed), {.seed = seed, .journals = false, .trace = {}});
    if (outcome.violation) {
      kill = Kill{seed, outcome.violation->invariant};
    }
  }
  active_mutant = Mutant::kNone;
  return kill;
}

class Planting : public testing::TestWithParam<Planted> {};

TEST_P(Planting, IsFound) {
  const auto kill = first_kill(GetParam().mutant, GetParam().seeds);
  ASSERT_TRUE(kill) << GetParam().name << " lived through " << GetParam().seeds << " worlds";
  RecordProperty("seed", static_cast<int>(kill->seed));
  std::printf("%-24s found by %s in world %d of at most %d\n", GetParam().name,
              kill->invariant.c_str(), static_cast<int>(kill->seed),
              static_cast<int>(GetParam().seeds));
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
