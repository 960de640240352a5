// SPDX-License-Identifier: Apache-2.0
#include "gateway/control.h"

#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace leeward::gateway {
namespace {

namespace json = boost::json;

constexpr std::string_view kJson = "application/json";

Reply problem(int status, std::string_view detail) {
  return {.status = status,
          .body = json::serialize(json::object{{"detail", detail}}) + "\n",
          .content_type = kJson};
}

}  // namespace

Reply Control::refuse(int status, std::string_view what) {
  return problem(status, what);
}

Reply Control::set_faults(std::string_view body) {
  auto plan = parse_faults(body);
  if (!plan) {
    return problem(400, plan.error().message);
  }
  const std::string text = json::serialize(to_json(*plan));
  shared_.faults.set(std::move(*plan));
  shared_.log("faults_set", text);
  return {.body = text + "\n", .content_type = kJson};
}

Task<Reply> Control::respond(const Incoming& request) {
  const std::string_view method = request.received.method;
  const std::string_view path = request.received.path;
  if (path == "/faults" && method == "PUT") {
    co_return set_faults(request.received.body);
  }
  if (method != "GET") {
    co_return problem(path == "/faults" || path == "/metrics" || path == "/healthz" ? 405 : 404,
                      "there are GET /healthz, GET /metrics, GET /faults and PUT /faults");
  }
  if (path == "/faults") {
    co_return Reply{.body = json::serialize(to_json(*shared_.faults.get())) + "\n",
                    .content_type = kJson};
  }
  if (path == "/metrics") {
    co_return Reply{.body = shared_.metrics.text(shared_.options.region.str(),
                                                 shared_.registry.get()->replicated.size(),
                                                 shared_.store_up, shared_.faults.get()->size()),
                    .content_type = "text/plain; version=0.0.4"};
  }
  if (path == "/healthz") {
    const bool up = shared_.store_up;
    co_return Reply{.status = up ? 200 : 503,
                    .body = json::serialize(json::object{{"store_up", up}}) + "\n",
                    .content_type = kJson};
  }
  co_return problem(404, "there are GET /healthz, GET /metrics, GET /faults and PUT /faults");
}

}  // namespace leeward::gateway
