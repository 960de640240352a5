// SPDX-License-Identifier: Apache-2.0
#include "admin/router.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "admin/handlers.h"
#include "admin/problem.h"
#include "admin/target.h"

namespace leeward::admin {
namespace {

using config::Role;
using Handler = void (*)(const Call&);

struct Route {
  std::string_view method;
  std::string_view path;
  std::optional<Role> role;
  std::string_view query;  // the parameters it knows, separated by spaces
  Handler handler;
};

constexpr std::array kRoutes = {
    Route{"GET", "/healthz", std::nullopt, "", get_healthz},
    Route{"GET", "/readyz", std::nullopt, "", get_readyz},
    Route{"GET", "/metrics", Role::kViewer, "", get_metrics},
    Route{"GET", "/v1/status", Role::kViewer, "", get_status},
    Route{"GET", "/v1/applications", Role::kViewer, "", get_applications},
    Route{"GET", "/v1/applications/{id}", Role::kViewer, "", get_application},
    Route{"POST", "/v1/applications/{id}/failover", Role::kOperator, "", post_failover},
    Route{"POST", "/v1/applications/{id}/switchover", Role::kOperator, "", post_switchover},
    Route{"POST", "/v1/applications/{id}/failback", Role::kOperator, "", post_failback},
    Route{"POST", "/v1/applications/{id}/hold", Role::kOperator, "", post_hold},
    Route{"POST", "/v1/applications/{id}/release", Role::kOperator, "", post_release},
    Route{"POST", "/v1/applications/{id}/acknowledge", Role::kOperator, "", post_acknowledge},
    Route{"GET", "/v1/checks", Role::kViewer, "application region health", get_checks},
    Route{"GET", "/v1/checks/{id}", Role::kViewer, "", get_check},
    Route{"GET", "/v1/checks/{id}/history", Role::kViewer, "", get_check_history},
    Route{"GET", "/v1/decisions", Role::kViewer, "application limit", get_decisions},
    Route{"GET", "/v1/decisions/{id}", Role::kViewer, "", get_decision},
    Route{"GET", "/v1/journal", Role::kViewer, "from limit", get_journal},
    Route{"GET", "/v1/replication", Role::kViewer, "", get_replication},
    Route{"GET", "/v1/control-panels", Role::kViewer, "", get_control_panels},
    Route{"GET", "/v1/control-panels/{panel}", Role::kViewer, "", get_control_panel},
    Route{"PUT", "/v1/control-panels/{panel}", Role::kAdmin, "", put_control_panel},
    Route{"DELETE", "/v1/control-panels/{panel}", Role::kAdmin, "", delete_control_panel},
    Route{"PUT", "/v1/control-panels/{panel}/controls/{control}", Role::kAdmin, "",
          put_routing_control},
    Route{"DELETE", "/v1/control-panels/{panel}/controls/{control}", Role::kAdmin, "",
          delete_routing_control},
    Route{"PUT", "/v1/control-panels/{panel}/rules/{rule}", Role::kAdmin, "", put_safety_rule},
    Route{"DELETE", "/v1/control-panels/{panel}/rules/{rule}", Role::kAdmin, "",
          delete_safety_rule},
    Route{"POST", "/v1/control-states", Role::kOperator, "", post_control_states},
    Route{"GET", "/v1/zones", Role::kViewer, "", get_zones},
    Route{"GET", "/v1/zones/{zone}", Role::kViewer, "", get_zone_file},
    Route{"PUT", "/v1/zones/{zone}", Role::kAdmin, "", put_zone_file},
    Route{"GET", "/v1/events", Role::kViewer, "", get_events},
    Route{"POST", "/v1/reload", Role::kAdmin, "", post_reload},
};

// The values of the pattern's parameters, or nothing if the path does not match.
std::optional<std::vector<std::string>> match(std::string_view pattern,
                                              const std::vector<std::string>& segments) {
  std::vector<std::string> parameters;
  std::size_t i = 0;
  pattern.remove_prefix(1);
  while (!pattern.empty()) {
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    const std::string_view part = pattern.substr(0, end);
    if (i == segments.size()) {
      return std::nullopt;
    }
    if (part.starts_with('{')) {
      if (segments[i].empty()) {
        return std::nullopt;
      }
      parameters.push_back(segments[i]);
    } else if (part != segments[i]) {
      return std::nullopt;
    }
    ++i;
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  return i == segments.size() ? std::optional(std::move(parameters)) : std::nullopt;
}

bool method_matches(std::string_view route_method, std::string_view method) {
  return route_method == method || (route_method == "GET" && method == "HEAD");
}

bool is_open(const std::vector<std::string>& segments) {
  return std::ranges::any_of(kRoutes, [&](const Route& route) {
    return !route.role && match(route.path, segments).has_value();
  });
}

Response unauthenticated(const Request& request, const Error& error) {
  Response response = problem(error);
  if (error.code == ErrorCode::kUnauthenticated) {
    response.headers.emplace_back("WWW-Authenticate",
                                  request.authorization.empty()
                                      ? "Bearer realm=\"leeward\""
                                      : "Bearer realm=\"leeward\", error=\"invalid_token\"");
  }
  return response;
}

// No route has this path, or none with this method.
Response unmatched(const std::vector<std::string>& segments) {
  std::string allow;
  for (const Route& route : kRoutes) {
    if (match(route.path, segments)) {
      allow += fmt::format("{}{}", allow.empty() ? "" : ", ",
                           route.method == "GET" ? "GET, HEAD" : route.method);
    }
  }
  if (allow.empty()) {
    return problem({ErrorCode::kNotFound,
                    "there is nothing at this path; the API is described in "
                    "docs/reference/openapi.yaml"});
  }
  Response response = http_problem(405, fmt::format("this path answers {}", allow));
  response.headers.emplace_back("Allow", allow);
  return response;
}

Status check_query(std::string_view known, const Target& target) {
  for (const auto& [name, value] : target.query) {
    const std::string padded = fmt::format(" {} ", known);
    if (name.empty() || name.contains(' ') || !padded.contains(fmt::format(" {} ", name))) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("unknown parameter '{}'; known here: {}", name.substr(0, 64),
                              known.empty() ? "none" : known));
    }
  }
  return {};
}

// A body must say that it is JSON: a web page's form cannot, which keeps forms away.
bool has_json_body_or_none(const Request& request) {
  std::string_view type = request.content_type;
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) {
    type.remove_suffix(1);
  }
  if (type.empty()) {
    return request.body.empty();
  }
  constexpr std::string_view kJson = "application/json";
  return std::ranges::equal(type, kJson, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// RFC 4027; and, as for JSON, a web page's form cannot say so.
bool has_zone_text(const Request& request) {
  return request.content_type.starts_with("text/dns");
}

void call_route(const Route& route, Call call) {
  if (route.role) {
    if (const Status allowed = authorize(call.identity, *route.role); !allowed) {
      Response response = problem(allowed.error());
      response.headers.emplace_back("WWW-Authenticate",
                                    "Bearer realm=\"leeward\", error=\"insufficient_scope\"");
      return call.respond(std::move(response));
    }
  }
  if (const Status good = check_query(route.query, call.target); !good) {
    return call.respond(problem(good.error()));
  }
  const bool takes_text = route.handler == put_zone_file;
  if ((route.method == "POST" || route.method == "PUT") && !takes_text &&
      !has_json_body_or_none(call.request)) {
    return call.respond(
        http_problem(415, "send the body as JSON, with 'Content-Type: application/json'"));
  }
  if (takes_text && !has_zone_text(call.request)) {
    return call.respond(http_problem(415, "send the zone file with 'Content-Type: text/dns'"));
  }
  route.handler(call);
}

}  // namespace

std::vector<RouteInfo> routes() {
  std::vector<RouteInfo> infos;
  for (const Route& route : kRoutes) {
    infos.push_back({std::string(route.method), std::string(route.path), route.role});
  }
  return infos;
}

void Router::handle(const Request& request, RespondCallback respond) {
  const Result<Target> target = parse_target(request.target);
  if (!target) {
    return respond(problem(target.error()));
  }
  Identity identity;
  if (!is_open(target->segments)) {
    // Before 404 and 405: what exists is not shown to strangers.
    Result<Identity> known = authenticator_.identify(request);
    if (!known) {
      return respond(unauthenticated(request, known.error()));
    }
    identity = *std::move(known);
  }
  for (const Route& route : kRoutes) {
    if (!method_matches(route.method, request.method)) {
      continue;
    }
    if (auto parameters = match(route.path, target->segments)) {
      return call_route(route, Call{request, *target, *std::move(parameters), std::move(identity),
                                    control_, std::move(respond)});
    }
  }
  respond(unmatched(target->segments));
}

}  // namespace leeward::admin
