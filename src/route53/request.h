// SPDX-License-Identifier: Apache-2.0
//
// HTTP as values: what comes in, what goes out.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace leeward::route53 {

struct Request {
  std::string method;
  std::string target;                                        // path and query, as sent
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order
  std::string body;
};

struct HttpReply {
  int status = 200;
  std::string body;  // XML
  std::vector<std::pair<std::string, std::string>> headers;
};

}  // namespace leeward::route53
