// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace leeward {

// A string that prints as "***". reveal() is the only way to its value, so that every use of a
// secret can be found by searching for that word.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  [[nodiscard]] const std::string& reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }

  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string value_;
};

// Takes the same time whatever the first difference is; for tokens and signatures.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace leeward

template <>
struct fmt::formatter<leeward::Secret> : fmt::formatter<std::string_view> {
  auto format(const leeward::Secret&, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format("***", context);
  }
};
