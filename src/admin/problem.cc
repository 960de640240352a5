// SPDX-License-Identifier: Apache-2.0
#include "admin/problem.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "admin/json.h"
#include "base/utf8.h"

namespace leeward::admin {
namespace {

Response render(int status, const boost::json::object& body) {
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = boost::json::serialize(body) + "\n";
  return response;
}

boost::json::object body_of(std::string_view type, int status, std::string_view detail) {
  return {{"type", type},
          {"title", reason_phrase(status)},
          {"status", status},
          {"detail", valid_utf8(detail)}};
}

boost::json::object body_of(const Error& error) {
  return body_of(fmt::format("urn:leeward:problem:{}", to_string(error.code)),
                 http_status(error.code), error.message);
}

}  // namespace

int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kAborted:
      return 409;
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kDeadlineExceeded:
      return 504;
    case ErrorCode::kUnimplemented:
      return 501;
    case ErrorCode::kDataCorrupt:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "";
  }
}

Response problem(const Error& error) {
  return render(http_status(error.code), body_of(error));
}

Response http_problem(int status, std::string_view detail) {
  return render(status, body_of("about:blank", status, detail));
}

Response problem_with(const Error& error, std::string_view member,
                      const boost::json::object& value) {
  boost::json::object body = body_of(error);
  body[member] = value;
  return render(http_status(error.code), body);
}

}  // namespace leeward::admin
