// SPDX-License-Identifier: Apache-2.0
//
// An error as the Route 53 API answers it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leeward::route53 {

struct ApiError {
  int status = 400;
  std::string code;  // "NoSuchHostedZone"
  std::string message;
  std::vector<std::string> messages{};  // of InvalidChangeBatch: everything that is wrong

  friend bool operator==(const ApiError&, const ApiError&) = default;
};

// 400: the request is wrong in itself.
[[nodiscard]] inline ApiError invalid_input(std::string message) {
  return {400, "InvalidInput", std::move(message)};
}
[[nodiscard]] inline ApiError malformed_input(std::string message) {
  return {400, "MalformedInput", std::move(message)};
}
// 404: "No hosted zone found with ID: ..."
[[nodiscard]] inline ApiError not_found(std::string code, std::string message) {
  return {404, std::move(code), std::move(message)};
}

}  // namespace leeward::route53
