// SPDX-License-Identifier: Apache-2.0
//
// The gray lane, the vantage point's doubts about itself, and doubts that are shared.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "detect/gray.h"
#include "detect/shared_suspicion.h"
#include "detect/vantage.h"

namespace leeward::detect {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime kStart{};

// Fisher's tea (1935), and tables whose tail is one term: 1/C(8,4), 1/C(20,10).
TEST(FisherExact, known_tables) {
  EXPECT_NEAR(fisher_exact(3, 4, 1, 4), 0.242857, 1e-6);
  EXPECT_NEAR(fisher_exact(4, 4, 0, 4), 0.0142857, 1e-7);
  EXPECT_NEAR(fisher_exact(10, 10, 0, 10), 5.4125e-06, 1e-9);
}

TEST(FisherExact, no_worse_is_no_evidence) {
  EXPECT_EQ(fisher_exact(0, 100, 0, 100), 1);
  EXPECT_EQ(fisher_exact(5, 100, 5, 100), 1);
  EXPECT_EQ(fisher_exact(1, 100, 5, 100), 1);
  EXPECT_EQ(fisher_exact(5, 5, 0, 0), 1);
  EXPECT_EQ(fisher_exact(0, 0, 0, 0), 1);
}

TEST(FisherExact, large_counts_are_quick_and_sane) {
  EXPECT_LT(fisher_exact(2'000'000, 10'000'000, 1'900'000, 10'000'000), 1e-100);
  EXPECT_GT(fisher_exact(1'000'001, 10'000'000, 1'000'000, 10'000'000), 0.4);
}

// A busy service's: its own counters, not a probe now and then.
constexpr GrayPolicy kQuick{.window = seconds(5), .slow_after = seconds(1)};

// One second after the other: so many requests each, with these shares of bad ones.
std::optional<int> seconds_until_suspect(double bad_here, double bad_there, int requests,
                                         int length) {
  Rng rng(4);
  GrayLane lane(kQuick, kStart);
  for (int second = 0; second < length; ++second) {
    const MonoTime now = kStart + seconds(second);
    for (int i = 0; i < requests; ++i) {
      const auto latency = [&](double bad) {
        return rng.unit() < bad ? std::nullopt : std::optional<Duration>(milliseconds(20));
      };
      lane.region_answered(latency(bad_here), now);
      lane.cohort_answered(latency(bad_there), now);
    }
    if (lane.judge(now)) {
      return second;
    }
  }
  return std::nullopt;
}

TEST(GrayLane, a_region_that_fails_a_fifth_of_its_requests_is_suspected_within_ten_seconds) {
  const auto found = seconds_until_suspect(0.20, 0.001, 100, 60);
  ASSERT_TRUE(found);
  EXPECT_GE(*found, 5);
  EXPECT_LE(*found, 10);
}

TEST(GrayLane, what_both_regions_share_is_no_reason) {
  EXPECT_FALSE(seconds_until_suspect(0.30, 0.30, 100, 600));
}

TEST(GrayLane, few_bad_requests_or_few_requests_are_no_reason) {
  EXPECT_FALSE(seconds_until_suspect(0.05, 0, 100, 600));  // over 90 % good
  EXPECT_FALSE(seconds_until_suspect(0.20, 0, 1, 600));    // could be chance
}

TEST(GrayLane, slow_answers_are_not_good_and_relief_takes_as_long_as_suspicion) {
  GrayLane lane(kQuick, kStart);
  int second = 0;
  const auto live = [&](Duration latency, int length) {
    int changes = 0;
    for (const int end = second + length; second < end; ++second) {
      const MonoTime now = kStart + seconds(second);
      for (int i = 0; i < 50; ++i) {
        lane.region_answered(latency, now);
        lane.cohort_answered(milliseconds(20), now);
      }
      changes += lane.judge(now) ? 1 : 0;
    }
    return changes;
  };
  EXPECT_EQ(live(milliseconds(20), 20), 0);
  EXPECT_EQ(live(seconds(2), 8), 1);
  EXPECT_TRUE(lane.status().suspect);
  EXPECT_NE(lane.status().reason.find("where the others had 100.0 %"), std::string::npos);
  EXPECT_EQ(live(milliseconds(20), 5), 0) << "the window still holds the slow answers";
  EXPECT_EQ(live(milliseconds(20), 20), 1);
  EXPECT_FALSE(lane.status().suspect);
  EXPECT_EQ(lane.status().reason, "");
}

TEST(GrayLane, counters_count_like_requests) {
  GrayLane lane(kQuick, kStart);
  for (int second = 0; second <= 8; ++second) {
    const MonoTime now = kStart + seconds(second);
    lane.region_counted({1000, 5000}, now);  // more bad than all: a broken counter is bounded
    lane.cohort_counted({1000, 1}, now);
    lane.judge(now);
  }
  EXPECT_TRUE(lane.status().suspect);
  EXPECT_EQ(lane.status().good_share, 0);
}

TEST(Vantage, votes_only_while_its_anchors_answer) {
  Vantage vantage({.anchors = 3, .required = 2});
  EXPECT_TRUE(vantage.doubt(kStart)) << "a vote is earned";
  vantage.anchor_answered(0, kStart);
  EXPECT_EQ(vantage.doubt(kStart), "1 of 3 anchors answered within 1s, 2 are needed");
  vantage.anchor_answered(2, kStart);
  EXPECT_FALSE(vantage.doubt(kStart));
  EXPECT_FALSE(vantage.doubt(kStart + seconds(1)));
  EXPECT_TRUE(vantage.doubt(kStart + milliseconds(1001)));
}

TEST(Vantage, late_timers_cost_the_vote_for_a_while) {
  Vantage vantage({.anchors = 0, .required = 0});
  EXPECT_FALSE(vantage.doubt(kStart));
  vantage.timer_ran(milliseconds(250), kStart);
  EXPECT_FALSE(vantage.doubt(kStart));
  vantage.timer_ran(milliseconds(251), kStart);
  EXPECT_TRUE(vantage.doubt(kStart + milliseconds(999)));
  EXPECT_FALSE(vantage.doubt(kStart + seconds(1)));
}

Verdict verdict(Health health, bool suspect) {
  return {
      .health = health, .since = kStart, .suspect = suspect, .time_to_flip = {}, .evidence = {}};
}

TEST(SharedSuspicion, the_beginning_of_a_doubt_makes_the_calm_ones_look) {
  EXPECT_TRUE(doubts(verdict(Health::kHealthy, true)));
  EXPECT_TRUE(doubts(verdict(Health::kUnhealthy, false)));
  EXPECT_FALSE(doubts(verdict(Health::kHealthy, false)));
  EXPECT_FALSE(doubts(verdict(Health::kUnknown, false)));
  using Who = std::vector<std::size_t>;
  EXPECT_EQ(who_should_look({true, false, true, false}, 0, false), (Who{1, 3}));
  EXPECT_EQ(who_should_look({true, false}, 0, true), Who{}) << "they have been told";
  EXPECT_EQ(who_should_look({false, false}, 0, true), Who{}) << "relief is no news";
}

}  // namespace
}  // namespace leeward::detect
