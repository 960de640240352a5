// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "sim/world.h"

namespace leeward::sim {
namespace {

constexpr const char* kPlain = R"(
length 5m
heal 3m
nodes 3
regions A B
application shop fencing=transaction confirm=500ms hold_down=10s tables=true
at 60s lose A
)";

TEST(Sim, ARegionDies) {
  const auto scenario = parse_scenario(kPlain);
  ASSERT_TRUE(scenario) << scenario.error().message;
  RunOptions options;
  options.journals = true;
  std::string story;
  options.trace = [&](const std::string& line) { story += line + "\n"; };
  const Outcome outcome = run(*scenario, options);
  EXPECT_FALSE(outcome.violation) << outcome.violation->what << "\n" << story;
  EXPECT_EQ(outcome.marks.count(Mark::kAutomaticFailover), 1U) << story;
  EXPECT_GT(outcome.writes, 100U);
  printf("%s\nevents %lu\n", story.c_str(), outcome.events);
}

}  // namespace
}  // namespace leeward::sim
