// SPDX-License-Identifier: Apache-2.0
#include "dynamodb/client.h"

#include <array>
#include <mutex>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <curl/curl.h>
#include <fmt/format.h>

namespace leeward::dynamodb {
namespace {

namespace json = boost::json;

constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 20;

struct Receiver {
  std::string body;
  bool too_large = false;
};

std::size_t receive(const char* data, std::size_t size, std::size_t count, void* to) {
  auto* receiver = static_cast<Receiver*>(to);
  if (receiver->body.size() + size * count > kAnswerBytesMax) {
    receiver->too_large = true;
    return 0;
  }
  receiver->body.append(data, size * count);
  return size * count;
}

void initialise_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

std::string host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::string_view rest = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  return std::string(rest.substr(0, rest.find('/')));
}

std::string member(const json::value& value, std::initializer_list<const char*> names) {
  if (const json::object* object = value.if_object()) {
    for (const char* name : names) {
      const json::value* found = object->if_contains(name);
      if (found != nullptr && found->is_string()) {
        return std::string(found->get_string());
      }
    }
  }
  return "";
}

CallError error_of(const json::value& answer, long http_status) {
  const std::string type = member(answer, {"__type"});
  const std::string name =
      type.substr(type.find('#') == std::string::npos ? 0 : type.find('#') + 1);
  return {failure_of(name, http_status),
          fmt::format("{}: {} (HTTP {})", name.empty() ? "error" : name,
                      member(answer, {"message", "Message"}), http_status),
          answer, name, http_status >= 500};
}

}  // namespace

std::string_view to_string(Failure failure) {
  switch (failure) {
    case Failure::kConditionFailed:
      return "condition-failed";
    case Failure::kNotFound:
      return "not-found";
    case Failure::kExpiredIterator:
      return "expired-iterator";
    case Failure::kTrimmed:
      return "trimmed";
    case Failure::kThrottled:
      return "throttled";
    case Failure::kValidation:
      return "validation";
    case Failure::kUnavailable:
      return "unavailable";
    case Failure::kTimeout:
      return "timeout";
    case Failure::kTooLarge:
      return "too-large";
    case Failure::kDenied:
      return "denied";
  }
  return "unavailable";
}

Failure failure_of(std::string_view type, long http_status) {
  constexpr std::array<std::pair<std::string_view, Failure>, 15> kTypes = {{
      {"ConditionalCheckFailedException", Failure::kConditionFailed},
      {"ResourceNotFoundException", Failure::kNotFound},
      {"ExpiredIteratorException", Failure::kExpiredIterator},
      {"TrimmedDataAccessException", Failure::kTrimmed},
      {"ProvisionedThroughputExceededException", Failure::kThrottled},
      {"RequestLimitExceeded", Failure::kThrottled},
      {"ThrottlingException", Failure::kThrottled},
      {"LimitExceededException", Failure::kThrottled},
      {"ValidationException", Failure::kValidation},
      {"SerializationException", Failure::kValidation},
      {"UnknownOperationException", Failure::kValidation},
      {"AccessDeniedException", Failure::kDenied},
      {"UnrecognizedClientException", Failure::kDenied},
      {"InvalidSignatureException", Failure::kDenied},
      {"MissingAuthenticationTokenException", Failure::kDenied},
  }};
  for (const auto& [name, failure] : kTypes) {
    if (name == type) {
      return failure;
    }
  }
  // Expired tokens, transaction conflicts, whatever comes next: only what is known never to be
  // accepted may be given up.
  return http_status == 429 ? Failure::kThrottled : Failure::kUnavailable;
}

struct Client::Connection {
  Connection() : handle((initialise_curl(), curl_easy_init())) {}
  ~Connection() { curl_easy_cleanup(handle); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  CURL* handle;
};

Client::Client(Endpoint endpoint, Credentials credentials,
               std::vector<std::pair<std::string, std::string>> headers)
    : Client(std::move(endpoint), std::make_shared<CredentialSource>(std::move(credentials)),
             std::move(headers)) {}

Client::Client(Endpoint endpoint, std::shared_ptr<CredentialSource> credentials,
               std::vector<std::pair<std::string, std::string>> headers)
    : endpoint_(std::move(endpoint)),
      host_(host_of(endpoint_.url)),
      credentials_(std::move(credentials)),
      headers_(std::move(headers)),
      connection_(std::make_unique<Connection>()) {}

Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

CallResult<json::value> Client::call(std::string_view target, const json::object& body,
                                     Duration timeout) {
  return call_text(target, json::serialize(body), timeout);
}

CallResult<json::value> Client::call_text(std::string_view target, std::string body,
                                          Duration timeout) {
  const Result<Credentials> credentials = credentials_->get();
  if (!credentials) {
    return std::unexpected(CallError{Failure::kDenied, credentials.error().message});
  }
  const auto now = WallTime(
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
  SignedRequest request{.method = "POST",
                        .host = host_,
                        .path = "/",
                        .body = std::move(body),
                        .region = endpoint_.region,
                        .service = "dynamodb",
                        .headers = {{"content-type", "application/x-amz-json-1.0"},
                                    {"x-amz-target", std::string(target)}}};
  request.headers.insert(request.headers.end(), headers_.begin(), headers_.end());
  curl_slist* headers = curl_slist_append(nullptr, "Expect:");  // no 100-continue round trip
  for (const auto& list : {request.headers, sign(request, *credentials, now)}) {
    for (const auto& [name, value] : list) {
      headers = curl_slist_append(headers, (name + ": " + value).c_str());
    }
  }
  Receiver receiver;
  CURL* handle = connection_->handle;
  const auto timeout_ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  curl_easy_setopt(handle, CURLOPT_URL, endpoint_.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &receive);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &receiver);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout_ms));
  const CURLcode code = curl_easy_perform(handle);
  curl_slist_free_all(headers);
  answer_bytes_ = receiver.body.size();
  if (code != CURLE_OK) {
    return std::unexpected(transport_error(code, receiver.too_large));
  }
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  boost::system::error_code bad;
  // Items nest up to 32 levels of DynamoDB's own, each of which is two of JSON's and more.
  json::value answer = json::parse(receiver.body, bad, {}, {.max_depth = 160});
  if (status != 200) {
    CallError error = error_of(bad ? json::value() : answer, status);
    if (error.type.starts_with("ExpiredToken")) {
      credentials_->expire();
    }
    return std::unexpected(std::move(error));
  }
  if (bad) {
    return std::unexpected(CallError{Failure::kUnavailable,
                                     endpoint_.url + " answered with something that is no JSON",
                                     nullptr,
                                     {},
                                     true});
  }
  return answer;
}

CallError Client::transport_error(int code, bool too_large) const {
  if (too_large) {
    return {Failure::kTooLarge,
            fmt::format("an answer of over {} bytes", kAnswerBytesMax),
            nullptr,
            {},
            true};
  }
  // Before there was a connection, nothing was sent.
  const bool connected = code != CURLE_COULDNT_CONNECT && code != CURLE_COULDNT_RESOLVE_HOST &&
                         code != CURLE_SSL_CONNECT_ERROR &&
                         code != CURLE_PEER_FAILED_VERIFICATION && code != CURLE_URL_MALFORMAT &&
                         code != CURLE_UNSUPPORTED_PROTOCOL;
  return {code == CURLE_OPERATION_TIMEDOUT ? Failure::kTimeout : Failure::kUnavailable,
          fmt::format("{}: {}", endpoint_.url, curl_easy_strerror(static_cast<CURLcode>(code))),
          nullptr,
          {},
          connected};
}

}  // namespace leeward::dynamodb
