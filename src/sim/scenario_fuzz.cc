// SPDX-License-Identifier: Apache-2.0
//
// Any text is a scenario that reads back, or an error.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "sim/scenario.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto scenario = leeward::sim::parse_scenario(text);
  if (scenario) {
    const std::string formatted = leeward::sim::format_scenario(*scenario);
    const auto again = leeward::sim::parse_scenario(formatted);
    LEEWARD_CHECK(again && leeward::sim::format_scenario(*again) == formatted,
                  "a scenario reads back as it was written");
  } else {
    LEEWARD_CHECK(!scenario.error().message.empty(), "an error says what is wrong");
  }
  return 0;
}
