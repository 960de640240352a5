// SPDX-License-Identifier: Apache-2.0
//
// Strings that must not be mixed up get a type each: using RegionId = Named<struct RegionIdTag>.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace leeward {

template <typename Tag>
class Named {
 public:
  Named() = default;
  explicit Named(std::string value) : value_(std::move(value)) {}

  [[nodiscard]] const std::string& str() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }

  friend auto operator<=>(const Named&, const Named&) = default;
  friend bool operator==(const Named&, const Named&) = default;

 private:
  std::string value_;
};

}  // namespace leeward

template <typename Tag>
struct fmt::formatter<leeward::Named<Tag>> : fmt::formatter<std::string_view> {
  auto format(const leeward::Named<Tag>& name, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(name.str(), context);
  }
};

template <typename Tag>
struct std::hash<leeward::Named<Tag>> {
  std::size_t operator()(const leeward::Named<Tag>& name) const noexcept {
    return std::hash<std::string>{}(name.str());
  }
};
