// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "dynamodb/credentials_ini.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leeward::dynamodb;  // NOLINT(google-build-using-namespace)
  const auto file = parse_ini({reinterpret_cast<const char*>(data), size});
  if (!file) {
    LEEWARD_CHECK(!file.error().message.empty(), "a refusal says why");
    return 0;
  }
  for (const auto& [name, section] : *file) {
    for (const auto& [key, value] : section) {
      LEEWARD_CHECK(value.find('\n') == std::string::npos, "values are one line");
    }
    static_cast<void>(find_profile(*file, *file, name));
  }
  return 0;
}
