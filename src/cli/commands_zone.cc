// SPDX-License-Identifier: Apache-2.0
//
// `leeward zone ...`: zones as they are served, to and from zone files.
#include <fstream>
#include <iterator>
#include <string>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "admin/target.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "dns/octal.h"
#include "dns/zone_export.h"
#include "load/load.h"

namespace leeward::cli {
namespace {

namespace json = boost::json;

std::string path_of(const std::string& zone) {
  return "/v1/zones/" + admin::percent_encode(zone);
}

Result<std::string> read_zone(const std::string& path) {
  constexpr std::size_t kBytesMax = std::size_t{4} << 20;  // what the API takes
  return load::read_file(path == "-" ? "/dev/stdin" : path, kBytesMax);
}

}  // namespace

int list_zones(const Context& context) {
  json::value body;
  int code = kOk;
  if (fetch(context, "/v1/zones", body, code)) {
    print(context.json ? json::serialize(body) + "\n" : render_zones(body, context.style));
  }
  return code;
}

int export_zone(const Context& context, const std::string& zone) {
  const Result<HttpAnswer> answer =
      ask(context.api, {.path = path_of(zone), .accept = "text/dns", .body = {}});
  if (!answer) {
    return report(answer.error());
  }
  if (answer->status != 200) {
    return report(*answer);
  }
  print(answer->body);
  return kOk;
}

int import_zone(const Context& context, const std::string& file) {
  Result<std::string> text = read_zone(file);
  if (!text) {
    return report(text.error());
  }
  // Which zone it is, the file says; what is wrong with it is better said before it travels.
  const auto imported = dns::zone_import({file, *text});
  if (!imported) {
    for (const dns::Problem& problem : imported.error()) {
      report(Error{ErrorCode::kFailedPrecondition, dns::format_problem(problem)});
    }
    return kNegative;
  }
  const auto apex = dns::parse_route53_name(imported->zone.name);
  if (!apex) {
    return report(apex.error());
  }
  const Result<HttpAnswer> answer = ask(context.api, {.method = "PUT",
                                                      .path = path_of(apex->text()),
                                                      .body = *std::move(text),
                                                      .content_type = "text/dns"});
  if (!answer) {
    return report(answer.error());
  }
  if (answer->status != 204) {
    return report(*answer);
  }
  for (const std::string& note : imported->notes) {
    complain(note);
  }
  if (context.json) {
    print(json::serialize(json::object{{"zone", apex->text()},
                                       {"record_sets", imported->zone.records.size()}}) +
          "\n");
  } else {
    print(fmt::format("zone {} is served with {} record sets\n", apex->text(),
                      imported->zone.records.size()));
  }
  return kOk;
}

}  // namespace leeward::cli
