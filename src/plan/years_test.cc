// SPDX-License-Identifier: Apache-2.0
#include "plan/years.h"

#include <gtest/gtest.h>

namespace leeward::plan {
namespace {

using std::chrono::seconds;

TEST(Years, every_life_keeps_what_is_promised) {
  YearsReport sum;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    sum.add(live(seed, seconds(1), 5'000));
  }
  EXPECT_TRUE(sum.broken.empty()) << sum.broken.front() << " and " << sum.broken.size() - 1
                                  << " more";
  EXPECT_EQ(sum.lives, 100U);
  EXPECT_GT(sum.outages, 200U);
  EXPECT_GT(sum.slowest_of_bound, 0.8) << "a bound that nothing comes near proves little";
  EXPECT_GT(sum.years, 100 * 5'000 / 3.2e7);
}

TEST(Years, the_same_seed_is_the_same_life) {
  const YearsReport once = live(7, seconds(30), 3'000);
  const YearsReport again = live(7, seconds(30), 3'000);
  EXPECT_EQ(once.probes, again.probes);
  EXPECT_EQ(once.slowest_of_bound, again.slowest_of_bound);
  EXPECT_NE(once.probes, live(8, seconds(30), 3'000).probes);
}

}  // namespace
}  // namespace leeward::plan
