// SPDX-License-Identifier: Apache-2.0
//
// The one place where the shell reads a clock. The core takes `now` as an argument.
#pragma once

#include <chrono>

#include "base/time.h"

namespace leeward::probe {

[[nodiscard]] inline MonoTime mono_now() {
  return MonoTime(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

[[nodiscard]] inline WallTime wall_now() {
  return WallTime(
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

// For waiting functions of the standard library and Asio.
[[nodiscard]] inline std::chrono::steady_clock::time_point to_steady(MonoTime time) {
  return std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(time.time_since_epoch()));
}

}  // namespace leeward::probe
