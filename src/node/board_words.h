// SPDX-License-Identifier: Apache-2.0
//
// What to write on the health board: pure functions from statuses and assignments to words.
#pragma once

#include <cstddef>
#include <optional>

#include "base/time.h"
#include "failover/state.h"
#include "model/application.h"
#include "model/health.h"
#include "model/health_board.h"

namespace leeward::node {

// While a status is suspect, answers that depend on it may live only as long as it takes to become
// sure, rounded up to whole seconds (gdnsd's rule). While it is not, they live their full TTL: with
// detection below a second every answer would otherwise always carry the floor.
[[nodiscard]] std::uint32_t ttl_limit_seconds(const HealthStatus& status);

[[nodiscard]] BoardWord word_of_check(const HealthStatus& status);

// `active_index`: of the assigned region in the application's order of preference.
[[nodiscard]] BoardWord word_of_application(std::size_t active_index,
                                            const HealthStatus& active_status);

// While users follow a failback in steps, the region that they come from answers the rest.
[[nodiscard]] BoardWord with_ramp(BoardWord word, const Application& application,
                                  const std::optional<failover::Ramp>& ramp);

[[nodiscard]] std::optional<std::size_t> region_index(const Application& application,
                                                      const RegionId& region);

// The TTL that answers carry now: what routing makes of the application's TTL, floor and words.
[[nodiscard]] Duration ttl_now(const Application& application, std::uint32_t limit_seconds);

}  // namespace leeward::node
