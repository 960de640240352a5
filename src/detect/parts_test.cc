// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "detect/adaptive_timeout.h"
#include "detect/detector.h"
#include "detect/miss_rate.h"
#include "detect/schedule.h"

namespace leeward::detect {
namespace {

using std::chrono::milliseconds;

TEST(Schedule, DoesNotDriftWhenTheCallerIsAlwaysLate) {
  const MonoTime start{};
  Schedule schedule(milliseconds(100), 0.5, Rng(1), start, true);
  for (int slot = 0; slot < 1000; ++slot) {
    const Duration into_slot = schedule.due() - (start + milliseconds(100) * slot);
    ASSERT_GE(into_slot, Duration::zero());
    ASSERT_LT(into_slot, milliseconds(50));
    schedule.advance(schedule.due() + milliseconds(7));
  }
}

TEST(Schedule, SpreadsFirstProbesOverTheInterval) {
  int early = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const Schedule schedule(milliseconds(100), 0.1, Rng(seed), MonoTime{}, false);
    ASSERT_LT(schedule.due(), MonoTime(milliseconds(100)));
    early += schedule.due() < MonoTime(milliseconds(50)) ? 1 : 0;
  }
  EXPECT_NEAR(early, 500, 80);
}

TEST(Schedule, SkipsSlotsMissedInAPause) {
  Schedule schedule(milliseconds(100), 0, Rng(1), MonoTime{}, true);
  schedule.advance(MonoTime(milliseconds(100'050)));
  EXPECT_EQ(schedule.due(), MonoTime(milliseconds(100'100)));
}

TEST(MissRate, ThresholdIsWaldsForTheLearnedRate) {
  MissRate rate;
  EXPECT_EQ(rate.threshold(1e-6, 1, 100), 3);  // floor 0.01
  Rng rng(5);
  for (int probe = 0; probe < 5000; ++probe) {
    rate.learn(rng.below(5) == 0);
  }
  EXPECT_NEAR(rate.current(), 0.2, 0.06);
  EXPECT_NEAR(rate.threshold(1e-6, 3, 21), 9, 2);
  for (int probe = 0; probe < 5000; ++probe) {
    rate.learn(true);
  }
  EXPECT_EQ(rate.current(), MissRate::kCap);
  EXPECT_EQ(rate.threshold(1e-6, 3, 21), 21);
}

TEST(AdaptiveTimeout, FollowsRfc6298WithinItsBounds) {
  AdaptiveTimeout timeout(milliseconds(10), milliseconds(500));
  EXPECT_EQ(timeout.current(), milliseconds(500));
  timeout.learn(milliseconds(40));  // SRTT 40, RTTVAR 20
  EXPECT_EQ(timeout.current(), milliseconds(120));
  timeout.learn(milliseconds(40));  // RTTVAR 15
  EXPECT_EQ(timeout.current(), milliseconds(100));
  timeout.learn(milliseconds(9000));  // a nonsense sample is clamped
  EXPECT_EQ(timeout.current(), milliseconds(500));
}

// A hint pulls one probe forward per interval, and is no evidence by itself.
TEST(Hint, MakesAProbeDueOncePerInterval) {
  CheckTiming timing;
  timing.interval = std::chrono::seconds(10);
  Detector detector(timing, Rng(1), MonoTime{}, Health::kHealthy);
  const MonoTime now(milliseconds(1));
  ASSERT_FALSE(detector.next_probe(now).has_value()) << "the seed's first phase is later";

  detector.look_closer(now);
  EXPECT_LE(detector.wakeup(), now);
  const auto order = detector.next_probe(now);
  ASSERT_TRUE(order.has_value());
  EXPECT_FALSE(detector.next_probe(now).has_value());
  EXPECT_FALSE(detector.verdict().suspect);

  detector.look_closer(now + milliseconds(1));
  EXPECT_FALSE(detector.next_probe(now + milliseconds(1)).has_value())
      << "again within an interval";
  detector.observe({.sequence = order->sequence,
                    .outcome = ProbeOutcome::kSuccess,
                    .started = now,
                    .finished = now + milliseconds(2),
                    .detail = ""},
                   now + milliseconds(2));
  EXPECT_EQ(detector.verdict().health, Health::kHealthy);
}

TEST(Hint, SaysNothingNewAboutAnUnhealthyTarget) {
  CheckTiming timing;
  timing.interval = std::chrono::seconds(10);
  Detector detector(timing, Rng(1), MonoTime{}, Health::kUnhealthy);
  detector.look_closer(MonoTime(milliseconds(1)));
  EXPECT_FALSE(detector.next_probe(MonoTime(milliseconds(1))).has_value());
}

}  // namespace
}  // namespace leeward::detect
