// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/swarm.h"
#include "sim/written_worlds.h"

namespace leeward::sim {
namespace {

using testing::HasSubstr;

std::string what(const Outcome& outcome) {
  return outcome.violation ? outcome.violation->invariant + ": " + outcome.violation->what
                           : "nothing is wrong";
}

TEST(Scenario, EveryRandomOneReadsBack) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Scenario scenario = random_scenario(seed);
    const auto read = parse_scenario(format_scenario(scenario));
    ASSERT_TRUE(read) << read.error().message << "\n" << format_scenario(scenario);
    ASSERT_EQ(format_scenario(*read), format_scenario(scenario)) << seed;
    ASSERT_EQ(read->faults, scenario.faults) << seed;
    ASSERT_EQ(read->applications, scenario.applications) << seed;
  }
}

std::string problems_of(const std::string& text) {
  const auto scenario = parse_scenario(text);
  return scenario ? "" : scenario.error().message;
}

TEST(Scenario, WhatIsWrongIsSaidWithItsLine) {
  const std::string good = "regions A B\napplication shop\n";
  EXPECT_EQ(problems_of(good), "");
  EXPECT_THAT(problems_of(""), HasSubstr("there is no line `regions`"));
  EXPECT_THAT(problems_of(good + "explode now\n"), HasSubstr("line 3: unknown word 'explode'"));
  EXPECT_THAT(problems_of(good + "at 5s explode A\n"),
              HasSubstr("line 3: unknown event 'explode'"));
  EXPECT_THAT(problems_of(good + "at 5 kill A\n"), HasSubstr("line 3: expected a time"));
  EXPECT_THAT(problems_of(good + "at 5s kill C\n"),
              HasSubstr("line 3: expected a region, found 'C'"));
  EXPECT_THAT(problems_of(good + "at 5s crash node-4\n"), HasSubstr("node-1 to node-3"));
  EXPECT_THAT(problems_of(good + "at 5s gray A 130%\n"),
              HasSubstr("line 3: expected a percentage from 0 to 100, found '130%'"));
  EXPECT_THAT(problems_of(good + "at 5s hold mail\n"), HasSubstr("expected an application"));
  EXPECT_THAT(problems_of(good + "at 5s kill A B\n"), HasSubstr("'B' is one word too many"));
  EXPECT_THAT(problems_of(good + "checks colour=red\n"), HasSubstr("unknown key 'colour'"));
  EXPECT_THAT(problems_of(good + "nodes 2.5\n"), HasSubstr("expected a number of nodes"));
  EXPECT_THAT(problems_of(good + "nodes nan\n"), HasSubstr("expected a number of nodes"));
  EXPECT_THAT(problems_of(good + "length 1m\nheal 2m\n"), HasSubstr("`heal` is after `length`"));
  EXPECT_THAT(problems_of("regions A A\napplication shop\n"), HasSubstr("is there twice"));
  EXPECT_THAT(problems_of("regions A\napplication shop capacities=1,2\n"),
              HasSubstr("line 2: expected one capacity per region"));
  EXPECT_THAT(problems_of("regions A\napplication shop regions=B\n"), HasSubstr("no region 'B'"));
}

TEST(World, ASeedIsAHistory) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Scenario scenario = random_scenario(seed);
    const Outcome first = run(scenario, {.seed = seed, .journals = false, .trace = {}});
    const Outcome second = run(scenario, {.seed = seed, .journals = true, .trace = {}});
    EXPECT_EQ(first.digest, second.digest) << seed;
    EXPECT_EQ(first.events, second.events) << seed;
    EXPECT_NE(first.digest,
              run(scenario, {.seed = seed + 1, .journals = false, .trace = {}}).digest);
  }
}

// I17: what the wall clock says changes no decision.
TEST(World, WallClocksDecideNothing) {
  Scenario scenario;
  for (const auto& [name, world] : written_worlds()) {
    if (name == "region_lost") {
      scenario = world;
    }
  }
  ASSERT_FALSE(scenario.applications.empty());
  // Without fences: their leases do carry a time of the wall clock, to be shorter by it.
  for (failover::Policy& policy : scenario.applications) {
    policy.failover.fencing.mode = FencingMode::kNone;
  }
  Scenario jumping = scenario;
  for (int i = 1; i <= 3; ++i) {
    jumping.faults.insert(jumping.faults.begin(), {std::chrono::seconds(50),
                                                   Verb::kJump,
                                                   {"node-" + std::to_string(i)},
                                                   i % 2 == 0 ? 86'400.0 : -86'400.0,
                                                   {}});
  }
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    EXPECT_EQ(run(jumping, {.seed = seed, .journals = false, .trace = {}}).digest,
              run(scenario, {.seed = seed, .journals = false, .trace = {}}).digest);
  }
}

TEST(World, WrittenWorldsHoldTheirInvariants) {
  ASSERT_GE(written_worlds().size(), 9U);
  for (const auto& [name, scenario] : written_worlds()) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const Outcome outcome = run(scenario, {.seed = seed, .journals = true, .trace = {}});
      EXPECT_FALSE(outcome.violation) << name << ", seed " << seed << ": " << what(outcome);
    }
  }
}

TEST(World, ALostRegionIsLeftInSeconds) {
  for (const auto& [name, scenario] : written_worlds()) {
    if (name == "region_lost") {
      const Outcome outcome = run(scenario, {.seed = 3, .journals = false, .trace = {}});
      EXPECT_GE(outcome.marks.count(Mark::kAutomaticFailover), 1U);
      EXPECT_GE(outcome.marks.count(Mark::kRampStepped), 2U) << "10 %, then 50 %";
      EXPECT_GT(outcome.writes, 500U);
      EXPECT_LT(outcome.experience[0].longest_outage, std::chrono::seconds(60));
      EXPECT_GT(outcome.experience[0].failed, 0U) << "resolvers keep answers for a while";
    }
  }
}

// Silence proves little where rare places were not reached.
TEST(Swarm, ReachesEveryMark) {
  SwarmOptions options{.first = 1,
                       .last = 500,
                       .scenario = {},
                       .simulate = {},
                       .threads = 2,
                       .journal_every = 50,
                       .done = {}};
  SwarmResult result = run_swarm(options);
  EXPECT_EQ(result.runs, 500U);
  for (const SwarmResult::Broken& broken : result.broken) {
    ADD_FAILURE() << "seed " << broken.seed << ": " << broken.violation.invariant << ", "
                  << broken.violation.what << "\nreplay: leeward-sim run --seed " << broken.seed
                  << " --trace";
  }
  for (const auto& [name, scenario] : written_worlds()) {
    result.marks.add(run(scenario, {.seed = 1, .journals = false, .trace = {}}).marks);
  }
  for (std::size_t i = 0; i < kMarks; ++i) {
    EXPECT_GT(result.marks.count(static_cast<Mark>(i)), 0U)
        << to_string(static_cast<Mark>(i)) << " was never reached";
  }
}

TEST(Swarm, ThreadsChangeNothing) {
  SwarmOptions options{.first = 1,
                       .last = 20,
                       .scenario = {},
                       .simulate = {},
                       .threads = 1,
                       .journal_every = 0,
                       .done = {}};
  const SwarmResult one = run_swarm(options);
  options.threads = 3;
  const SwarmResult three = run_swarm(options);
  EXPECT_EQ(one.digest, three.digest);
  EXPECT_EQ(one.events, three.events);
}

}  // namespace
}  // namespace leeward::sim
