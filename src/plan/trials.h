// SPDX-License-Identifier: Apache-2.0
//
// The two experiments on a fleet: kill the target at random moments, and let it live. Pure;
// deterministic by seed.
#pragma once

#include <vector>

#include "plan/fleet.h"

namespace leeward::plan {

inline constexpr double kSecondsPerYear = 365.25 * 86400;

// How long the fleet needs to move users off a target that fails with `fault`: `trials` times, each
// from a different moment of one long healthy life. Trials that find nothing in `longest` count as
// `longest`.
template <typename FleetType, typename Timing>
std::vector<Duration> times_to_action(const FleetSpec& spec, const Timing& timing, Fault fault,
                                      int trials, Duration warm_up, Duration longest, Rng rng) {
  FleetType living(spec, timing, rng.split());
  living.run_until(living.now() + warm_up);
  std::vector<Duration> times;
  times.reserve(static_cast<std::size_t>(trials));
  for (int trial = 0; trial < trials; ++trial) {
    const auto apart = static_cast<double>((timing.interval * 20).count()) * (1 + rng.unit());
    living.run_until(living.now() + Duration(static_cast<Duration::rep>(apart)));
    for (int wait = 0; living.health() == Health::kUnhealthy && wait < 1000; ++wait) {
      living.run_until(living.now() + timing.interval);
    }
    FleetType dying = living;
    dying.fail(fault);
    const auto moved = dying.run_until_action(living.now() + longest);
    times.push_back(moved ? *moved - living.now() : longest);
  }
  return times;
}

// What a fleet does to a target that never fails.
template <typename FleetType, typename Timing>
FleetCounts false_alarms(const FleetSpec& spec, const Timing& timing, Duration life, Rng rng) {
  FleetType fleet(spec, timing, rng);
  fleet.run_until(fleet.now() + life);
  return fleet.counts();
}

// The 95 % upper bound of a Poisson mean of which `events` were seen (Wilson and Hilferty, 1931;
// within 1 % of the exact chi-square bound, 3.0 for none).
[[nodiscard]] double poisson_upper(std::uint64_t events);

}  // namespace leeward::plan
