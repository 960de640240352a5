// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/check.h"
#include "dynamodb/client.h"

namespace leeward::dynamodb {
namespace {

namespace json = boost::json;
using Steady = std::chrono::steady_clock;

}  // namespace

bool is_safe_to_retry(const CallError& error, bool idempotent) {
  switch (error.failure) {
    case Failure::kThrottled:
      return true;
    case Failure::kUnavailable:
    case Failure::kTimeout:
      return idempotent || !error.maybe_done;
    default:
      return false;
  }
}

Duration backoff(const RetryPolicy& policy, int attempt, Rng& rng) {
  Duration limit = std::min(policy.base, policy.cap);
  for (int doubled = 1; doubled < attempt && limit < policy.cap; ++doubled) {
    limit = limit > policy.cap / 2 ? policy.cap : limit * 2;
  }
  return limit <= Duration::zero() ? Duration::zero()
                                   : Duration(static_cast<Duration::rep>(
                                         rng.below(static_cast<std::uint64_t>(limit.count()))));
}

CallResult<json::value> call_with_retries(Client& client, std::string_view target,
                                          const json::object& body, const RetryPolicy& policy,
                                          Rng& rng) {
  const auto end = Steady::now() + policy.deadline;
  for (int attempt = 1;; ++attempt) {
    const Duration left = std::chrono::duration_cast<Duration>(end - Steady::now());
    // At least a millisecond: zero would mean no time-out at all.
    const Duration timeout =
        std::clamp<Duration>(left, std::chrono::milliseconds(1),
                             std::max<Duration>(policy.call_timeout, std::chrono::milliseconds(1)));
    CallResult<json::value> result = client.call(target, body, timeout);
    if (result || attempt >= policy.attempts ||
        !is_safe_to_retry(result.error(), policy.idempotent)) {
      return result;
    }
    const Duration wait = backoff(policy, attempt, rng);
    if (Steady::now() + wait >= end) {
      return result;
    }
    std::this_thread::sleep_for(wait);
  }
}

ClientPool::ClientPool(std::shared_ptr<CredentialSource> credentials, std::size_t idle_max)
    : credentials_(std::move(credentials)), idle_max_(idle_max) {}

void ClientPool::set_header(std::string name, std::string value) {
  const std::lock_guard lock(mutex_);
  headers_.emplace_back(std::move(name), std::move(value));
}

Client ClientPool::take(const Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  std::vector<Client>& idle = idle_[{endpoint.url, endpoint.region}];
  if (!idle.empty()) {
    Client client = std::move(idle.back());
    idle.pop_back();
    return client;
  }
  return {endpoint, credentials_, headers_};
}

void ClientPool::give_back(Client client) {
  const std::lock_guard lock(mutex_);
  std::vector<Client>& idle = idle_[{client.endpoint().url, client.endpoint().region}];
  if (idle.size() < idle_max_) {
    idle.push_back(std::move(client));
  }
}

CallResult<json::value> ClientPool::call(const Endpoint& endpoint, std::string_view target,
                                         const json::object& body, Duration timeout) {
  Client client = take(endpoint);
  CallResult<json::value> result = client.call(target, body, timeout);
  give_back(std::move(client));
  return result;
}

CallResult<json::value> ClientPool::call(const Endpoint& endpoint, std::string_view target,
                                         const json::object& body, const RetryPolicy& policy,
                                         Rng& rng) {
  Client client = take(endpoint);
  CallResult<json::value> result = call_with_retries(client, target, body, policy, rng);
  give_back(std::move(client));
  return result;
}

}  // namespace leeward::dynamodb
