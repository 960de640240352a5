// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace leeward::config {

// What is allowed but risky or without effect: "applications.shop.failover: ...". For `config
// check` and the log at start and reload.
[[nodiscard]] std::vector<std::string> warnings(const Config& config);

}  // namespace leeward::config
