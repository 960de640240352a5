// SPDX-License-Identifier: Apache-2.0
#include "cli/context.h"

#include <cstdio>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/exit_code.h"

namespace leeward::cli {
namespace {

int exit_code_for(int status) {
  if (status == 401 || status == 403) {
    return kNotAuthorised;
  }
  if (status == 404 || status == 409) {
    return kNegative;
  }
  return status >= 400 && status < 500 ? kUsage : kServerError;
}

}  // namespace

void complain(std::string_view text) {
  static_cast<void>(
      std::fputs(fmt::format("leeward: {}\n", printable(text, true)).c_str(), stderr));
}

void print(std::string_view text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stdout));
  static_cast<void>(std::fflush(stdout));
}

int report(const Error& error) {
  complain(error.message);
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadlineExceeded:
      return kUnreachable;
    case ErrorCode::kInvalidArgument:
      return kUsage;
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kPermissionDenied:
      return kNotAuthorised;
    case ErrorCode::kInternal:
      return kServerError;
    default:
      return kNegative;
  }
}

int report(const HttpAnswer& answer) {
  boost::json::value body;
  std::string detail;
  if (parse_json(answer.body, body) && body.is_object()) {
    if (const auto* const found = body.get_object().if_contains("detail");
        found != nullptr && found->is_string()) {
      detail = std::string_view(found->get_string().data(), found->get_string().size());
    }
  }
  complain(detail.empty()
               ? fmt::format("the server answered with status {}, which is not an answer "
                             "of Leeward's API; check --api",
                             answer.status)
               : detail);
  return detail.empty() ? int{kServerError} : exit_code_for(answer.status);
}

bool parse_json(std::string_view text, boost::json::value& into) {
  boost::json::error_code error;
  boost::json::value parsed =
      boost::json::parse(boost::json::string_view(text.data(), text.size()), error);
  if (!error) {
    into = std::move(parsed);
  }
  return !error;
}

bool fetch(const Context& context, const std::string& path, boost::json::value& into,
           int& exit_code) {
  const Result<HttpAnswer> answer = ask(context.api, {.path = path, .body = {}});
  if (!answer) {
    exit_code = report(answer.error());
    return false;
  }
  if (answer->status != 200) {
    exit_code = report(*answer);
    return false;
  }
  if (!parse_json(answer->body, into)) {
    exit_code = report(Error{ErrorCode::kInternal, "the server's answer is not JSON; check --api"});
    return false;
  }
  exit_code = kOk;
  return true;
}

}  // namespace leeward::cli
