// SPDX-License-Identifier: Apache-2.0
//
// A whole simulated world: nodes, regions, store, provider, users, and what a scenario does to
// them. Deterministic: the same scenario and seed give the same history and digest, on any machine.
//
// Thread-safety: none; worlds are independent of each other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/users.h"

namespace leeward::sim {

struct RunOptions {
  std::uint64_t seed = 1;
  bool journals = false;  // keep every leader's journal and replay it at the end
  std::function<void(const std::string&)> trace;
};

struct Outcome {
  std::optional<Violation> violation;
  std::uint64_t digest = 0;
  std::uint64_t events = 0;
  Duration simulated{};
  Marks marks;
  std::vector<Experience> experience;  // by application
  std::uint64_t writes = 0;
  std::uint64_t writes_at_risk = 0;
};

// Runs it to its end, or to the first violation.
[[nodiscard]] Outcome run(const Scenario& scenario, const RunOptions& options);

}  // namespace leeward::sim
