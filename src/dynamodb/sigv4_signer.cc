// SPDX-License-Identifier: Apache-2.0
//
// For sigv4_oracle_test.py: reads requests as JSON lines, prints the headers that sign() adds, each
// as one JSON line.
#include <iostream>
#include <string>

#include <boost/json.hpp>

#include "dynamodb/sigv4.h"

int main() {
  namespace json = boost::json;
  for (std::string line; std::getline(std::cin, line);) {
    const json::object in = json::parse(line).as_object();
    const auto text = [&in](const char* key) { return std::string(in.at(key).as_string()); };
    leeward::dynamodb::SignedRequest request{.method = "POST",
                                             .host = text("host"),
                                             .path = "/",
                                             .body = text("body"),
                                             .region = text("region"),
                                             .service = text("service"),
                                             .headers = {}};
    for (const auto& header : in.at("headers").as_object()) {
      request.headers.emplace_back(header.key(), header.value().as_string());
    }
    const auto at = leeward::parse_rfc3339(text("at"));
    if (!at) {
      std::cerr << at.error().message << "\n";
      return 1;
    }
    json::object out;
    for (const auto& [name, value] :
         sign(request,
              {text("id"), leeward::Secret(text("secret")), leeward::Secret(text("token"))}, *at)) {
      out[name] = value;
    }
    std::cout << json::serialize(out) << "\n";
  }
  return 0;
}
