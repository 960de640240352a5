// SPDX-License-Identifier: Apache-2.0
//
// Asks the daemon's admin API. libcurl stays in client.cc.
//
// Thread-safety: none. Every request has a deadline; no proxy and no redirect is followed, so a
// token goes only where --api says.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace leeward::cli {

struct ClientOptions {
  std::string url = "http://127.0.0.1:8053";
  Secret token;         // empty: none
  std::string ca_file;  // PEM; empty: the system's store
};

struct HttpRequest {
  std::string_view method = "GET";
  std::string path;  // from '/', encoded
  std::string_view accept = "application/json";
  std::string body;
  std::string_view content_type = "application/json";
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::string next_sequence;  // header Leeward-Next-Sequence
};

// kUnavailable: cannot be reached; kDeadlineExceeded; kInvalidArgument: the URL.
Result<HttpAnswer> ask(const ClientOptions& options, const HttpRequest& request);

// Follows an event stream, handing each piece of text to `take` until it returns false or the
// server ends the stream. An answer that is not 200 is returned with its body, untaken.
Result<HttpAnswer> follow(const ClientOptions& options, const HttpRequest& request,
                          const std::string& last_event_id,
                          const std::function<bool(std::string_view)>& take);

}  // namespace leeward::cli
