// SPDX-License-Identifier: Apache-2.0
//
// Safety rules and stored panels as somebody may write them: what is accepted must read back as it
// was.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <boost/json.hpp>

#include "base/check.h"
#include "controls/controls_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace controls = leeward::controls;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(controls::parse_member_id(text));
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(boost::json::string_view(text), error);
  if (!error && value.is_object()) {
    if (const auto rule = controls::rule_from_json(value.get_object())) {
      const auto again = controls::rule_from_json(controls::to_json(*rule));
      LEEWARD_CHECK(again && *again == *rule, "an accepted rule reads back");
    }
  }
  if (const auto panel = controls::parse_panel(text)) {
    const auto again = controls::parse_panel(controls::format_panel(*panel));
    LEEWARD_CHECK(again && *again == *panel, "an accepted panel reads back");
  }
  return 0;
}
