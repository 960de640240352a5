// SPDX-License-Identifier: Apache-2.0
#include "replica/stamp.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace leeward::replica {
namespace {

constexpr std::size_t kMicrosecondDigits = 16;
constexpr std::size_t kCounterDigits = 4;
constexpr std::size_t kRegionStart = kMicrosecondDigits + 1 + kCounterDigits + 1;

template <typename Number>
bool parse_digits(std::string_view text, Number& number) {
  if (!std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string format_stamp(const Stamp& stamp) {
  return fmt::format("{:016}.{:04}.{}", stamp.microseconds, stamp.counter, stamp.region);
}

std::optional<Stamp> parse_stamp(std::string_view text) {
  Stamp stamp;
  if (text.size() <= kRegionStart || text[kMicrosecondDigits] != '.' ||
      text[kRegionStart - 1] != '.' ||
      !parse_digits(text.substr(0, kMicrosecondDigits), stamp.microseconds) ||
      !parse_digits(text.substr(kMicrosecondDigits + 1, kCounterDigits), stamp.counter)) {
    return std::nullopt;
  }
  stamp.region = RegionId(std::string(text.substr(kRegionStart)));
  return stamp;
}

std::string zero_stamp(const RegionId& region) {
  return format_stamp({0, 0, region});
}

bool is_zero_stamp(std::string_view text) {
  return text.starts_with("0000000000000000.0000.");
}

std::string_view region_of_stamp(std::string_view text) {
  return text.size() > kRegionStart ? text.substr(kRegionStart) : std::string_view{};
}

Duration ahead_of(const Stamp& stamp, WallTime now) {
  const auto now_us = std::chrono::floor<std::chrono::microseconds>(now.time_since_epoch()).count();
  // 16 digits of microseconds fit, but not as nanoseconds; a century ahead is far enough.
  constexpr std::int64_t kCenturyUs = std::int64_t{100} * 365 * 86'400 * 1'000'000;
  const std::int64_t difference_us = static_cast<std::int64_t>(stamp.microseconds) - now_us;
  return std::chrono::microseconds(std::clamp(difference_us, -kCenturyUs, kCenturyUs));
}

}  // namespace leeward::replica
