// SPDX-License-Identifier: Apache-2.0
//
// Time without a clock. The core receives `now` as an argument; only the shell can read a clock
// (node/clock.h), so core code that asks for the time does not compile.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leeward {

using Duration = std::chrono::nanoseconds;

struct MonoClock {  // intervals and deadlines; never compared between machines
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonoClock>;
  static constexpr bool is_steady = true;
};

struct WallClock {  // UTC since the Unix epoch; for people and records, never for decisions
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<WallClock>;
  static constexpr bool is_steady = false;
};

using MonoTime = MonoClock::time_point;
using WallTime = WallClock::time_point;

// Accepts "250ms", "5s", "1.5s", "2m", "1h", "7d", "0s"; a bare number is refused (unit missing).
// Range: 0 to 10 years.
Result<Duration> parse_duration(std::string_view text);

// The shortest exact form that parse_duration reads back: "250ms", "1500ms", "90s", "1h".
std::string format_duration(Duration duration);

// Whole or fractional milliseconds, for reports: 12.5
[[nodiscard]] double to_milliseconds(Duration duration);

// RFC 3339 in UTC with milliseconds: "2026-11-23T11:40:08.123Z". Years 1700 to 2250.
std::string format_rfc3339(WallTime time);
Result<WallTime> parse_rfc3339(std::string_view text);

}  // namespace leeward
