// SPDX-License-Identifier: Apache-2.0
#include "detect/gray_watch.h"

#include <cstdint>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "detect/paced_sample.h"

namespace leeward::detect {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr MonoTime kStart{std::chrono::hours(1)};

Application shop(GrayAction action = GrayAction::kReport) {
  Application application;
  application.id = ApplicationId("shop");
  for (const char* name : {"a", "b"}) {
    ApplicationRegion region;
    region.region = RegionId(name);
    region.check.id = HealthCheckId(std::string("shop/") + name);
    region.check.timing.gray.action = action;
    application.regions.push_back(std::move(region));
  }
  return application;
}

// One probe per second and region, as a checker counts them; some of region a's are bad.
class Counted {
 public:
  explicit Counted(std::vector<Application> applications) { watch.watch(applications, now); }

  // The changes told.
  std::vector<HealthCheckId> live(double bad_share, Duration length) {
    std::vector<HealthCheckId> changes;
    for (const MonoTime end = now + length; now < end; now += seconds(1)) {
      ++a.all;
      a.bad += rng.unit() < bad_share ? 1 : 0;
      ++b.all;
      const std::vector<std::pair<HealthCheckId, GrayCounts>> totals = {{id_a, a}, {id_b, b}};
      for (const HealthCheckId& id : watch.counted(totals, now)) {
        changes.push_back(id);
      }
    }
    return changes;
  }

  const HealthCheckId id_a{"shop/a"};
  const HealthCheckId id_b{"shop/b"};
  Rng rng{7};
  GrayWatch watch;
  MonoTime now = kStart;
  GrayCounts a;
  GrayCounts b;
};

TEST(GrayWatch, tells_when_a_region_becomes_gray_and_when_it_is_no_longer) {
  Counted world({shop()});
  EXPECT_TRUE(world.live(0, minutes(10)).empty());
  EXPECT_EQ(world.live(0.4, minutes(3)), std::vector{world.id_a});
  EXPECT_TRUE(world.watch.status(world.id_a)->suspect);
  EXPECT_NE(world.watch.status(world.id_a)->reason, "");
  EXPECT_FALSE(world.watch.status(world.id_b)->suspect) << "the good one is not the worse one";
  EXPECT_EQ(world.live(0, minutes(3)), std::vector{world.id_a});
  EXPECT_FALSE(world.watch.status(world.id_a)->suspect);
}

TEST(GrayWatch, finds_the_fifth_that_fails_in_about_two_minutes) {
  Duration sum{};
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Counted world({shop()});
    world.rng = Rng(seed);
    world.live(0, minutes(5));
    const MonoTime began = world.now;
    while (world.live(0.2, seconds(1)).empty()) {
      ASSERT_LT(world.now - began, minutes(10));
    }
    sum += world.now - began;
  }
  EXPECT_GT(sum / 50, seconds(60));
  EXPECT_LT(sum / 50, seconds(150));
}

TEST(GrayWatch, a_loss_below_the_share_is_no_reason) {
  Counted world({shop()});
  EXPECT_TRUE(world.live(0.05, std::chrono::hours(2)).empty());
}

TEST(GrayWatch, judges_nobody_who_does_not_want_it_or_has_no_measure) {
  EXPECT_EQ(Counted({shop(GrayAction::kNone)}).watch.status(HealthCheckId("shop/a")), nullptr);
  Application alone = shop();
  alone.regions[1].check.disabled = true;
  Counted world({alone});
  EXPECT_EQ(world.watch.status(world.id_a), nullptr);
  EXPECT_EQ(world.watch.status(world.id_b), nullptr);
  EXPECT_TRUE(world.live(0.5, minutes(5)).empty());
  EXPECT_EQ(world.watch.status(HealthCheckId("of nobody")), nullptr);
}

TEST(GrayWatch, a_reload_keeps_what_did_not_change_and_starts_the_rest_anew) {
  Counted world({shop()});
  world.live(0.4, minutes(3));
  world.watch.watch(std::vector{shop()}, world.now);
  EXPECT_TRUE(world.watch.status(world.id_a)->suspect);

  Application changed = shop();
  changed.regions[1].check.path = "/other";
  world.watch.watch(std::vector{changed}, world.now);
  EXPECT_FALSE(world.watch.status(world.id_a)->suspect);
  // What was counted before is not what has just happened.
  EXPECT_TRUE(world.live(0, minutes(5)).empty());

  world.watch.watch({}, world.now);
  EXPECT_EQ(world.watch.status(world.id_a), nullptr);
  EXPECT_TRUE(world.live(0.5, minutes(5)).empty());
}

TEST(GrayWatch, a_check_that_begins_anew_counts_from_zero) {
  Counted world({shop()});
  world.live(0.02, minutes(10));
  world.a = world.b = {};
  EXPECT_TRUE(world.live(0, minutes(5)).empty());
  EXPECT_EQ(world.live(0.5, minutes(3)), std::vector{world.id_a});
}

// ---- the sample ----

CheckTiming every_second() {
  CheckTiming timing;
  timing.gray.slow_after = milliseconds(100);
  return timing;
}

Observation ended(std::uint64_t sequence, ProbeOutcome outcome, Duration took) {
  return {.sequence = sequence,
          .outcome = outcome,
          .started = kStart,
          .finished = kStart + took,
          .detail = {}};
}

TEST(PacedSample, a_burst_counts_once) {
  PacedSample sample(every_second());
  for (std::uint64_t i = 0; i < 10; ++i) {
    sample.started(i, Health::kHealthy, kStart + milliseconds(50) * i);
    sample.ended(ended(i, ProbeOutcome::kTimeout, milliseconds(500)));
  }
  EXPECT_EQ(sample.counts(), (GrayCounts{1, 1}));
  sample.started(11, Health::kHealthy, kStart + milliseconds(900));  // jitter: the next regular one
  sample.ended(ended(11, ProbeOutcome::kSuccess, milliseconds(5)));
  EXPECT_EQ(sample.counts(), (GrayCounts{2, 1}));
}

TEST(PacedSample, which_probes_count_does_not_depend_on_how_they_end) {
  PacedSample sample(every_second());
  sample.started(1, Health::kHealthy, kStart);
  sample.started(2, Health::kHealthy, kStart + seconds(1));
  sample.ended(ended(2, ProbeOutcome::kSuccess, milliseconds(5)));
  sample.ended(ended(1, ProbeOutcome::kTimeout, seconds(3)));  // later, and not forgotten
  sample.ended(ended(1, ProbeOutcome::kTimeout, seconds(3)));  // twice: once
  EXPECT_EQ(sample.counts(), (GrayCounts{2, 1}));
}

TEST(PacedSample, outages_and_own_errors_do_not_count_and_slow_answers_are_bad) {
  PacedSample sample(every_second());
  sample.started(1, Health::kUnhealthy, kStart);
  sample.ended(ended(1, ProbeOutcome::kRefused, milliseconds(1)));
  sample.started(2, Health::kHealthy, kStart + seconds(1));
  sample.ended(ended(2, ProbeOutcome::kLocalError, milliseconds(1)));
  EXPECT_EQ(sample.counts(), (GrayCounts{}));
  sample.started(3, Health::kHealthy, kStart + seconds(2));
  sample.ended(ended(3, ProbeOutcome::kSuccess, milliseconds(101)));
  EXPECT_EQ(sample.counts(), (GrayCounts{1, 1}));
}

}  // namespace
}  // namespace leeward::detect
