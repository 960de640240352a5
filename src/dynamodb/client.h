// SPDX-License-Identifier: Apache-2.0
//
// One keep-alive connection to one DynamoDB endpoint, speaking DynamoDB JSON 1.0. Calls block, up
// to their deadline; retrying is the caller's.
//
// Thread-safety: none; a client per thread.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.h"
#include "base/time.h"
#include "dynamodb/sigv4.h"

namespace leeward::dynamodb {

struct Endpoint {
  std::string url;     // "http://127.0.0.1:8101" or "https://dynamodb.eu-west-3.amazonaws.com"
  std::string region;  // "eu-west-3"
};

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

  Endpoint endpoint_;
  std::string host_;  // for the Host header
  Credentials credentials_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::size_t answer_bytes_ = 0;
  std::unique_ptr<Connection> connection_;
};

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; kUnauthenticated names what is
// missing.
Result<Credentials> credentials_from_environment();

// "https://dynamodb.<region>.amazonaws.com" where `url` is empty.
[[nodiscard]] Endpoint resolve_endpoint(std::string url, std::string region);

// Where the same region's streams are: a host of their own at Amazon, the same endpoint elsewhere.
[[nodiscard]] Endpoint streams_endpoint(const Endpoint& endpoint);

}  // namespace leeward::dynamodb
