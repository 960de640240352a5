// SPDX-License-Identifier: Apache-2.0
//
// `leeward tables lag`: what the daemon's heartbeats say.
#include <chrono>
#include <thread>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/exit_code.h"
#include "cli/tables_commands.h"

namespace leeward::cli {
namespace {

namespace json = boost::json;

std::string text_in(const json::object& link, const char* name) {
  const json::value* value = link.if_contains(name);
  return value != nullptr && value->is_string() ? printable(std::string_view(value->get_string()))
                                                : "-";
}

std::string milliseconds_in(const json::object& link, const char* name) {
  const json::value* value = link.if_contains(name);
  boost::system::error_code bad;
  const double number = value == nullptr ? 0 : value->to_number<double>(bad);
  return value == nullptr || bad ? "-" : fmt::format("{:.1f}", number);
}

// True: something is stalled.
bool render(const json::value& answer, std::string& text) {
  const json::object* object = answer.if_object();
  const json::value* links = object == nullptr ? nullptr : object->if_contains("links");
  text = fmt::format("{:<20}  {:<10}  {:<10}  {:>9}  {:>9}  {:>9}  {:>16}  {}\n", "TABLE", "FROM",
                     "TO", "P50 MS", "P99 MS", "MAX MS", "NEWEST SEEN MS", "STATE");
  bool stalled = false;
  bool any = false;
  for (const json::value& each :
       links != nullptr && links->is_array() ? links->get_array() : json::array()) {
    const json::object* link = each.if_object();
    if (link == nullptr) {
      continue;
    }
    any = true;
    const json::value* flag = link->if_contains("stalled");
    const bool bad = flag != nullptr && flag->is_bool() && flag->get_bool();
    stalled = stalled || bad;
    const std::string detail = text_in(*link, "detail");
    text += fmt::format("{:<20}  {:<10}  {:<10}  {:>9}  {:>9}  {:>9}  {:>16}  {}{}\n",
                        text_in(*link, "table"), text_in(*link, "from"), text_in(*link, "to"),
                        milliseconds_in(*link, "p50_ms"), milliseconds_in(*link, "p99_ms"),
                        milliseconds_in(*link, "max_ms"),
                        milliseconds_in(*link, "newest_visible_age_ms"), bad ? "STALLED" : "ok",
                        detail.empty() || detail == "-" ? "" : ": " + detail);
  }
  if (!any) {
    text =
        "no table's replication is measured: an application needs 'tables' and two regions with "
        "'dynamodb' in the daemon's config\n";
  }
  return stalled;
}

}  // namespace

int show_lag(const Context& context) {
  json::value answer;
  int code = kOk;
  if (!fetch(context, "/v1/replication", answer, code)) {
    return code;
  }
  std::string text;
  const bool stalled = render(answer, text);
  print(context.json ? json::serialize(answer) + "\n" : text);
  return stalled ? kNegative : kOk;
}

}  // namespace leeward::cli
