// SPDX-License-Identifier: Apache-2.0
#include "routing/text_lines.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace leeward::routing {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

std::optional<std::span<const std::string_view>> TextLines::next() {
  while (!text_.empty() && errors_.size() < kErrorsMax) {
    const std::size_t end = text_.find('\n');
    std::string_view line = text_.substr(0, end);
    text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
    ++line_;
    line = trimmed(line.substr(0, line.find('#')));
    if (line.empty()) {
      continue;
    }
    values_.clear();
    for (std::size_t comma = line.find(','); comma != std::string_view::npos;
         comma = line.find(',')) {
      values_.push_back(trimmed(line.substr(0, comma)));
      line.remove_prefix(comma + 1);
    }
    values_.push_back(trimmed(line));
    return values_;
  }
  return std::nullopt;
}

void TextLines::report(std::string_view message) {
  errors_.push_back(fmt::format("{}:{}: {}", file_name_, line_, message));
}

Status TextLines::status() const {
  if (errors_.empty()) {
    return {};
  }
  std::string message = errors_.front();
  for (std::size_t i = 1; i < errors_.size(); ++i) {
    message += "\n" + errors_[i];
  }
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

std::optional<float> parse_number(std::string_view text) {
  float number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
      !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShownMax = 40;
  std::string result(text.substr(0, kShownMax));
  for (char& c : result) {
    c = c < ' ' || c == 0x7F ? '?' : c;
  }
  return text.size() > kShownMax ? result + "..." : result;
}

}  // namespace leeward::routing
