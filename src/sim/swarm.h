// SPDX-License-Identifier: Apache-2.0
//
// Many worlds: a seed makes a scenario of its own (swarm testing: each enables other kinds of
// faults, after Groce et al., "Swarm Testing", ISSTA 2012), a pool runs them, and one that breaks
// an invariant is shrunk to the events that are needed for it (delta debugging, Zeller and
// Hildebrandt, 2002).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/world.h"

namespace leeward::sim {

// The same seed gives the same scenario.
[[nodiscard]] Scenario random_scenario(std::uint64_t seed);

// A part of its events that breaks the same invariant under the same seed; 1-minimal unless
// `runs_max` runs were not enough.
[[nodiscard]] Scenario shrink(const Scenario& scenario, std::uint64_t seed,
                              const Violation& violation, int runs_max = 400);

struct SwarmOptions {
  std::uint64_t first = 1;
  std::uint64_t last = 1;            // inclusive
  std::optional<Scenario> scenario;  // none: each seed its own
  std::optional<Duration> simulate;  // stop after so much simulated time
  int threads = 1;
  std::uint64_t journal_every = 50;  // of so many seeds one replays its journals
  // Called after each world, on whatever thread ran it, one call at a time.
  std::function<void(std::uint64_t seed, const Outcome&)> done;
};

struct SwarmResult {
  std::uint64_t runs = 0;
  std::uint64_t events = 0;
  Duration simulated{};
  std::uint64_t digest = 0;  // of all digests, whatever the order of the runs
  Marks marks;
  std::uint64_t requests = 0;
  std::uint64_t requests_failed = 0;
  std::uint64_t writes = 0;
  std::uint64_t writes_at_risk = 0;
  struct Broken {
    std::uint64_t seed = 0;
    Violation violation;
  };
  std::vector<Broken> broken;  // by seed; the first ten
};

// Thread-safety: call it from one thread; it starts its own.
[[nodiscard]] SwarmResult run_swarm(const SwarmOptions& options);

}  // namespace leeward::sim
