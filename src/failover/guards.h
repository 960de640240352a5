// SPDX-License-Identifier: Apache-2.0
//
// The conditions of a shift. Each is recorded with its numbers, passed or not, so that a decision
// can be explained without its logs.
#pragma once

#include <optional>
#include <vector>

#include "base/time.h"
#include "failover/state.h"
#include "model/decision.h"

namespace leeward::failover {

// A move that is being considered.
struct Proposal {
  MoveKind kind = MoveKind::kFailover;
  bool automatic = false;
  std::optional<std::size_t> to;  // region index; nullopt: no healthy region to go to
  std::optional<Duration> accept_data_loss;
};

struct Findings {
  std::vector<Guard> guards;
  std::optional<MonoTime> wait_until;  // a guard that only time can pass: not refused, waiting

  [[nodiscard]] bool all_passed() const;
  [[nodiscard]] bool failed(std::string_view name) const;
};

[[nodiscard]] Findings evaluate(const ApplicationState& application, const Elsewhere& elsewhere,
                                const Proposal& proposal, MonoTime now);

// The most preferred healthy region that is not active and has room; where none has room, the most
// preferred healthy one.
[[nodiscard]] std::optional<std::size_t> best_target(const ApplicationState& application,
                                                     const Elsewhere& elsewhere);

}  // namespace leeward::failover
