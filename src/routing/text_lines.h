// SPDX-License-Identifier: Apache-2.0
//
// Lines of values between commas, as the files of networks and of latencies have them. Internal to
// their parsers.
//
// '#' begins a comment, blank lines count for nothing, blanks around values go. No quotes: none of
// the values needs any.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace leeward::routing {

class TextLines {
 public:
  TextLines(std::string_view file_name, std::string_view text)
      : file_name_(file_name), text_(text) {}

  // The values of the next line that has any, valid until the next call; nullopt: the end, or so
  // many errors that reading on would help nobody.
  [[nodiscard]] std::optional<std::span<const std::string_view>> next();

  // Of the line that was read last: "networks.csv:7: message".
  void report(std::string_view message);

  // Every error, one a line; OK: none.
  [[nodiscard]] Status status() const;

 private:
  static constexpr std::size_t kErrorsMax = 20;

  std::string_view file_name_;
  std::string_view text_;  // what was not read yet
  std::size_t line_ = 0;
  std::vector<std::string_view> values_;
  std::vector<std::string> errors_;
};

// The whole of `text` as a decimal number. nullopt: it is none, or not finite.
[[nodiscard]] std::optional<float> parse_number(std::string_view text);

// For messages: not longer than a line, and printable.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace leeward::routing
