// SPDX-License-Identifier: Apache-2.0
#include "table_manager/manager.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace leeward::table_manager {
namespace {

namespace json = boost::json;
using dynamodb::CallError;
using dynamodb::CallResult;
using dynamodb::Failure;
using tables::ObservedRegion;
using tables::Step;

constexpr Duration kRepeatProgressEvery = std::chrono::seconds(10);

// Somebody else is changing the table at the moment.
bool is_busy(const CallError& error) {
  return error.type == "ResourceInUseException";
}

bool is_unsupported(const CallError& error) {
  return error.type == "UnknownOperationException" ||
         error.message.find("Nothing to update") != std::string::npos ||
         error.message.find("is not supported") != std::string::npos;
}

ErrorCode code_of(Failure failure) {
  switch (failure) {
    case Failure::kUnavailable:
    case Failure::kThrottled:
      return ErrorCode::kUnavailable;
    case Failure::kTimeout:
      return ErrorCode::kDeadlineExceeded;
    case Failure::kDenied:
      return ErrorCode::kPermissionDenied;
    default:
      return ErrorCode::kFailedPrecondition;
  }
}

json::object name_body(const std::string& table) {
  return {{"TableName", table}};
}

}  // namespace

Call pooled_call(dynamodb::ClientPool& pool, std::uint64_t seed) {
  // Making what is there already is refused by the store, and harms nothing: safe to try again.
  constexpr dynamodb::RetryPolicy kPolicy{.attempts = 4,
                                          .base = std::chrono::milliseconds(100),
                                          .cap = std::chrono::seconds(2),
                                          .deadline = std::chrono::seconds(20),
                                          .call_timeout = std::chrono::seconds(10),
                                          .idempotent = true};
  return [&pool, rng = std::make_shared<Rng>(seed), kPolicy](
             const dynamodb::Endpoint& endpoint, std::string_view operation,
             const json::object& body) -> CallResult<json::value> {
    return pool.call(endpoint, fmt::format("DynamoDB_20120810.{}", operation), body, kPolicy, *rng);
  };
}

Waiter real_waiter() {
  return {.now =
              [] {
                return MonoTime(std::chrono::duration_cast<Duration>(
                    std::chrono::steady_clock::now().time_since_epoch()));
              },
          .sleep = [](Duration duration) { std::this_thread::sleep_for(duration); }};
}

Error explain(const Step& step, const CallError& error) {
  const std::string what = fmt::format("cannot {}", step.what);
  if (step.body.contains("ReplicaUpdates") && step.operation == "UpdateTable" &&
      is_unsupported(error)) {
    return {
        ErrorCode::kFailedPrecondition,
        fmt::format(
            "{}: the store at this endpoint has no global tables ({}), as plain DynamoDB Local "
            "has none. Run leeward-gateway in front of each region's store and name the gateways "
            "under regions.*.dynamodb.endpoint; or write 'global_tables: none' for the table, "
            "and have leeward-replicator carry it between the stores",
            what, error.message)};
  }
  if (step.operation.find("GlobalTable") != std::string::npos && is_unsupported(error)) {
    return {
        ErrorCode::kFailedPrecondition,
        fmt::format("{}: this endpoint has no 2017.11.29 global tables ({}), and Amazon takes no "
                    "new ones: remove 'global_tables: legacy' to use version 2019.11.21",
                    what, error.message)};
  }
  return {code_of(error.failure), fmt::format("{}: {}", what, error.message)};
}

Manager::Manager(std::vector<RegionTarget> targets, Call call, Waiter waiter)
    : targets_(std::move(targets)), call_(std::move(call)), waiter_(std::move(waiter)) {}

const RegionTarget* Manager::find(const RegionId& region) const {
  const auto found = std::ranges::find(targets_, region, &RegionTarget::region);
  return found == targets_.end() ? nullptr : &*found;
}

ObservedRegion Manager::observe_one(const std::string& table, const RegionTarget& target,
                                    GlobalTables global_tables) {
  ObservedRegion seen{.region = target.region,
                      .dynamodb_region = target.endpoint.region,
                      .unreachable = {},
                      .table = {},
                      .global_table = {}};
  const auto described = call_(target.endpoint, "DescribeTable", name_body(table));
  if (!described) {
    if (described.error().failure != Failure::kNotFound) {
      seen.unreachable = described.error().message;
    }
    return seen;
  }
  auto parsed = tables::parse_describe_table(*described);
  if (!parsed) {
    seen.unreachable = fmt::format("{}: {}", target.endpoint.url, parsed.error().message);
    return seen;
  }
  seen.table = *std::move(parsed);
  // A store that cannot tell has no TTL as far as this goes: trying to enable it will say so.
  if (const auto ttl = call_(target.endpoint, "DescribeTimeToLive", name_body(table))) {
    static_cast<void>(tables::parse_describe_time_to_live(*ttl, *seen.table));
  }
  if (global_tables == GlobalTables::kLegacy) {
    const auto global =
        call_(target.endpoint, "DescribeGlobalTable", json::object{{"GlobalTableName", table}});
    if (global) {
      if (auto read = tables::parse_describe_global_table(*global)) {
        seen.global_table = *std::move(read);
      }
    }
  }
  return seen;
}

std::vector<ObservedRegion> Manager::observe(const std::string& table,
                                             std::span<const RegionId> regions,
                                             GlobalTables global_tables) {
  std::vector<ObservedRegion> seen;
  for (const RegionId& region : regions) {
    const RegionTarget* const target = find(region);
    LEEWARD_CHECK(target != nullptr, "a region of a spec has a target");
    seen.push_back(observe_one(table, *target, global_tables));
  }
  return seen;
}

Status Manager::carry_out(const TableSpec& spec, const Step& step, MonoTime end,
                          const ExecuteOptions& options) {
  const RegionTarget& target = *find(step.region);
  Duration pause = options.poll_first;
  for (;;) {
    const auto done = call_(target.endpoint, step.operation, step.body);
    if (done || (step.operation == "CreateTable" && is_busy(done.error()))) {
      return {};  // made by somebody else meanwhile: as good
    }
    if (!is_busy(done.error())) {
      return fail(explain(step, done.error()));
    }
    if (waiter_.now() + pause >= end) {
      return fail(ErrorCode::kDeadlineExceeded,
                  fmt::format("cannot {}: table '{}' is being changed by somebody else: {}",
                              step.what, spec.name, done.error().message));
    }
    waiter_.sleep(pause);
    pause = std::min(pause * 2, options.poll_max);
  }
}

Status Manager::wait_for(const TableSpec& spec, const Step& step, MonoTime end,
                         const ExecuteOptions& options,
                         const std::function<void(Progress)>& progress) {
  Duration pause = options.poll_first;
  std::string said;
  MonoTime said_at{};
  for (;;) {
    const ObservedRegion seen = observe_one(spec.name, *find(step.region), spec.global_tables);
    const tables::Progress state = tables::check(step.until, seen);
    if (state.done) {
      return {};
    }
    if (!state.failure.empty()) {
      return fail(ErrorCode::kFailedPrecondition, fmt::format("{}: {}", step.what, state.failure));
    }
    const MonoTime now = waiter_.now();
    if (now + pause >= end) {
      return fail(
          ErrorCode::kDeadlineExceeded,
          fmt::format("{}: time is over, and it is still: {}. Run this again to go on waiting",
                      step.what, state.now));
    }
    if (state.now != said || now - said_at >= kRepeatProgressEvery) {
      progress({.kind = Progress::Kind::kWaiting, .what = step.what, .now = state.now});
      said = state.now;
      said_at = now;
    }
    waiter_.sleep(pause);
    pause = std::min(pause * 2, options.poll_max);
  }
}

Status Manager::execute(const TableSpec& spec, const tables::Plan& plan,
                        const ExecuteOptions& options,
                        const std::function<void(const Progress&)>& progress) {
  const MonoTime start = waiter_.now();
  const MonoTime end = start + options.timeout;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    const auto tell = [&](Progress event) {
      event.step = i + 1;
      event.steps = plan.steps.size();
      event.elapsed = waiter_.now() - start;
      progress(event);
    };
    tell({.kind = Progress::Kind::kStarted, .what = step.what, .now = {}});
    if (!step.operation.empty()) {
      RETURN_IF_ERROR(carry_out(spec, step, end, options));
    }
    RETURN_IF_ERROR(wait_for(spec, step, end, options, tell));
    tell({.kind = Progress::Kind::kDone, .what = step.what, .now = {}});
  }
  return {};
}

}  // namespace leeward::table_manager
