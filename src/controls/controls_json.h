// SPDX-License-Identifier: Apache-2.0
//
// Panels as JSON, for the state store; safety rules as the API's users write them.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "base/result.h"
#include "controls/controls.h"

namespace leeward::controls {

[[nodiscard]] boost::json::object to_json(const SafetyRule& rule);
// Unknown keys, wrong types and missing keys are kInvalidArgument that name the key.
//   {"kind": "assertion", "asserted_controls": ["gra", "rbx"], "wait_period": "5s",
//    "rule_config": {"type": "ATLEAST", "threshold": 1, "inverted": false}}
//   {"kind": "gating", "gating_controls": [...], "target_controls": [...], ...}
Result<SafetyRule> rule_from_json(const boost::json::object& object);

// The store's form. parse_panel: kDataCorrupt with what is wrong.
[[nodiscard]] std::string format_panel(const ControlPanel& panel);
Result<ControlPanel> parse_panel(std::string_view text);

}  // namespace leeward::controls
