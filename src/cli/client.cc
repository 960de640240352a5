// SPDX-License-Identifier: Apache-2.0
#include "cli/client.h"

#include <algorithm>
#include <cstddef>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

namespace leeward::cli {
namespace {

constexpr long kConnectMs = 5'000;
constexpr long kAnswerMs = 40'000;                 // the daemon itself gives up after 30 s
constexpr long kSilenceSeconds = 60;               // a stream has a heartbeat every 15 s
constexpr std::size_t kBodyBytesMax = 64U << 20U;  // a page of the journal is the largest

struct Transfer {
  CURL* curl = nullptr;
  HttpAnswer answer;
  std::function<bool(std::string_view)> take;  // null: collect the body
  bool ended_by_caller = false;
};

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  long status = 0;
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
  if (transfer.take && status == 200) {
    transfer.ended_by_caller = !transfer.take({data, size});
    return transfer.ended_by_caller ? 0 : size;
  }
  if (transfer.answer.body.size() + size > kBodyBytesMax) {
    return 0;
  }
  transfer.answer.body.append(data, size);
  return size;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  constexpr std::string_view kName = "leeward-next-sequence:";
  std::string line(data, size);
  std::ranges::transform(line, line.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (line.starts_with(kName)) {
    std::string& value = static_cast<Transfer*>(user)->answer.next_sequence;
    for (const char c : line.substr(kName.size())) {
      if (c >= '0' && c <= '9') {
        value += c;
      }
    }
  }
  return size;
}

struct CurlCloser {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, CurlCloser>;

void add_header(Headers& headers, const std::string& line) {
  headers.reset(curl_slist_append(headers.release(), line.c_str()));
}

Error error_of(CURLcode code, const std::string& url, const char* detail) {
  const std::string text = *detail != '\0' ? detail : curl_easy_strerror(code);
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    return {
        ErrorCode::kInvalidArgument,
        fmt::format("--api {}: {}; expected http://ADDRESS:PORT or https://NAME:PORT", url, text)};
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return {ErrorCode::kDeadlineExceeded, fmt::format("{}: {}", url, text)};
  }
  return {ErrorCode::kUnavailable,
          fmt::format("{}: {}; is leewardd running, and is this its api.listen?", url, text)};
}

bool has_body(const HttpRequest& request) {
  return request.method == "POST" || request.method == "PUT";
}

void set_up(CURL* curl, const ClientOptions& options, const HttpRequest& request,
            Transfer& transfer, const std::string& url) {
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
  if (!options.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
  }
  if (has_body(request)) {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, request.body.c_str());
  }
  // libcurl calls a body from memory POST unless it is told otherwise.
  if (request.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, std::string(request.method).c_str());
  }
  if (transfer.take) {
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kSilenceSeconds);
  } else {
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kAnswerMs);
  }
}

Result<HttpAnswer> perform(const ClientOptions& options, const HttpRequest& request,
                           const std::string& last_event_id,
                           const std::function<bool(std::string_view)>& take) {
  static const CURLcode kInitialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, CurlCloser> curl(curl_easy_init());
  if (kInitialised != CURLE_OK || !curl) {
    return fail(ErrorCode::kInternal, "libcurl could not be set up");
  }
  std::string url = options.url;
  while (url.ends_with('/')) {
    url.pop_back();
  }
  Transfer transfer{.curl = curl.get(), .answer = {}, .take = take};
  set_up(curl.get(), options, request, transfer, url + request.path);
  char detail[CURL_ERROR_SIZE] = {};
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, detail);
  Headers headers;
  add_header(headers, fmt::format("Accept: {}", request.accept));
  if (has_body(request)) {
    add_header(headers, fmt::format("Content-Type: {}", request.content_type));
  }
  if (!options.token.empty()) {
    add_header(headers, "Authorization: Bearer " + options.token.reveal());
  }
  if (!last_event_id.empty()) {
    add_header(headers, "Last-Event-ID: " + last_event_id);
  }
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK && !transfer.ended_by_caller) {
    return fail(error_of(code, url, detail));
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  transfer.answer.status = static_cast<int>(status);
  return std::move(transfer.answer);
}

}  // namespace

Result<HttpAnswer> ask(const ClientOptions& options, const HttpRequest& request) {
  return perform(options, request, "", nullptr);
}

Result<HttpAnswer> follow(const ClientOptions& options, const HttpRequest& request,
                          const std::string& last_event_id,
                          const std::function<bool(std::string_view)>& take) {
  return perform(options, request, last_event_id, take);
}

}  // namespace leeward::cli
