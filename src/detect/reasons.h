// SPDX-License-Identifier: Apache-2.0
//
// One line for a person: why a verdict changed. Pure text.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "model/health.h"

namespace leeward::detect {

// Rounded to what a person reads: "450ms", "1500us", "59633ms".
[[nodiscard]] std::string readable(Duration duration);

// "3 consecutive probes refused", "4 consecutive probes unanswered: 1 refused, 3 timed out".
[[nodiscard]] std::string reason_for_misses(int count,
                                            const std::vector<Observation>& observations);

// "probe 13 answered in 10ms": what ended a suspicion.
[[nodiscard]] std::string reason_for_relief(const Observation& observation);

}  // namespace leeward::detect
