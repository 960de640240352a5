// SPDX-License-Identifier: Apache-2.0
#include "admin/handlers.h"

#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "admin/json.h"
#include "admin/metrics.h"
#include "admin/move_body.h"
#include "admin/problem.h"
#include "base/utf8.h"

namespace leeward::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kDecisionsDefault = 20;
constexpr std::size_t kJournalDefault = 500;
constexpr std::size_t kPageMax = 1000;

Response ok(const json::value& body) {
  Response response;
  response.body = json::serialize(body) + "\n";
  return response;
}

Response ok_text(std::string_view content_type, std::string body) {
  Response response;
  response.content_type = content_type;
  response.body = std::move(body);
  return response;
}

Result<std::uint64_t> parse_number(std::string_view what, std::string_view text) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} must be a whole number, found '{}'", what, text.substr(0, 64)));
  }
  return number;
}

Result<std::size_t> limit_of(const Target& target, std::size_t fallback) {
  const auto given = target.parameter("limit");
  if (!given) {
    return fallback;
  }
  ASSIGN_OR_RETURN(const std::uint64_t limit, parse_number("'limit'", *given));
  if (limit < 1 || limit > kPageMax) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'limit' must be from 1 to {}, found {}", kPageMax, limit));
  }
  return static_cast<std::size_t>(limit);
}

Result<CheckFilter> filter_of(const Target& target) {
  CheckFilter filter;
  if (const auto application = target.parameter("application")) {
    filter.application = ApplicationId(*application);
  }
  if (const auto region = target.parameter("region")) {
    filter.region = RegionId(*region);
  }
  if (const auto health = target.parameter("health")) {
    filter.health = parse_health(*health);
    if (!filter.health) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("'health' must be healthy, unhealthy or unknown, found '{}'",
                              health->substr(0, 64)));
    }
  }
  return filter;
}

bool wants_text(const Request& request) {
  return std::string_view(request.accept).starts_with("text/plain");
}

std::string first_failed_guard(const Decision& decision) {
  for (const Guard& guard : decision.guards) {
    if (guard.outcome == GuardOutcome::kFailed) {
      return fmt::format("guard {}: {}", guard.name, guard.detail);
    }
  }
  return decision.outcome_detail;
}

Response move_response(const Result<Decision>& result) {
  if (!result) {
    return problem(result.error());
  }
  const Decision& decision = *result;
  switch (decision.outcome) {
    case DecisionOutcome::kRefused:
      return problem_with({ErrorCode::kFailedPrecondition,
                           fmt::format("{} of {} refused: {}", to_string(decision.kind),
                                       decision.application, first_failed_guard(decision))},
                          "decision", to_json(decision));
    case DecisionOutcome::kFailed:
      return problem_with(
          {ErrorCode::kUnavailable,
           fmt::format("{} of {} failed and changed nothing: {}", to_string(decision.kind),
                       decision.application, decision.outcome_detail)},
          "decision", to_json(decision));
    case DecisionOutcome::kPending: {
      Response response = ok(to_json(decision));
      response.status = 202;
      return response;
    }
    case DecisionOutcome::kPublished:
    case DecisionOutcome::kPlanned:
      return ok(to_json(decision));
  }
  return problem({ErrorCode::kInternal, "the decision has no known outcome"});
}

void move(const Call& call, MoveKind kind) {
  Result<MoveCommand> command = parse_move_body(kind, call.request.body);
  if (!command) {
    return call.respond(problem(command.error()));
  }
  command->application = ApplicationId(call.parameters[0]);
  command->requested_by = call.identity.name;
  call.control.move(*command, [respond = call.respond](const Result<Decision>& result) {
    respond(move_response(result));
  });
}

void change_standing(const Call& call, StandingChange change) {
  Result<StandingCommand> command = parse_standing_body(change, call.request.body);
  if (!command) {
    return call.respond(problem(command.error()));
  }
  command->application = ApplicationId(call.parameters[0]);
  command->requested_by = call.identity.name;
  call.control.change_standing(*command, [respond = call.respond](const Result<Standing>& result) {
    respond(result ? ok(to_json(*result)) : problem(result.error()));
  });
}

Result<json::object> decisions_json(const Call& call) {
  ASSIGN_OR_RETURN(const std::size_t limit, limit_of(call.target, kDecisionsDefault));
  std::optional<ApplicationId> application;
  if (const auto given = call.target.parameter("application")) {
    application = ApplicationId(*given);
  }
  ASSIGN_OR_RETURN(const std::vector<Decision> decisions,
                   call.control.decisions(application, limit));
  json::array array;
  for (const Decision& decision : decisions) {
    array.emplace_back(to_json(decision));
  }
  return json::object{{"decisions", std::move(array)}};
}

Result<Response> decision_response(const Call& call) {
  ASSIGN_OR_RETURN(const std::uint64_t id, parse_number("a decision's id", call.parameters[0]));
  if (wants_text(call.request)) {
    ASSIGN_OR_RETURN(std::string text, call.control.explain(id));
    return ok_text("text/plain; charset=utf-8", valid_utf8(text));
  }
  ASSIGN_OR_RETURN(const Decision decision, call.control.decision(id));
  return ok(to_json(decision));
}

Result<Response> journal_response(const Call& call) {
  ASSIGN_OR_RETURN(const std::size_t limit, limit_of(call.target, kJournalDefault));
  std::uint64_t from = 0;
  if (const auto given = call.target.parameter("from")) {
    ASSIGN_OR_RETURN(from, parse_number("'from'", *given));
  }
  ASSIGN_OR_RETURN(const JournalPage page, call.control.journal(from, limit));
  std::string body;
  for (const std::string& line : page.lines) {
    body += line;
    body += '\n';
  }
  Response response = ok_text("application/x-ndjson", std::move(body));
  if (page.next_sequence) {
    response.headers.emplace_back("Leeward-Next-Sequence", std::to_string(*page.next_sequence));
  }
  return response;
}

}  // namespace

void get_healthz(const Call& call) {
  // Being able to answer is what it says.
  call.respond(ok_text("text/plain; charset=utf-8", "ok\n"));
}

void get_readyz(const Call& call) {
  const Readiness readiness = call.control.ready();
  Response response = ok(to_json(readiness));
  response.status = readiness.ready ? 200 : 503;
  call.respond(std::move(response));
}

void get_metrics(const Call& call) {
  call.respond(
      ok_text("text/plain; version=0.0.4; charset=utf-8", format_metrics(call.control.metrics())));
}

void get_status(const Call& call) {
  call.respond(ok(to_json(call.control.status(), call.control.ready(), call.control.now())));
}

void get_applications(const Call& call) {
  json::array array;
  for (const ApplicationView& application : call.control.applications()) {
    array.emplace_back(to_json(application, call.control.now()));
  }
  call.respond(ok(json::object{{"applications", std::move(array)}}));
}

void get_application(const Call& call) {
  const auto application = call.control.application(ApplicationId(call.parameters[0]));
  call.respond(application ? ok(to_json(*application, call.control.now()))
                           : problem(application.error()));
}

void get_checks(const Call& call) {
  const Result<CheckFilter> filter = filter_of(call.target);
  if (!filter) {
    return call.respond(problem(filter.error()));
  }
  json::array array;
  for (const CheckView& check : call.control.checks(*filter)) {
    array.emplace_back(to_json(check, call.control.now()));
  }
  call.respond(ok(json::object{{"checks", std::move(array)}}));
}

void get_check(const Call& call) {
  const auto check = call.control.check(HealthCheckId(call.parameters[0]));
  call.respond(check ? ok(to_json(*check, call.control.now())) : problem(check.error()));
}

void get_check_history(const Call& call) {
  const auto check = call.control.check(HealthCheckId(call.parameters[0]));
  call.respond(check ? ok(history_json(*check, call.control.now())) : problem(check.error()));
}

void get_decisions(const Call& call) {
  const Result<json::object> body = decisions_json(call);
  call.respond(body ? ok(*body) : problem(body.error()));
}

void get_decision(const Call& call) {
  Result<Response> response = decision_response(call);
  call.respond(response ? *std::move(response) : problem(response.error()));
}

void get_journal(const Call& call) {
  Result<Response> response = journal_response(call);
  call.respond(response ? *std::move(response) : problem(response.error()));
}

void get_replication(const Call& call) {
  json::array links;
  for (const TableReplication& each : call.control.replication()) {
    links.emplace_back(to_json(each, call.control.now()));
  }
  call.respond(ok(json::object{{"links", std::move(links)}}));
}

void get_zones(const Call& call) {
  json::array zones;
  for (const ZoneView& zone : call.control.zones()) {
    zones.emplace_back(
        json::object{{"name", valid_utf8(zone.name)},
                     {"id", zone.id.empty() ? json::value(nullptr) : json::value(zone.id)},
                     {"record_sets", zone.record_sets},
                     {"signed", zone.is_signed}});
  }
  call.respond(ok(json::object{{"zones", std::move(zones)}}));
}

void get_zone_file(const Call& call) {
  Result<std::string> text = call.control.export_zone(call.parameters[0]);
  call.respond(text ? ok_text("text/dns", *std::move(text)) : problem(text.error()));
}

void put_zone_file(const Call& call) {
  call.control.import_zone(call.parameters[0], call.request.body,
                           [respond = call.respond](const Status& status) {
                             Response response;
                             response.status = 204;
                             respond(status ? std::move(response) : problem(status.error()));
                           });
}

void get_events(const Call& call) {
  Response response;
  response.content_type = "text/event-stream";
  response.follow_events = call.request.method != "HEAD";
  response.last_event_id = call.request.last_event_id;
  call.respond(std::move(response));
}

void post_hold(const Call& call) {
  change_standing(call, StandingChange::kHold);
}

void post_release(const Call& call) {
  change_standing(call, StandingChange::kRelease);
}

void post_acknowledge(const Call& call) {
  change_standing(call, StandingChange::kAcknowledge);
}

void post_failover(const Call& call) {
  move(call, MoveKind::kFailover);
}
void post_switchover(const Call& call) {
  move(call, MoveKind::kSwitchover);
}
void post_failback(const Call& call) {
  move(call, MoveKind::kFailback);
}

void post_reload(const Call& call) {
  if (call.request.body.find_first_not_of(" \t\r\n{}") != std::string::npos) {
    return call.respond(problem(
        {ErrorCode::kInvalidArgument, "a reload takes no body: the config file is read again"}));
  }
  call.control.reload(call.identity.name,
                      [respond = call.respond](const Result<ReloadSummary>& result) {
                        respond(result ? ok(to_json(*result)) : problem(result.error()));
                      });
}

}  // namespace leeward::admin
