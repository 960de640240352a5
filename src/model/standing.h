// SPDX-License-Identifier: Apache-2.0
//
// What stands between an application and automatic moves, besides its health: an operator's hold,
// and the lockout of an application that moved too often. Both survive restarts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/ids.h"

namespace leeward {

// No automatic move until it is released. Operators may still move.
struct Hold {
  std::string requested_by;  // a token's name
  std::string reason;        // free text, at most 500 bytes
  WallTime since;

  friend bool operator==(const Hold&, const Hold&) = default;
};

struct Standing {
  std::optional<Hold> hold;
  bool locked_out = false;                // until an operator acknowledges
  std::vector<WallTime> automatic_moves;  // within the lockout's window, oldest first

  friend bool operator==(const Standing&, const Standing&) = default;
};

enum class StandingChange : std::uint8_t { kHold, kRelease, kAcknowledge };

[[nodiscard]] std::string_view to_string(StandingChange change);  // "hold"
[[nodiscard]] std::optional<StandingChange> parse_standing_change(std::string_view text);

// What an operator asks for. Asking twice is no error.
struct StandingCommand {
  StandingChange change = StandingChange::kHold;
  ApplicationId application;
  std::string requested_by;
  std::string reason;

  friend bool operator==(const StandingCommand&, const StandingCommand&) = default;
};

}  // namespace leeward
