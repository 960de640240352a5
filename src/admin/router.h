// SPDX-License-Identifier: Apache-2.0
//
// What the admin API answers: a request in, a response out, no sockets. Every route is in one table
// (routes()), which docs/reference/openapi.yaml must match.
//
// Thread-safety: as ControlPlane. `control` must outlive the router.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/auth.h"
#include "admin/control_plane.h"
#include "admin/http.h"
#include "config/config.h"

namespace leeward::admin {

using RespondCallback = std::function<void(Response)>;

struct RouteInfo {
  std::string method;                // "GET"; HEAD is answered wherever GET is
  std::string path;                  // "/v1/applications/{id}/failover"
  std::optional<config::Role> role;  // least role; nullopt: anybody
};

[[nodiscard]] std::vector<RouteInfo> routes();

class Router {
 public:
  Router(ControlPlane& control, std::vector<config::Token> tokens)
      : control_(control), authenticator_(std::move(tokens)) {}

  void set_tokens(std::vector<config::Token> tokens) {
    authenticator_ = Authenticator(std::move(tokens));
  }

  // Calls back once: now, or when the control plane does. The answer to HEAD has the body whose
  // length it states; the caller leaves it out.
  void handle(const Request& request, RespondCallback respond);

 private:
  ControlPlane& control_;
  Authenticator authenticator_;
};

}  // namespace leeward::admin
