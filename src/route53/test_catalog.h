// SPDX-License-Identifier: Apache-2.0
//
// A small catalog and its views, for tests and fuzzing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "route53/call.h"
#include "route53/routes.h"

namespace leeward::route53 {

class TestViews final : public Views {
 public:
  [[nodiscard]] std::vector<CheckerRow> statuses(const std::string&) const override {
    return {{"GRA11", "192.0.2.1", "Success: HTTP Status Code 200, OK", {}}};
  }
  [[nodiscard]] std::vector<CheckerRow> last_failures(const std::string&) const override {
    return {};
  }
  [[nodiscard]] std::vector<std::string> checker_ranges() const override {
    return {"192.0.2.1/32"};
  }
  [[nodiscard]] bool routing_control_exists(const std::string& arn) const override {
    return arn.ends_with("/gra");
  }
  [[nodiscard]] DnsAnswer test_dns_answer(const DnsQuestion&) const override {
    return {"ns1", "NOERROR", {"192.0.2.1"}};
  }
};

// The operations on a catalog in memory, one request after the other.
class TestApi {
 public:
  // The result of the operation, whose mutations are in the catalog afterwards.
  OperationResult ask(std::string_view method, std::string_view path, std::string_view body = "",
                      std::vector<std::pair<std::string, std::string>> query = {}) {
    bool known = false;
    const auto match = find_route(method, path, known);
    if (!match) {
      return std::unexpected(not_found("UnknownOperationException", std::string(path)));
    }
    auto document = parse_xml(body);
    if (!document) {
      return std::unexpected(std::move(document).error());
    }
    const Call call{catalog,
                    match->parameters,
                    std::move(query),
                    document->document_element(),
                    WallTime{},
                    rng,
                    views,
                    name_servers,
                    delete_used_health_checks};
    OperationResult result = match->route->operation(call);
    if (result) {
      for (const Mutation& mutation : result->mutations) {
        last_status = catalog.apply(mutation);
        if (!last_status) {
          break;
        }
      }
    }
    return result;
  }

  Catalog catalog;
  Status last_status;  // of applying what was answered: never an error
  Rng rng{7};
  TestViews views;
  std::vector<std::string> name_servers{"ns1.example.net.", "ns2.example.net."};
  bool delete_used_health_checks = false;
};

}  // namespace leeward::route53
