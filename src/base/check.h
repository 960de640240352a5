// SPDX-License-Identifier: Apache-2.0
//
// LEEWARD_CHECK(condition, "why it must hold"): a bug in Leeward itself. Always on; ends the
// process, because a restart from saved state is cheap and tested while a wrong decision is not.
// Never use it on anything that came from a network, a file or a user.
#pragma once

namespace leeward {

[[noreturn]] void check_failed(const char* condition, const char* why, const char* file, int line);

}  // namespace leeward

#define LEEWARD_CHECK(condition, why)                                 \
  do {                                                                \
    if (!(condition)) [[unlikely]] {                                  \
      ::leeward::check_failed(#condition, (why), __FILE__, __LINE__); \
    }                                                                 \
  } while (false)
