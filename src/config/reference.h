// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace leeward::config {

// docs/reference/config.md, generated from the schema. A test compares the two.
[[nodiscard]] std::string config_reference();

}  // namespace leeward::config
