// SPDX-License-Identifier: Apache-2.0
//
// What a reload changes, in words, and what it cannot change. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"

namespace leeward::node {

// One line per thing that differs: "application shop: changed". Never a secret.
[[nodiscard]] std::vector<std::string> describe_changes(const config::Config& before,
                                                        const config::Config& after);

// A key that differs and needs a restart, with what to do; nullopt: all of it can be applied.
[[nodiscard]] std::optional<std::string> fixed_while_running(const config::Config& before,
                                                             const config::Config& after);

}  // namespace leeward::node
