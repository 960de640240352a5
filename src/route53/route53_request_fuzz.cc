// SPDX-License-Identifier: Apache-2.0
//
// Any request to any operation, on a catalog that has one of each: "METHOD PATH?QUERY\nBODY". What
// is answered is XML, and what is to be stored can be read back.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "route53/test_catalog.h"
#include "route53/traffic_document.h"

namespace {

using namespace leeward::route53;

void seed(TestApi& api) {
  ZoneEntry zone;
  zone.zone.id = "Z1";
  zone.zone.name = "z.test.";
  zone.name_servers = api.name_servers;
  static_cast<void>(api.catalog.apply(put_zone(zone)));
  leeward::ResourceRecordSet set;
  set.name = "a.z.test.";
  set.type = "A";
  set.ttl_seconds = 60;
  set.values = {"192.0.2.1"};
  static_cast<void>(api.catalog.apply(put_record("Z1", set)));
  HealthCheckEntry check;
  check.id = "hc";
  check.type = "TCP";
  check.ip_address = "192.0.2.1";
  check.port = 80;
  static_cast<void>(api.catalog.apply(put_health_check(check)));
  CidrEntry cidr;
  cidr.collection = {"c1", "offices", {{"paris", {"192.0.2.0/24"}}}};
  static_cast<void>(api.catalog.apply(put_cidr_collection(cidr)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line_end = text.find('\n');
  std::string_view line = text.substr(0, line_end);
  const std::string_view body =
      line_end == std::string_view::npos ? std::string_view() : text.substr(line_end + 1);
  static_cast<void>(check_document(body));
  const std::size_t space = line.find(' ');
  const std::string_view method = line.substr(0, space);
  std::string_view path = space == std::string_view::npos ? "" : line.substr(space + 1);
  std::vector<std::pair<std::string, std::string>> query;
  if (const std::size_t question = path.find('?'); question != std::string_view::npos) {
    const std::string_view pair = path.substr(question + 1);
    const std::size_t equals = pair.find('=');
    query.emplace_back(pair.substr(0, equals),
                       equals == std::string_view::npos ? "" : pair.substr(equals + 1));
    path = path.substr(0, question);
  }
  TestApi api;
  seed(api);
  const OperationResult result = api.ask(method, path, body, std::move(query));
  LEEWARD_CHECK(api.last_status.has_value(), "what is stored can be read back");
  if (result) {
    LEEWARD_CHECK(parse_xml(result->reply.xml).has_value(), "an answer is XML");
  } else {
    LEEWARD_CHECK(!result.error().code.empty() && result.error().status >= 400,
                  "an error says which");
  }
  return 0;
}
