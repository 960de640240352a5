// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/decision.h"

namespace leeward::failover {

// A decision as a page for a person: what moved and why, every vote with its evidence, every guard
// passed or failed, and when each step happened, counted from the first missed probe (or from the
// decision, where no probe triggered it). Pure; ends with a line end.
[[nodiscard]] std::string explain(const Decision& decision);

}  // namespace leeward::failover
