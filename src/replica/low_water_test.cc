// SPDX-License-Identifier: Apache-2.0
#include "replica/low_water.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "replica/lag_window.h"

namespace leeward::replica {
namespace {

TEST(LowWater, WaitsForTheFirstGap) {
  LowWater low;
  const auto one = low.open("1", 2);
  const auto two = low.open("2", 1);
  low.open("3", 0);
  low.done(two);
  EXPECT_EQ(low.mark(), "");
  low.done(one);
  EXPECT_EQ(low.mark(), "");
  low.done(one);
  EXPECT_EQ(low.mark(), "3");
  EXPECT_EQ(low.pages(), 0U);
  low.open("", 0);
  EXPECT_EQ(low.mark(), "3") << "a page without records says nothing";
}

// In any order of completion the mark is the last page before the first that is not done.
TEST(LowWater, NeverPassesSomethingOutstanding) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Rng rng(seed);
    LowWater low;
    std::vector<std::pair<LowWater::Page, std::size_t>> open;
    for (int step = 0; step < 200; ++step) {
      if (rng.below(2) == 0) {
        const std::size_t versions = rng.below(4);
        const auto page = low.open(std::to_string(open.size() + 1), versions);
        ASSERT_EQ(page, open.size());
        open.emplace_back(page, versions);
      } else if (!open.empty()) {
        auto& [page, left] = open[rng.below(open.size())];
        if (left > 0) {
          --left;
          low.done(page);
        }
      }
      std::size_t expected = 0;
      while (expected < open.size() && open[expected].second == 0) {
        ++expected;
      }
      ASSERT_EQ(low.mark(), expected == 0 ? "" : std::to_string(expected));
    }
  }
}

TEST(LagWindow, PercentilesOfTheLastMinute) {
  LagWindow window;
  MonoTime now{std::chrono::seconds(1000)};
  EXPECT_EQ(window.summary(now).count, 0U);
  EXPECT_EQ(window.summary(now).p99_ms, 0);
  for (int i = 1; i <= 1000; ++i) {
    window.add(std::chrono::milliseconds(i), now);
  }
  auto summary = window.summary(now);
  EXPECT_EQ(summary.count, 1000U);
  EXPECT_NEAR(summary.p50_ms, 500, 51);
  EXPECT_NEAR(summary.p99_ms, 990, 100);
  EXPECT_EQ(summary.max_ms, 1000);
  window.add(std::chrono::hours(3), now + std::chrono::seconds(30));
  window.add(-std::chrono::hours(3), now + std::chrono::seconds(30));
  now += std::chrono::seconds(61);
  summary = window.summary(now);
  EXPECT_EQ(summary.count, 2U);
  EXPECT_EQ(summary.max_ms, 10'800'000) << "beyond the last bucket the maximum is still exact";
}

}  // namespace
}  // namespace leeward::replica
