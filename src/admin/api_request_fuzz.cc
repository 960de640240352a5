// SPDX-License-Identifier: Apache-2.0
//
// Any target, headers and body, through the router and the JSON of its answers. Lines of the input:
// method, target, Host, Authorization, Content-Type, Accept, Last-Event-ID; the rest is the body.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "admin/fake_control_plane.h"
#include "admin/router.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leeward;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::array<std::string, 7> lines;
  for (std::string& line : lines) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const admin::Request request{.method = lines[0],
                               .target = lines[1],
                               .host = lines[2],
                               .origin = std::nullopt,
                               .authorization = lines[3],
                               .content_type = lines[4],
                               .accept = lines[5],
                               .last_event_id = lines[6],
                               .body = std::string(rest)};
  admin::FakeControlPlane control;
  admin::Router router(control, lines[3].empty()
                                    ? std::vector<config::Token>{}
                                    : std::vector<config::Token>{
                                          {"ada", config::Role::kAdmin, {}, Secret("token")}});
  int answers = 0;
  router.handle(request, [&](const admin::Response& response) {
    ++answers;
    LEEWARD_CHECK(response.status >= 200 && response.status < 600, "a status is an HTTP status");
    if (response.content_type.contains("json") && !response.content_type.contains("ndjson")) {
      boost::json::error_code error;
      const auto parsed = boost::json::parse(response.body, error);
      LEEWARD_CHECK(!error && parsed.is_object(), "what says it is JSON is an object");
    }
  });
  LEEWARD_CHECK(answers == 1, "a request has one answer");
  return 0;
}
