// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include <leeward/leeward.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* text = reinterpret_cast<const char*>(data);
  leeward_fence fence;
  static_cast<void>(leeward_parse_fence(text, size, &fence));
  static_cast<void>(leeward_is_fenced(text, size));
  return 0;
}
