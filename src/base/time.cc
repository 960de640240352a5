// SPDX-License-Identifier: Apache-2.0
#include "base/time.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include <fmt/format.h>

namespace leeward {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t nanoseconds;
};

// Longest suffix first where one ends in another ("ms" before "s").
constexpr std::array kUnits = {
    Unit{"ms", 1'000'000},         Unit{"us", 1'000},         Unit{"ns", 1},
    Unit{"s", 1'000'000'000},      Unit{"m", 60'000'000'000}, Unit{"h", 3'600'000'000'000},
    Unit{"d", 86'400'000'000'000},
};

constexpr double kMaxNanoseconds = 10.0 * 365 * 86'400 * 1e9;

constexpr const char* kExpected = "expected a duration such as 250ms, 5s, 2m, 1h or 7d";

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.suffix)) {
      continue;
    }
    const std::string_view digits = text.substr(0, text.size() - unit.suffix.size());
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value,
                                              std::chars_format::fixed);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() ||
        !std::isfinite(value)) {
      continue;
    }
    const double nanoseconds = value * static_cast<double>(unit.nanoseconds);
    if (value < 0 || nanoseconds > kMaxNanoseconds) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' is out of range (0s to 3650d)", text));
    }
    return Duration(std::llround(nanoseconds));
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is not a duration: {}", text, kExpected));
}

std::string format_duration(Duration duration) {
  const std::int64_t count = duration.count();
  if (count == 0) {
    return "0s";
  }
  constexpr std::array kLargestFirst = {
      Unit{"d", 86'400'000'000'000}, Unit{"h", 3'600'000'000'000}, Unit{"m", 60'000'000'000},
      Unit{"s", 1'000'000'000},      Unit{"ms", 1'000'000},        Unit{"us", 1'000},
  };
  for (const Unit& unit : kLargestFirst) {
    if (count % unit.nanoseconds == 0) {
      return fmt::format("{}{}", count / unit.nanoseconds, unit.suffix);
    }
  }
  return fmt::format("{}ns", count);
}

double to_milliseconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

std::string format_rfc3339(WallTime time) {
  using std::chrono::days;
  const Duration since_epoch = time.time_since_epoch();
  const auto day = std::chrono::floor<days>(since_epoch);
  const std::chrono::year_month_day date{std::chrono::sys_days(day)};
  const std::int64_t milliseconds =
      std::chrono::floor<std::chrono::milliseconds>(since_epoch - day).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     milliseconds / 3'600'000, milliseconds / 60'000 % 60, milliseconds / 1000 % 60,
                     milliseconds % 1000);
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  const auto bad = [&] {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is not a UTC time such as 2026-11-23T11:40:08.123Z", text));
  };
  const std::string copy(text);
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  double second = 0;
  int consumed = 0;
  const int fields = std::sscanf(copy.c_str(), "%4d-%2u-%2uT%2u:%2u:%6lfZ%n", &year, &month, &day,
                                 &hour, &minute, &second, &consumed);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  constexpr int kYearMin = 1700;  // nanoseconds in 64 bits begin in 1677 and end in 2262
  constexpr int kYearMax = 2250;
  if (fields != 6 || static_cast<std::size_t>(consumed) != copy.size() || !date.ok() ||
      year < kYearMin || year > kYearMax || hour > 23 || minute > 59 ||
      !(second >= 0 && second < 61)) {
    return bad();
  }
  const Duration since_epoch = std::chrono::sys_days(date).time_since_epoch() +
                               std::chrono::hours(hour) + std::chrono::minutes(minute) +
                               std::chrono::milliseconds(std::llround(second * 1000));
  return WallTime(since_epoch);
}

}  // namespace leeward
