// SPDX-License-Identifier: Apache-2.0
//
// A request and its answer as values, free of sockets, so that what the API answers can be tested
// and fuzzed without one.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace leeward::admin {

// The headers are those that the API looks at; an absent one is empty unless it is optional.
struct Request {
  std::string method{};  // as sent: methods are case-sensitive
  std::string target{};  // path and query, still percent-encoded
  std::optional<std::string> host{};
  std::optional<std::string> origin{};
  std::string authorization{};
  std::string content_type{};
  std::string accept{};
  std::optional<std::string> last_event_id{};
  std::string body{};
};

// A request to another API that is served on the same socket, with all its headers.
struct MountedRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order
  std::string body;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // beyond type and length

  // Set: the connection follows the events from here on, and `body` is unused.
  bool follow_events = false;
  std::optional<std::string> last_event_id;
};

// Answers now or later, once.
using MountedHandler = std::function<void(MountedRequest, std::function<void(Response)>)>;

}  // namespace leeward::admin
