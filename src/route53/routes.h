// SPDX-License-Identifier: Apache-2.0
//
// Which operation stands at which method and path: the whole service model in one table.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "route53/call.h"

namespace leeward::route53 {

struct Route {
  std::string_view method;
  std::string_view path;  // below /2013-04-01: "/hostedzone/{}/rrset"
  std::string_view name;  // "ListResourceRecordSets"
  Operation operation;
  bool writes = false;
};

struct Match {
  const Route* route;
  std::vector<std::string> parameters;  // decoded
};

// `path` as sent, without the query; a slash at its end does not matter. `known` is whether the
// path exists with another method.
[[nodiscard]] std::optional<Match> find_route(std::string_view method, std::string_view path,
                                              bool& known);

[[nodiscard]] std::string percent_decode(std::string_view text);

}  // namespace leeward::route53
