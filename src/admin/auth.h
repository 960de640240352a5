// SPDX-License-Identifier: Apache-2.0
//
// Who asks, and may they. With tokens configured every request carries one (RFC 6750 bearer token).
// Without, the API listens on loopback only and everybody on the machine is admin; then a web page
// in a local browser must not be able to command it, neither across origins nor by DNS rebinding.
#pragma once

#include <string>
#include <vector>

#include "admin/http.h"
#include "base/result.h"
#include "config/config.h"

namespace leeward::admin {

struct Identity {
  std::string name;  // the token's name; "local" without tokens
  config::Role role = config::Role::kViewer;

  friend bool operator==(const Identity&, const Identity&) = default;
};

class Authenticator {
 public:
  explicit Authenticator(std::vector<config::Token> tokens) : tokens_(std::move(tokens)) {}

  // kUnauthenticated: no token, or not one of ours. kPermissionDenied: without tokens, a request
  // that a web page made. Compares with every token in constant time.
  [[nodiscard]] Result<Identity> identify(const Request& request) const;

 private:
  std::vector<config::Token> tokens_;
};

// kPermissionDenied, naming the role that is needed.
Status authorize(const Identity& identity, config::Role needed);

// True when `host` (a Host header) cannot have come from a name that somebody else's DNS points
// here: an IP address, localhost or a name below it.
[[nodiscard]] bool is_local_host_header(std::string_view host);

}  // namespace leeward::admin
