// SPDX-License-Identifier: Apache-2.0
#include "sim/swarm.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

namespace leeward::sim {
namespace {

constexpr std::size_t kBrokenKept = 10;

bool breaks(const Scenario& scenario, std::uint64_t seed, const Violation& violation) {
  const Outcome outcome =
      run(scenario, {.seed = seed, .journals = violation.invariant == "I14", .trace = {}});
  return outcome.violation && outcome.violation->invariant == violation.invariant;
}

void add(SwarmResult& result, std::uint64_t seed, const Outcome& outcome) {
  ++result.runs;
  result.events += outcome.events;
  result.simulated += outcome.simulated;
  result.digest += outcome.digest * (2 * seed + 1);  // commutes: runs end in any order
  result.marks.add(outcome.marks);
  result.writes += outcome.writes;
  result.writes_at_risk += outcome.writes_at_risk;
  for (const Experience& experience : outcome.experience) {
    result.requests += experience.requests;
    result.requests_failed += experience.failed;
  }
  if (outcome.violation) {
    result.broken.push_back({seed, *outcome.violation});
    std::ranges::sort(result.broken, {}, &SwarmResult::Broken::seed);
    if (result.broken.size() > kBrokenKept) {
      result.broken.pop_back();
    }
  }
}

}  // namespace

Scenario shrink(const Scenario& scenario, std::uint64_t seed, const Violation& violation,
                int runs_max) {
  Scenario best = scenario;
  int runs = 0;
  for (std::size_t size = std::max<std::size_t>(best.faults.size() / 2, 1); size > 0;) {
    bool smaller = false;
    for (std::size_t from = 0; from < best.faults.size() && runs < runs_max;) {
      Scenario less = best;
      const std::size_t until = std::min(from + size, less.faults.size());
      less.faults.erase(less.faults.begin() + static_cast<std::ptrdiff_t>(from),
                        less.faults.begin() + static_cast<std::ptrdiff_t>(until));
      ++runs;
      if (breaks(less, seed, violation)) {
        best = std::move(less);
        smaller = true;
      } else {
        from += size;
      }
    }
    if (runs >= runs_max || (size == 1 && !smaller)) {
      break;
    }
    size = size == 1 ? 1 : size / 2;
  }
  return best;
}

SwarmResult run_swarm(const SwarmOptions& options) {
  SwarmResult result;
  std::mutex mutex;
  std::atomic<std::uint64_t> next{options.first};
  std::atomic<bool> enough{false};
  const auto work = [&] {
    for (;;) {
      const std::uint64_t seed = next.fetch_add(1);
      if (seed > options.last || seed < options.first || enough) {
        return;
      }
      const Scenario scenario = options.scenario ? *options.scenario : random_scenario(seed);
      const bool journals = options.journal_every != 0 && seed % options.journal_every == 0;
      const Outcome outcome = run(scenario, {.seed = seed, .journals = journals, .trace = {}});
      const std::lock_guard lock(mutex);
      add(result, seed, outcome);
      enough = enough || (options.simulate && result.simulated >= *options.simulate);
      if (options.done) {
        options.done(seed, outcome);
      }
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 1; i < options.threads; ++i) {
    threads.emplace_back(work);
  }
  work();
  threads.clear();
  return result;
}

}  // namespace leeward::sim
