// SPDX-License-Identifier: Apache-2.0
//
// Metrics in the Prometheus text format 0.0.4. docs/reference/metrics.md lists every name.
//
// Thread-safety: pure functions.
#pragma once

#include <string>
#include <vector>

#include "admin/views.h"

namespace leeward::admin {

[[nodiscard]] std::string format_metrics(const Metrics& metrics);

// Every family's name, in the order of format_metrics.
[[nodiscard]] std::vector<std::string> metric_names();

}  // namespace leeward::admin
