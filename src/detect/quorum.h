// SPDX-License-Identifier: Apache-2.0
//
// The status of one health check: the quorum of fresh verdicts. Pure; node and simulator call it.
//
// - *Quorum is absolute*: `required` votes, never a share of those that are left.
// - *A vote must be earned*: an unknown verdict is no vote, an expired vote is no vote, and a
//   vantage point has one vote, its newest.
// - Unhealthy when at least `required` fresh votes say so; else healthy when at least `required`
//   do. Both at once is possible only where 2 x required <= vantage points; unhealthy wins then,
//   because the guards of a failover still stand between it and users.
// - Neither: the previous health is kept while anybody still has a fresh vote, since losing a
//   quorum is no news about the target. It is marked: `suspect`, time_to_flip 0. Nobody has one:
//   unknown, on which nothing may be moved.
#pragma once

#include <span>

#include "base/time.h"
#include "model/health.h"

namespace leeward::detect {

// REQUIRES: required >= 1. `votes` in any order. A vote at or after now - vote_ttl is fresh.
// Result: votes = the counted ones, by vantage; time_to_flip = until the quorum would lapse if no
// vote were renewed; suspect = a fresh vote disagrees, or no quorum stands behind the health.
[[nodiscard]] HealthStatus status_of(std::span<const Vote> votes, int required, MonoTime now,
                                     Duration vote_ttl, const HealthStatus& previous);

}  // namespace leeward::detect
