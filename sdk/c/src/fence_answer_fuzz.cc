// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include <leeward/leeward.h>

extern "C" {
#include "json_scan.h"
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* text = reinterpret_cast<const char*>(data);
  leeward_fence fence;
  static_cast<void>(leeward_parse_fence(text, size, &fence));
  static_cast<void>(leeward_is_fenced(text, size));
  static_cast<void>(lw_json_only_members({text, size}, nullptr));
  return 0;
}
