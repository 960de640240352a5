// SPDX-License-Identifier: Apache-2.0
#include "gateway/front_door.h"

#include <utility>
#include <variant>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/overloaded.h"
#include "gateway/stream_view.h"

namespace leeward::gateway {
namespace {

namespace json = boost::json;

constexpr auto kFreezeTick = std::chrono::milliseconds(20);

WallTime wall_now() {
  return WallTime(
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

Reply to_reply(const AwsError& error) {
  return {.status = error.status, .body = json::serialize(to_json(error))};
}

Reply to_reply(const rewrite::Answer& answer) {
  return {.status = answer.status, .body = json::serialize(answer.body)};
}

Reply unavailable(std::string_view why) {
  return to_reply(internal_error(fmt::format("The region's store gave no answer: {}", why)));
}

Reply serialization_error() {
  return to_reply(
      service_error("SerializationException", "The request's body is not a JSON object."));
}

// The store's errors as DynamoDB words them: "message" in lower case, the client's region.
void polish_error(json::object& body, const ArnMap& arns) {
  json::value text = nullptr;
  for (const char* name : {"Message", "message"}) {
    if (const json::value* found = body.if_contains(name)) {
      text = *found;
      body.erase(name);
    }
  }
  if (text.is_string()) {
    body["message"] = arns.message({text.get_string().data(), text.get_string().size()});
  }
}

}  // namespace

FrontDoor::FrontDoor(Shared& shared, Calls& calls)
    : shared_(shared), calls_(calls), tables_(shared, calls) {
  if (shared.options.keys) {
    verifier_.emplace(*shared.options.keys, shared.options.store.region);
  }
}

Reply FrontDoor::refuse(int status, std::string_view what) {
  shared_.metrics.count_refused();
  std::string_view name = "SerializationException";
  if (status == 413) {
    name = "RequestEntityTooLargeException";
  } else if (status == 503) {
    name = "ServiceUnavailable";
  }
  return to_reply(service_error(name, what, status));
}

std::optional<Reply> FrontDoor::check(const Incoming& request) {
  if (verifier_) {
    auto error = verifier_->check(request.received, wall_now());
    return error ? std::optional(to_reply(*error)) : std::nullopt;
  }
  auto error = check_authorization_present(request.authorization);
  return error ? std::optional(to_reply(*error)) : std::nullopt;
}

Task<void> FrontDoor::wait(Duration time) {
  Timer timer(calls_.io(), std::chrono::steady_clock::now() + time);
  co_await timer.async_wait(kTuple);
}

Task<std::optional<Reply>> FrontDoor::meet_faults(std::string_view peer, Duration& latency) {
  for (bool counted = false;;) {
    const auto plan = shared_.faults.get();
    const double dice = std::uniform_real_distribution<>(0, 1)(random_);
    const FaultEffect effect = effect_on(*plan, peer, dice);
    latency = effect.latency;
    if (!counted && (effect.cut || effect.freeze || latency.count() > 0)) {
      counted = true;
      shared_.metrics.count_fault();
    }
    if (effect.cut || (effect.freeze && shared_.stopping)) {
      co_return Reply{.reset = true};
    }
    if (!effect.freeze) {
      co_return std::nullopt;
    }
    co_await wait(kFreezeTick);
  }
}

Task<Reply> FrontDoor::respond(const Incoming& request) {
  const auto began = std::chrono::steady_clock::now();
  Duration latency{};
  if (shared_.faults.any()) {
    if (auto reply = co_await meet_faults(request.peer, latency)) {
      co_return std::move(*reply);
    }
  }
  if (request.received.method != "POST" || request.received.path != "/") {
    const bool health = request.received.method == "GET" && request.received.path == "/";
    if (health) {  // as DynamoDB's endpoints answer a browser
      co_return Reply{
          .body = fmt::format("healthy: dynamodb.{}.amazonaws.com ", shared_.arns.aws_region()),
          .content_type = "text/plain"};
    }
    shared_.metrics.count_refused();
    co_return Reply{.status = 404, .body = json::serialize(to_json(unknown_operation()))};
  }
  const auto operation = find_operation(request.target);
  if (!operation) {
    shared_.metrics.count_refused();
    co_return to_reply(unknown_operation());
  }
  if (auto refused = check(request)) {
    shared_.metrics.count_refused();
    co_return std::move(*refused);
  }
  Reply reply = request.peer.empty() ? co_await answer(*operation, request)
                                     : co_await forward_peer(*operation, request);
  if (latency.count() > 0) {
    co_await wait(latency);
  }
  if (request.peer.empty()) {
    shared_.metrics.count_request(operation->index, reply.status,
                                  std::chrono::steady_clock::now() - began);
  }
  co_return reply;
}

// ---- the store's own answers ----

Task<Reply> FrontDoor::forward(std::string_view target, std::string_view body) {
  RawResult raw = co_await calls_.store().send(target, body, shared_.options.store_timeout);
  if (!raw) {
    shared_.metrics.count_store_failure();
    co_return unavailable(raw.error());
  }
  Reply reply{.status = raw->status,
              .body = std::move(raw->body),
              .request_id = std::move(raw->request_id),
              .crc32 = std::move(raw->crc32)};
  if (reply.status < 400) {
    co_return reply;
  }
  if (reply.status >= 500 && !parse_body(body)) {
    co_return serialization_error();  // DynamoDB Local calls that an internal failure
  }
  if (auto error = parse_body(reply.body)) {
    polish_error(*error, shared_.arns);
    reply.body = json::serialize(*error);
    reply.crc32.clear();
  }
  co_return reply;
}

// Other regions see what is stored: stamps, tombstones, the store's own ARNs.
Task<Reply> FrontDoor::forward_peer(const Operation& operation, const Incoming& request) {
  shared_.metrics.count_peer_request();
  RawResult raw = co_await calls_.store().send(request.target, request.received.body,
                                               shared_.options.store_timeout);
  if (!raw) {
    shared_.metrics.count_store_failure();
    co_return unavailable(raw.error());
  }
  const bool registry = request.received.body.find(kRegistryTable) != std::string_view::npos;
  if (registry && (operation.name == "PutItem" || operation.name == "DeleteItem")) {
    // From the answer on, writes here must be stamped.
    co_await refresh_registry(calls_, Reread::kAllTables);
  }
  co_return Reply{.status = raw->status,
                  .body = std::move(raw->body),
                  .request_id = std::move(raw->request_id),
                  .crc32 = std::move(raw->crc32)};
}

Task<Reply> FrontDoor::forward_parsed(const Operation& operation, std::string_view target,
                                      json::object body) {
  shared_.arns.request(body);
  name_tables(body);
  Reply reply = co_await forward(target, json::serialize(body));
  auto parsed = reply.status == 200 ? parse_body(reply.body) : std::nullopt;
  if (!parsed) {
    co_return reply;
  }
  if (operation.name == "GetRecords") {
    show_records(*parsed, shared_.arns);
  } else {
    if (operation.name == "ListStreams") {
      hide_own_streams(*parsed);
    }
    json::value value = std::move(*parsed);
    shared_.arns.answer(value);
    parsed = std::move(value.get_object());
  }
  reply.body = json::serialize(*parsed);
  reply.crc32.clear();
  co_return reply;
}

// ---- clients ----

Task<Reply> FrontDoor::answer(const Operation& operation, const Incoming& request) {
  if (!shared_.registry.ready() && !co_await refresh_registry(calls_, Reread::kAllTables)) {
    co_return unavailable("not yet; which tables are replicated is not known");
  }
  if (operation.handling == Handling::kData) {
    co_return co_await data(operation, request);
  }
  auto body = parse_body(request.received.body);
  if (!body) {
    co_return serialization_error();
  }
  if (operation.handling == Handling::kTable) {
    rewrite::Answer answer = co_await tables_.call(operation.name, std::move(*body));
    if (answer.status >= 400) {
      polish_error(answer.body, shared_.arns);
    } else {
      json::value value = std::move(answer.body);
      shared_.arns.answer(value);
      answer.body = std::move(value.get_object());
    }
    co_return to_reply(answer);
  }
  co_return co_await forward_parsed(operation, request.target, std::move(*body));
}

Task<Reply> FrontDoor::data(const Operation& operation, const Incoming& request) {
  const auto snapshot = shared_.registry.get();
  const bool arns = request.received.body.find("arn:") != std::string_view::npos;
  if (snapshot->replicated.empty() && !arns) {
    co_return co_await forward(request.target, request.received.body);
  }
  auto body = parse_body(request.received.body);
  if (!body) {
    co_return serialization_error();
  }
  if (arns) {
    name_tables(*body);
  }
  // The plan takes the body along, so what is to be forwarded after all is kept.
  const std::string renamed = arns ? json::serialize(*body) : std::string();
  auto planned = rewrite::plan(operation.name, std::move(*body), *snapshot);
  if (auto* refused = std::get_if<rewrite::Answer>(&planned)) {
    co_return to_reply(*refused);
  }
  auto& exchange = std::get<std::unique_ptr<rewrite::Exchange>>(planned);
  if (exchange == nullptr) {
    co_return co_await forward(request.target,
                               arns ? std::string_view(renamed) : request.received.body);
  }
  co_return co_await run(*exchange);
}

Task<Reply> FrontDoor::run(rewrite::Exchange& exchange) {
  rewrite::Step step;
  {
    const std::scoped_lock lock(shared_.clock_mutex);
    step = exchange.start(shared_.clock, wall_now());
  }
  while (auto* requests = std::get_if<std::vector<rewrite::Request>>(&step)) {
    shared_.metrics.count_store_round();
    std::vector<rewrite::Answer> answers = co_await calls_.store_all(std::move(*requests));
    const std::scoped_lock lock(shared_.clock_mutex);
    step = exchange.on_answers(std::move(answers), shared_.clock, wall_now());
  }
  auto& answer = std::get<rewrite::Answer>(step);
  if (answer.status >= 400) {
    polish_error(answer.body, shared_.arns);
  }
  co_return to_reply(answer);
}

}  // namespace leeward::gateway
