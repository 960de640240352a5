// SPDX-License-Identifier: Apache-2.0
//
// Any text either is refused with problems, or is a config that reads back to itself.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "config/parse.h"
#include "config/warnings.h"

namespace {

leeward::config::Sources fuzz_sources() {
  return {
      .read_file = [](const std::string& path) -> leeward::Result<std::string> {
        return "token-of-" + path + "-0123456789\n";
      },
      .get_env = [](const std::string& name) -> std::optional<std::string> {
        return name.size() > 3 ? std::optional<std::string>("token-in-environment-" + name)
                               : std::nullopt;
      },
  };
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace config = leeward::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const config::Sources sources = fuzz_sources();
  const auto parsed = config::parse_config(text, "fuzz.yaml", sources);
  if (!parsed) {
    LEEWARD_CHECK(!parsed.error().empty(), "a refusal says why");
    for (const config::Problem& problem : parsed.error()) {
      LEEWARD_CHECK(!config::format_problem(problem).empty(), "a problem can be printed");
    }
    return 0;
  }
  (void)config::warnings(*parsed);
  const auto again = config::parse_config(config::format_config(*parsed), "fuzz.yaml", sources);
  LEEWARD_CHECK(again && *again == *parsed, "the effective config reads back to itself");
  return 0;
}
