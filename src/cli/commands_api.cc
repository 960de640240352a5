// SPDX-License-Identifier: Apache-2.0
//
// The commands that ask the daemon.
#include <chrono>
#include <thread>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "admin/target.h"
#include "cli/commands.h"
#include "cli/exit_code.h"

namespace leeward::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kWatchInterval{1};
constexpr std::size_t kFrameBytesMax = 4U << 20U;

void print_json(const json::value& value) {
  print(json::serialize(value) + "\n");
}

// The status without what always changes, to see whether anything did.
std::string without_ages(json::value value) {
  const auto strip = [](auto& self, json::value& node) -> void {
    if (json::object* const object = node.if_object()) {
      for (const char* const key : {"age_seconds", "uptime_seconds", "now", "votes",
                                    "time_to_flip_ms", "ttl_now_seconds", "replication"}) {
        object->erase(key);
      }
      for (auto& member : *object) {
        self(self, member.value());
      }
    } else if (json::array* const array = node.if_array()) {
      for (json::value& element : *array) {
        self(self, element);
      }
    }
  };
  strip(strip, value);
  return json::serialize(value);
}

int watch_status(const Context& context) {
  std::string last;
  while (true) {
    json::value status;
    json::value applications;
    int code = kOk;
    const bool good = fetch(context, "/v1/status", status, code) &&
                      fetch(context, "/v1/applications", applications, code);
    if (!good && (last.empty() || code == kNotAuthorised)) {
      return code;  // not reachable at all; later the daemon may restart
    }
    if (good) {
      const json::value both = {{"status", status}, {"applications", applications}};
      const std::string now = without_ages(both);
      if (context.terminal && !context.json) {
        print("\x1b[H\x1b[2J" + render_status(status, applications, context.style));
      } else if (now != last) {
        context.json ? print_json(both)
                     : print(render_status(status, applications, context.style) + "\n");
      }
      last = now;
    }
    std::this_thread::sleep_for(kWatchInterval);
  }
}

std::string field_of(std::string_view line, std::string_view name) {
  if (!line.starts_with(name)) {
    return "";
  }
  line.remove_prefix(name.size());
  if (line.starts_with(' ')) {
    line.remove_prefix(1);
  }
  return std::string(line);
}

// One frame of an event stream without its blank line.
void print_frame(const Context& context, std::string_view frame) {
  std::string name;
  std::string data;
  while (!frame.empty()) {
    const std::size_t end = std::min(frame.find('\n'), frame.size());
    const std::string_view line = frame.substr(0, end);
    if (line.starts_with("event:")) {
      name = field_of(line, "event:");
    } else if (line.starts_with("data:")) {
      data = field_of(line, "data:");
    }
    frame.remove_prefix(std::min(end + 1, frame.size()));
  }
  json::value parsed;
  if (name.empty() || !parse_json(data, parsed)) {
    return;  // a heartbeat, or the id to resume from
  }
  context.json ? print_json(json::object{{"event", name}, {"data", parsed}})
               : print(render_event(name, parsed, context.style));
}

int finish_move(const Context& context, const HttpAnswer& answer) {
  json::value body;
  const bool parsed = parse_json(answer.body, body);
  const bool moved = answer.status == 200 || answer.status == 202;
  if (!moved) {
    const json::value* decision =
        parsed && body.is_object() ? body.get_object().if_contains("decision") : nullptr;
    if (decision != nullptr) {
      context.json ? print_json(*decision) : print(render_decision(*decision, context.style));
    }
    return report(answer);
  }
  if (!parsed) {
    return report(Error{ErrorCode::kInternal, "the server's answer is not JSON; check --api"});
  }
  context.json ? print_json(body) : print(render_decision(body, context.style));
  return kOk;
}

}  // namespace

int show_status(const Context& context, bool watch) {
  if (watch) {
    return watch_status(context);
  }
  json::value status;
  json::value applications;
  int code = kOk;
  if (!fetch(context, "/v1/status", status, code) ||
      !fetch(context, "/v1/applications", applications, code)) {
    return code;
  }
  if (context.json) {
    const json::object* const list = applications.if_object();
    const json::value* const found = list != nullptr ? list->if_contains("applications") : nullptr;
    print_json(json::object{{"status", status},
                            {"applications", found != nullptr ? *found : json::value()}});
  } else {
    print(render_status(status, applications, context.style));
  }
  return kOk;
}

int explain(const Context& context, std::optional<std::uint64_t> decision) {
  if (!decision) {
    json::value list;
    int code = kOk;
    if (!fetch(context, "/v1/decisions?limit=1", list, code)) {
      return code;
    }
    json::error_code error;
    const json::value* const id = list.find_pointer("/decisions/0/id", error);
    if (id == nullptr || !id->is_number()) {
      print("no decision has been made yet\n");
      return kNegative;
    }
    decision = id->to_number<std::uint64_t>(error);
  }
  const Result<HttpAnswer> answer =
      ask(context.api, {.path = fmt::format("/v1/decisions/{}", *decision),
                        .accept = context.json ? "application/json" : "text/plain",
                        .body = {}});
  if (!answer) {
    return report(answer.error());
  }
  if (answer->status != 200) {
    return report(*answer);
  }
  print(printable(answer->body, true));
  return kOk;
}

int move(const Context& context, std::string_view kind, const MoveOptions& options) {
  json::object body;
  if (!options.to.empty()) {
    body["to"] = options.to;
  }
  if (options.dry_run) {
    body["dry_run"] = true;
  }
  if (!options.accept_data_loss.empty()) {
    body["accept_data_loss"] = options.accept_data_loss;
  }
  if (!options.reason.empty()) {
    body["reason"] = options.reason;
  }
  const Result<HttpAnswer> answer =
      ask(context.api, {.method = "POST",
                        .path = fmt::format("/v1/applications/{}/{}",
                                            admin::percent_encode(options.application), kind),
                        .body = json::serialize(body)});
  return answer ? finish_move(context, *answer) : report(answer.error());
}

int change_standing(const Context& context, std::string_view change,
                    const StandingOptions& options) {
  json::object body;
  if (!options.reason.empty()) {
    body["reason"] = options.reason;
  }
  const Result<HttpAnswer> answer =
      ask(context.api, {.method = "POST",
                        .path = fmt::format("/v1/applications/{}/{}",
                                            admin::percent_encode(options.application), change),
                        .body = json::serialize(body)});
  if (!answer) {
    return report(answer.error());
  }
  if (answer->status != 200) {
    return report(*answer);
  }
  json::error_code bad;
  const json::value standing = json::parse(answer->body, bad);
  if (bad) {
    return report(Error{ErrorCode::kDataCorrupt, "the daemon's answer is not JSON"});
  }
  context.json ? print_json(standing)
               : print(render_standing(options.application, standing, context.style));
  return kOk;
}

int list_checks(const Context& context, const std::string& application) {
  json::value checks;
  int code = kOk;
  const std::string query =
      application.empty() ? "" : "?application=" + admin::percent_encode(application);
  if (fetch(context, "/v1/checks" + query, checks, code)) {
    context.json ? print_json(checks) : print(render_checks(checks, context.style));
  }
  return code;
}

int show_history(const Context& context, const std::string& check) {
  json::value history;
  int code = kOk;
  if (fetch(context, fmt::format("/v1/checks/{}/history", admin::percent_encode(check)), history,
            code)) {
    context.json ? print_json(history) : print(render_history(history, context.style));
  }
  return code;
}

int export_journal(const Context& context, std::uint64_t from) {
  std::string next = std::to_string(from);
  while (!next.empty()) {
    const Result<HttpAnswer> page =
        ask(context.api, {.path = fmt::format("/v1/journal?from={}&limit=500", next),
                          .accept = "application/x-ndjson",
                          .body = {}});
    if (!page) {
      return report(page.error());
    }
    if (page->status != 200) {
      return report(*page);
    }
    print(page->body);
    if (page->next_sequence == next) {
      return report(Error{ErrorCode::kInternal, "the server's journal does not go on"});
    }
    next = page->next_sequence;
  }
  return kOk;
}

int follow_events(const Context& context, const std::string& last_event_id) {
  std::string pending;
  bool too_long = false;
  const Result<HttpAnswer> answer =
      follow(context.api, {.path = "/v1/events", .accept = "text/event-stream", .body = {}},
             last_event_id, [&](std::string_view text) {
               pending += text;
               for (std::size_t end = pending.find("\n\n"); end != std::string::npos;
                    end = pending.find("\n\n")) {
                 print_frame(context, std::string_view(pending).substr(0, end));
                 pending.erase(0, end + 2);
               }
               too_long = pending.size() > kFrameBytesMax;
               return !too_long;
             });
  if (!answer) {
    return report(answer.error());
  }
  if (answer->status != 200) {
    return report(*answer);
  }
  return report(Error{too_long ? ErrorCode::kInternal : ErrorCode::kUnavailable,
                      too_long ? "an event is too long" : "the server ended the stream"});
}

int reload(const Context& context) {
  const Result<HttpAnswer> answer =
      ask(context.api, {.method = "POST", .path = "/v1/reload", .body = "{}"});
  if (!answer) {
    return report(answer.error());
  }
  json::value summary;
  if (answer->status != 200 || !parse_json(answer->body, summary)) {
    return report(*answer);
  }
  context.json ? print_json(summary) : print(render_reload(summary));
  return kOk;
}

}  // namespace leeward::cli
