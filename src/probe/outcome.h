// SPDX-License-Identifier: Apache-2.0
//
// How a probe ended, in words that are safe to log and show whatever the server sent.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "model/health.h"

namespace leeward::probe {

inline constexpr std::size_t kDetailBytesMax = 200;

struct Outcome {
  ProbeOutcome outcome = ProbeOutcome::kLocalError;
  std::string detail;  // made by sanitise_detail()
};

// One line of at most kDetailBytesMax bytes: control and non-ASCII bytes become '?'.
[[nodiscard]] std::string sanitise_detail(std::string_view text);

// What an errno of socket(), connect() or an asynchronous connect says about the target.
[[nodiscard]] Outcome connect_failure(int error);

// What an errno of send() or recv() says, before an answer was complete.
[[nodiscard]] Outcome exchange_failure(int error);

}  // namespace leeward::probe
