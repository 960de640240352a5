// SPDX-License-Identifier: Apache-2.0
//
// From a health check of the API to what the checker probes.
//
// Route 53's semantics ("How Amazon Route 53 determines whether a health check is healthy"): status
// 2xx or 3xx; certificates are not validated; the failure threshold counts both ways. What its
// model cannot say travels as tags on the health check:
//   leeward:interval         between probes, 20ms to 1h; without it RequestInterval
//   leeward:timeout          100ms to 1m; without it 4 s, TCP 10 s, never above the interval
//   leeward:confirm-probes   failures in a row that make it unhealthy, 1 to 100; without it
//                            FailureThreshold
//   leeward:confirm-spacing  between the probes that confirm a first failure, 5ms up to the
//                            interval; without it the interval, as Route 53 does
//
// Thread-safety: pure functions.
#pragma once

#include <optional>

#include "base/result.h"
#include "model/health_check.h"
#include "route53/entries.h"

namespace leeward::route53 {

// kInvalidArgument names the tag.
Result<CheckTiming> check_timing(const HealthCheckEntry& entry, const Tags& tags);

// nullopt: this type is not probed (CALCULATED and the like).
std::optional<HealthCheck> probe_of(const HealthCheckEntry& entry, const Tags& tags);

}  // namespace leeward::route53
