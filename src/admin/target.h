// SPDX-License-Identifier: Apache-2.0
//
// A request target (RFC 9112 origin-form) taken apart: "/v1/checks/shop%2FGRA11?limit=5".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace leeward::admin {

struct Target {
  std::vector<std::string> segments;  // decoded after splitting, so %2F stays within its segment
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order

  // The last value of that name.
  [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
};

// kInvalidArgument: not starting with '/', over 2048 bytes, a bad percent-encoding, a control
// character, or more than 16 segments or parameters.
Result<Target> parse_target(std::string_view text);

// Encodes all but unreserved characters (RFC 3986), for one path segment or query value.
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace leeward::admin
