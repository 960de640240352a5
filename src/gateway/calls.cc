// SPDX-License-Identifier: Apache-2.0
#include "gateway/calls.h"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "gateway/operation.h"

namespace leeward::gateway {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 128;
constexpr std::size_t kLanes = 8;
// Calls to another region are few and small, and a client waits behind them.
constexpr auto kPeerTimeout = std::chrono::seconds(10);
constexpr auto kLookTimeout = std::chrono::seconds(3);

HostAndPort checked(const dynamodb::Endpoint& endpoint) {
  // Gateway::start has parsed it before.
  auto parsed = parse_url(endpoint.url);
  return parsed ? *parsed : HostAndPort{};
}

}  // namespace

std::optional<json::object> parse_body(std::string_view text) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
  if (error || !value.is_object()) {
    return std::nullopt;
  }
  return std::move(value.get_object());
}

Calls::Calls(asio::io_context& io, Watchdog& watchdog, Shared& shared) : io_(io), shared_(shared) {
  const GatewayOptions& options = shared.options;
  store_ = std::make_unique<Backend>(io, watchdog, checked(options.store), options.store.region,
                                     options.credentials, "");
  for (const PeerRegion& peer : options.peers) {
    peers_[peer.id.str()] =
        std::make_unique<Backend>(io, watchdog, checked(peer.endpoint), peer.endpoint.region,
                                  options.credentials, options.region.str());
  }
}

Task<rewrite::Answer> Calls::call(Backend& backend, std::string_view operation, json::object body,
                                  Duration timeout) {
  const std::string target = fmt::format("{}{}", kTargetPrefix, operation);
  const RawResult raw = co_await backend.send(target, json::serialize(body), timeout);
  if (!raw) {
    co_return rewrite::Answer{500, to_json(internal_error(raw.error()))};
  }
  auto parsed = parse_body(raw->body);
  if (!parsed) {
    co_return rewrite::Answer{
        500, to_json(internal_error(fmt::format("HTTP {} without JSON", raw->status)))};
  }
  co_return rewrite::Answer{raw->status, std::move(*parsed)};
}

Task<rewrite::Answer> Calls::store(std::string_view operation, json::object body) {
  rewrite::Answer answer =
      co_await call(*store_, operation, std::move(body), shared_.options.store_timeout);
  if (answer.status >= 500) {
    shared_.metrics.count_store_failure();
  }
  co_return answer;
}

Task<rewrite::Answer> Calls::look(std::string_view operation, json::object body) {
  co_return co_await call(*store_, operation, std::move(body), kLookTimeout);
}

Task<rewrite::Answer> Calls::region(std::string_view region, std::string_view operation,
                                    json::object body) {
  if (region == shared_.options.region.str()) {
    co_return co_await store(operation, std::move(body));
  }
  const auto found = peers_.find(region);
  if (found == peers_.end()) {
    co_return rewrite::Answer{
        500, to_json(internal_error(fmt::format("no --peer is named {}", region)))};
  }
  co_return co_await call(*found->second, operation, std::move(body), kPeerTimeout);
}

Task<std::vector<rewrite::Answer>> Calls::store_all(std::vector<rewrite::Request> requests) {
  std::vector<rewrite::Answer> answers(
      requests.size(), rewrite::Answer{500, to_json(internal_error("the call was not made"))});
  if (requests.size() == 1) {
    answers[0] = co_await store(requests[0].operation, std::move(requests[0].body));
    co_return answers;
  }
  // The lanes share this coroutine's frame, which does not end before the last of them.
  std::size_t next = 0;
  std::size_t running = std::min(kLanes, requests.size());
  Timer done(io_, SteadyTime::max());
  const auto lane = [&]() -> Task<void> {
    while (next < requests.size()) {
      const std::size_t mine = next++;
      answers[mine] = co_await store(requests[mine].operation, std::move(requests[mine].body));
    }
  };
  const std::size_t lanes = running;
  for (std::size_t i = 0; i < lanes; ++i) {
    asio::co_spawn(io_.get_executor(), lane(), [&](const std::exception_ptr& thrown) {
      if (thrown) {  // out of memory: its requests count as unanswered
        shared_.log("lane_failed", "an exception ended a call to the store");
      }
      if (--running == 0) {
        done.cancel();
      }
    });
  }
  while (running > 0) {
    co_await done.async_wait(kTuple);
  }
  co_return answers;
}

void Calls::close() {
  store_->close();
  for (auto& [name, peer] : peers_) {
    peer->close();
  }
}

namespace {

std::string_view string_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string()
             ? std::string_view(value->get_string().data(), value->get_string().size())
             : std::string_view();
}

// hash, then range, of a table's description.
std::vector<std::string> key_names(const json::object& description) {
  std::vector<std::string> names;
  const json::value* schema = description.if_contains("KeySchema");
  if (schema == nullptr || !schema->is_array()) {
    return names;
  }
  for (const json::value& each : schema->get_array()) {
    if (each.is_object()) {
      names.emplace_back(string_member(each.get_object(), "AttributeName"));
    }
  }
  return names;
}

const json::object* object_member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_object() ? &value->get_object() : nullptr;
}

// False: the store did not answer.
Task<bool> read_globals(Calls& calls, Snapshot& snapshot) {
  json::object start;
  for (;;) {
    json::object body{{"TableName", kRegistryTable}, {"ConsistentRead", true}};
    if (!start.empty()) {
      body["ExclusiveStartKey"] = start;
    }
    const rewrite::Answer page = co_await calls.look("Scan", std::move(body));
    if (error_name(page.body) == "ResourceNotFoundException") {
      co_return true;  // made when the first global table is
    }
    if (page.status != 200) {
      co_return false;
    }
    if (const json::value* items = page.body.if_contains("Items");
        items != nullptr && items->is_array()) {
      for (const json::value& item : items->get_array()) {
        auto table = item.is_object() ? from_item(item.get_object()) : std::nullopt;
        if (table) {
          snapshot.globals[table->name] = std::move(*table);
        } else {
          calls.shared().log("registry_item_skipped", json::serialize(item));
        }
      }
    }
    const json::object* last = object_member(page.body, "LastEvaluatedKey");
    if (last == nullptr) {
      co_return true;
    }
    start = *last;
  }
}

// False: the store did not answer.
Task<bool> read_table(Calls& calls, const std::string& name, Snapshot& snapshot) {
  const rewrite::Answer table = co_await calls.look("DescribeTable", {{"TableName", name}});
  if (error_name(table.body) == "ResourceNotFoundException") {
    co_return true;
  }
  const json::object* description = object_member(table.body, "Table");
  if (table.status != 200 || description == nullptr) {
    co_return false;
  }
  if (const std::string_view arn = string_member(*description, "TableArn"); !arn.empty()) {
    static_cast<void>(calls.shared().arns.to_client(arn));  // learns the form of ARNs here
  }
  rewrite::ReplicatedTable replicated{name, key_names(*description), {}};
  const rewrite::Answer ttl = co_await calls.look("DescribeTimeToLive", {{"TableName", name}});
  if (const json::object* settings = object_member(ttl.body, "TimeToLiveDescription")) {
    const std::string_view status = string_member(*settings, "TimeToLiveStatus");
    if (status == "ENABLED" || status == "ENABLING") {
      replicated.ttl_attribute = string_member(*settings, "AttributeName");
    }
  }
  snapshot.replicated[name] = std::move(replicated);
  co_return true;
}

}  // namespace

Task<bool> refresh_registry(Calls& calls, Reread reread) {
  Shared& shared = calls.shared();
  const std::uint64_t ticket = shared.registry.ticket();
  auto snapshot = std::make_shared<Snapshot>();
  const auto before = shared.registry.get();
  bool answered = co_await read_globals(calls, *snapshot);
  std::vector<std::string> names = shared.options.tables;
  for (const auto& [name, table] : snapshot->globals) {
    if (table.has(shared.options.region.str())) {
      names.push_back(name);
    }
  }
  for (const std::string& name : names) {
    if (const auto* known = before->find(name); known != nullptr && reread == Reread::kNewTables) {
      snapshot->replicated[name] = *known;
    } else {
      answered = answered && co_await read_table(calls, name, *snapshot);
    }
  }
  if (answered) {
    shared.registry.install(ticket, std::move(snapshot));
  }
  if (shared.store_up.exchange(answered) != answered) {
    shared.log(answered ? "store_up" : "store_down", shared.options.store.url);
  }
  co_return answered;
}

}  // namespace leeward::gateway
