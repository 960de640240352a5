// SPDX-License-Identifier: Apache-2.0
//
// One keep-alive connection to one DynamoDB endpoint, speaking DynamoDB JSON 1.0. Calls block, up
// to their deadline. call_with_retries() tries again what is safe to try again; ClientPool keeps
// connections for many threads.
//
// Thread-safety: of a Client none, a client per thread; of a ClientPool all.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "dynamodb/credentials.h"
#include "dynamodb/endpoints.h"
#include "dynamodb/sigv4.h"

namespace leeward::dynamodb {

// What a caller does about a failed call depends on which of these it is.
enum class Failure : std::uint8_t {
  kConditionFailed,  // the write lost against what is stored
  kNotFound,         // table, stream or shard
  kExpiredIterator,  // take a new one at the checkpoint
  kTrimmed,          // the stream no longer has the records after the checkpoint
  kThrottled,        // slower
  kValidation,       // this request will never be accepted
  kUnavailable,      // no connection, a 5xx, or an answer that is no JSON: try again
  kTimeout,          // no answer by the deadline: the call may have been carried out
  kTooLarge,         // the answer is over 64 MiB: ask for less
  kDenied,           // credentials
};

[[nodiscard]] std::string_view to_string(Failure failure);

struct CallError {
  Failure failure = Failure::kUnavailable;
  std::string message;  // "ResourceNotFoundException: ..."
  // The whole error answer; with ReturnValuesOnConditionCheckFailure it has the standing "Item".
  boost::json::value answer{};
  std::string type{};  // "ResourceNotFoundException"; empty: no answer of a store
  // The request may have been carried out all the same: no answer came, or a 5xx.
  bool maybe_done = false;
};

template <typename T>
using CallResult = std::expected<T, CallError>;

// The failure behind an error answer's "__type", with or without its namespace.
[[nodiscard]] Failure failure_of(std::string_view type, long http_status);

class Client {
 public:
  // `headers`: lower-case names; sent, and signed, with every call.
  Client(Endpoint endpoint, Credentials credentials,
         std::vector<std::pair<std::string, std::string>> headers = {});
  Client(Endpoint endpoint, std::shared_ptr<CredentialSource> credentials,
         std::vector<std::pair<std::string, std::string>> headers = {});
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // `target`: "DynamoDB_20120810.PutItem" or "DynamoDBStreams_20120810.GetRecords". Answers over
  // 64 MiB are kTooLarge.
  CallResult<boost::json::value> call(std::string_view target, const boost::json::object& body,
                                      Duration timeout);
  // The same with a body that is JSON text already.
  CallResult<boost::json::value> call_text(std::string_view target, std::string body,
                                           Duration timeout);

  // Of the last call's answer, as received.
  [[nodiscard]] std::size_t answer_bytes() const { return answer_bytes_; }
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

 private:
  struct Connection;

  [[nodiscard]] CallError transport_error(int code, bool too_large) const;

  Endpoint endpoint_;
  std::string host_;  // for the Host header
  std::shared_ptr<CredentialSource> credentials_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::size_t answer_bytes_ = 0;
  std::unique_ptr<Connection> connection_;
};

struct RetryPolicy {
  int attempts = 4;                               // at least 1
  Duration base = std::chrono::milliseconds(50);  // the first wait is up to this
  Duration cap = std::chrono::seconds(2);         // no wait is longer
  Duration deadline = std::chrono::seconds(15);   // of all attempts and waits together
  Duration call_timeout = std::chrono::seconds(5);
  bool idempotent = false;  // carrying it out twice is as good as once
};

// May the call be made again? Throttled: always. No connection or answer, or a 5xx: where the
// request cannot have been carried out, or is idempotent.
[[nodiscard]] bool is_safe_to_retry(const CallError& error, bool idempotent);

// The wait before attempt number `attempt` + 1 (from 1): full jitter, uniform in
// [0, min(cap, base * 2^(attempt - 1))). Source: "Exponential Backoff And Jitter", AWS Architecture
// Blog, 2015.
[[nodiscard]] Duration backoff(const RetryPolicy& policy, int attempt, Rng& rng);

// Sleeps between attempts. The last error is the result where none succeeds.
CallResult<boost::json::value> call_with_retries(Client& client, std::string_view target,
                                                 const boost::json::object& body,
                                                 const RetryPolicy& policy, Rng& rng);

// Clients with their connections, kept while nobody uses them. All have the same credentials and
// headers.
class ClientPool {
 public:
  // `idle_max`: clients kept per endpoint; more may be borrowed at the same time.
  explicit ClientPool(std::shared_ptr<CredentialSource> credentials, std::size_t idle_max = 16);

  // For clients made from now on: call it before the first call.
  void set_header(std::string name, std::string value);

  CallResult<boost::json::value> call(const Endpoint& endpoint, std::string_view target,
                                      const boost::json::object& body, Duration timeout);
  CallResult<boost::json::value> call(const Endpoint& endpoint, std::string_view target,
                                      const boost::json::object& body, const RetryPolicy& policy,
                                      Rng& rng);

 private:
  using Key = std::pair<std::string, std::string>;  // URL, region

  [[nodiscard]] Client take(const Endpoint& endpoint);
  void give_back(Client client);

  const std::shared_ptr<CredentialSource> credentials_;
  const std::size_t idle_max_;
  std::mutex mutex_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::map<Key, std::vector<Client>> idle_;
};

}  // namespace leeward::dynamodb
