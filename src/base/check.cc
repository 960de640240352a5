// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace leeward {

void check_failed(const char* condition, const char* why, const char* file, int line) {
  static_cast<void>(
      std::fprintf(stderr, "leeward bug: %s (%s) at %s:%d\n", why, condition, file, line));
  std::abort();
}

}  // namespace leeward
