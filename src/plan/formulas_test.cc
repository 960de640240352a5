// SPDX-License-Identifier: Apache-2.0
//
// The closed forms of detect/formulas.h against the real Detector and quorum in virtual time, each
// within 10 %. Seeds are fixed: a run either always passes or never.
#include "detect/formulas.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "plan/fleet.h"

namespace leeward::plan {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kTolerance = 0.10;

void expect_close(double predicted, double simulated, const char* what) {
  EXPECT_NEAR(predicted, simulated, kTolerance * simulated) << what;
}

void expect_close(Duration predicted, Duration simulated, const char* what) {
  expect_close(to_milliseconds(predicted), to_milliseconds(simulated), what);
}

template <typename FleetType, typename Timing>
std::vector<Duration> detections(const FleetSpec& spec, const Timing& timing, Fault fault,
                                 Duration longest) {
  Rng rng(7);
  FleetType calm(spec, timing, rng.split());
  calm.run_until(calm.now() + hours(1));
  std::vector<Duration> found;
  for (int trial = 0; trial < 1000; ++trial) {
    calm.run_until(calm.now() + milliseconds(5000 + rng.below(30'000)));
    FleetType dying = calm;
    dying.fail(fault);
    const auto moved = dying.run_until_action(calm.now() + longest);
    EXPECT_TRUE(moved) << "never found";
    found.push_back(moved ? *moved - calm.now() : longest);
  }
  std::ranges::sort(found);
  return found;
}

Duration mean_of(const std::vector<Duration>& values) {
  Duration sum{};
  for (const Duration each : values) {
    sum += each;
  }
  return sum / static_cast<Duration::rep>(values.size());
}

void expect_distribution(const detect::QuorumTime& predicted, const std::vector<Duration>& found) {
  expect_close(predicted.mean(), mean_of(found), "mean");
  expect_close(predicted.quantile(0.5), found[found.size() / 2], "p50");
  expect_close(predicted.quantile(0.9), found[found.size() * 9 / 10], "p90");
  expect_close(predicted.quantile(0.99), found[found.size() * 99 / 100], "p99");
}

CheckTiming timing_of(std::optional<int> threshold) {
  CheckTiming timing;
  timing.failure_threshold = threshold;
  return timing;
}

FleetSpec fleet_of(int vantages, int required, Transport transport, Loss loss) {
  return {.vantages = vantages,
          .required = required,
          .vote_delay = milliseconds(15),
          .round_trip = milliseconds(30),
          .transport = transport,
          .loss = loss};
}

TEST(Formulas, a_silent_target_is_found_when_predicted) {
  for (const auto& [vantages, required] : {std::pair{1, 1}, {3, 2}, {5, 3}, {7, 4}}) {
    const FleetSpec spec = fleet_of(vantages, required, Transport::kDatagram, {});
    const CheckTiming timing = timing_of(3);
    const detect::QuorumTime predicted{
        detect::detection_of_silence(timing, 3, timing.timeout_floor), vantages, required,
        spec.vote_delay};
    expect_distribution(predicted,
                        detections<RealFleet>(spec, timing, Fault::kSilent, seconds(10)));
  }
}

TEST(Formulas, a_refusing_target_is_found_when_predicted) {
  const FleetSpec spec = fleet_of(1, 1, Transport::kFreshTcp, {});
  const CheckTiming timing = timing_of(3);
  expect_distribution(
      {detect::detection_of_refusal(timing, 3, spec.round_trip), 1, 1, spec.vote_delay},
      detections<RealFleet>(spec, timing, Fault::kKilled, seconds(10)));
}

TEST(Formulas, loss_lengthens_the_automatic_burst_as_predicted) {
  for (const double loss : {0.01, 0.05, 0.2}) {
    const FleetSpec spec =
        fleet_of(5, 3, Transport::kDatagram, {.kind = LossKind::kIndependent, .share = loss});
    CheckTiming timing = timing_of(std::nullopt);
    timing.interval = milliseconds(200);
    timing.confirm_spacing = milliseconds(25);
    timing.timeout = milliseconds(200);
    const int misses = detect::misses_needed(timing, detect::probe_miss(loss, 2));
    const detect::QuorumTime predicted{
        detect::detection_of_silence(timing, misses, timing.timeout_floor), 5, 3, spec.vote_delay};
    expect_distribution(predicted,
                        detections<RealFleet>(spec, timing, Fault::kSilent, seconds(10)));
  }
}

TEST(Formulas, fixed_thresholds_find_it_when_predicted) {
  const FleetSpec spec = fleet_of(1, 1, Transport::kDatagram, {});
  expect_distribution(
      {detect::detection_by_fixed_threshold(seconds(2), seconds(1), 3), 1, 1, spec.vote_delay},
      detections<FixedFleet>(spec, FixedTiming{seconds(2), seconds(1), 3, 1}, Fault::kSilent,
                             seconds(60)));
}

// About 2,000 mistakes each, so that chance is far below the tolerance.
TEST(Formulas, one_checker_errs_as_often_and_as_long_as_predicted) {
  for (const int threshold : {2, 3}) {
    const double loss = 0.15;
    const double miss = detect::probe_miss(loss, 2);
    const FleetSpec spec =
        fleet_of(1, 1, Transport::kDatagram, {.kind = LossKind::kIndependent, .share = loss});
    const CheckTiming timing = timing_of(threshold);
    RealFleet fleet(spec, timing, Rng(11));
    const Duration lived = hours(threshold == 2 ? 10 : 30);
    fleet.run_until(fleet.now() + lived);
    const detect::Mistakes predicted =
        detect::mistakes_of_burst(timing, threshold, miss, timing.timeout_floor);
    const auto happened = static_cast<double>(fleet.counts().suspicions);
    EXPECT_GT(happened, 1000);
    expect_close(predicted.recurrence() * std::chrono::duration<double>(lived).count(), happened,
                 "mistakes");
    expect_close(predicted.duration,
                 fleet.counts().unhealthy / static_cast<Duration::rep>(fleet.counts().quorums),
                 "duration");
  }
}

TEST(Formulas, bursts_of_loss_deceive_one_checker_as_often_as_predicted) {
  const Loss loss{.kind = LossKind::kBursts, .share = 0.02, .burst_mean = milliseconds(500)};
  FleetSpec spec = fleet_of(1, 1, Transport::kDatagram, loss);
  CheckTiming timing = timing_of(4);
  timing.interval = milliseconds(500);
  timing.confirm_spacing = milliseconds(40);
  timing.success_threshold = 1;
  RealFleet fleet(spec, timing, Rng(3));
  const Duration lived = hours(60);
  fleet.run_until(fleet.now() + lived);
  const double rate = detect::mistake_rate_on_bursts(timing, 4, loss.share, loss.burst_mean,
                                                     timing.timeout_floor, spec.round_trip);
  const auto happened = static_cast<double>(fleet.counts().suspicions);
  EXPECT_GT(happened, 1000);
  expect_close(rate * std::chrono::duration<double>(lived).count(), happened, "mistakes");
}

TEST(Formulas, false_quorums_begin_as_often_as_predicted) {
  for (const auto& [vantages, required] : {std::pair{3, 2}, {5, 3}}) {
    const double loss = 0.2;
    const double miss = detect::probe_miss(loss, 2);
    const FixedTiming timing{seconds(1), milliseconds(500), 3, 2};
    FixedFleet fleet(fleet_of(vantages, required, Transport::kDatagram,
                              {.kind = LossKind::kIndependent, .share = loss}),
                     timing, Rng(5));
    const Duration lived = hours(100);
    fleet.run_until(fleet.now() + lived);
    const detect::Mistakes each = detect::mistakes_of_fixed_threshold(
        timing.interval, timing.timeout, milliseconds(30), timing.failures, timing.successes, miss);
    const auto happened = static_cast<double>(fleet.counts().quorums);
    EXPECT_GT(happened, 500);
    expect_close(detect::false_quorum_rate(each, vantages, required) *
                     std::chrono::duration<double>(lived).count(),
                 happened, "quorums");
  }
}

TEST(Formulas, counting) {
  EXPECT_DOUBLE_EQ(detect::probe_miss(0.05, 2), 0.0975);
  EXPECT_NEAR(detect::at_least(2, 3, 0.5), 0.5, 1e-12);
  EXPECT_DOUBLE_EQ(detect::at_least(0, 3, 0.1), 1.0);
  EXPECT_NEAR(detect::verdict_availability(0.999, 5, 3), 0.99999999, 1e-9);
}

// A target that dies twice a minute is not behind a lossy path: its deaths are found as fast as
// ever.
TEST(Fleet, deaths_are_not_learned_as_loss) {
  const MonoTime start;
  detect::Detector detector(timing_of(std::nullopt), Rng(1), start, Health::kHealthy);
  MonoTime now = start;
  for (int second = 0; second < 3600; ++second) {
    const bool dead = second % 30 >= 25;
    for (const MonoTime until = start + seconds(second + 1); detector.wakeup() < until;) {
      now = std::max(now, detector.wakeup());
      detector.expire(now);
      while (const auto order = detector.next_probe(now)) {
        if (!dead) {
          detector.observe({.sequence = order->sequence,
                            .outcome = ProbeOutcome::kSuccess,
                            .started = now,
                            .finished = now,
                            .detail = {}},
                           now);
        }
      }
    }
  }
  EXPECT_EQ(detector.verdict().evidence.miss_rate, 0.01) << "the floor";
}

// All look after the first doubt, so the quorum waits for the first phase and not for the third.
// The price are mistakes that meet more often, which the automatic threshold rules out.
TEST(Fleet, shared_suspicion_is_faster_at_a_known_price) {
  CheckTiming timing = timing_of(3);
  FleetSpec spec = fleet_of(5, 3, Transport::kDatagram, {});
  const auto alone = detections<RealFleet>(spec, timing, Fault::kSilent, seconds(10));
  spec.share_suspicion = true;
  const auto together = detections<RealFleet>(spec, timing, Fault::kSilent, seconds(10));
  EXPECT_LT(mean_of(together) + milliseconds(150), mean_of(alone));
  EXPECT_LT(together.back(), alone.back());

  spec.loss = {.kind = LossKind::kIndependent, .share = 0.15};
  const auto quorums = [&](bool share) {
    spec.share_suspicion = share;
    RealFleet fleet(spec, timing, Rng(9));
    fleet.run_until(fleet.now() + hours(50));
    return fleet.counts().quorums;
  };
  const auto apart = quorums(false);
  EXPECT_LT(quorums(true), 3 * apart);
  timing.failure_threshold = std::nullopt;
  EXPECT_EQ(quorums(true), 0U);
}

TEST(Fleet, the_same_seed_lives_the_same_life) {
  const FleetSpec spec =
      fleet_of(5, 3, Transport::kKeptTcp, {.kind = LossKind::kBursts, .share = 0.2});
  const auto live = [&](std::uint64_t seed) {
    RealFleet fleet(spec, timing_of(3), Rng(seed));
    fleet.run_until(fleet.now() + hours(1));
    return std::tuple(fleet.counts().probes, fleet.counts().suspicions, fleet.counts().unhealthy);
  };
  EXPECT_EQ(live(1), live(1));
  EXPECT_NE(live(1), live(2));
}

// A lost SYN costs a second, a lost segment 230 ms: what persistent connections are for.
TEST(Path, kept_connections_repair_what_fresh_ones_miss) {
  const auto missed = [](Transport transport) {
    const MonoTime start;
    Path path({.kind = LossKind::kIndependent, .share = 0.05}, Rng(1), start);
    int misses = 0;
    for (int probe = 0; probe < 20'000; ++probe) {
      const MonoTime sent = start + seconds(probe);
      misses +=
          answer_time(path, transport, sent, sent + milliseconds(500), milliseconds(30)) ? 0 : 1;
    }
    return misses / 20'000.0;
  };
  EXPECT_NEAR(missed(Transport::kDatagram), 0.0975, 0.01);
  EXPECT_NEAR(missed(Transport::kFreshTcp), 0.105, 0.01);
  EXPECT_LT(missed(Transport::kKeptTcp), 0.012);
}

TEST(Path, bursts_lose_their_share_of_time) {
  const MonoTime start;
  Path path({.kind = LossKind::kBursts, .share = 0.2}, Rng(2), start);
  int lost = 0;
  for (int packet = 0; packet < 200'000; ++packet) {
    lost += path.loses(start + milliseconds(100) * packet) ? 1 : 0;
  }
  EXPECT_NEAR(lost / 200'000.0, 0.2, 0.01);
}

}  // namespace
}  // namespace leeward::plan
