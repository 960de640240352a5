// SPDX-License-Identifier: Apache-2.0
#include "admin/body.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace leeward::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t kDepthMax = 8;

}  // namespace

Result<json::object> parse_json_object(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return json::object();
  }
  json::parse_options options;
  options.max_depth = kDepthMax;
  json::error_code error;
  json::value value =
      json::parse(json::string_view(body.data(), body.size()), error, json::storage_ptr(), options);
  if (error) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the body is not JSON: {}", error.message()));
  }
  if (!value.is_object()) {
    return fail(ErrorCode::kInvalidArgument, "the body must be a JSON object");
  }
  return std::move(value.as_object());
}

Result<std::string> string_member(std::string_view key, const json::value& value,
                                  std::size_t bytes_max) {
  if (!value.is_string()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' must be a string", key));
  }
  std::string text(value.as_string());
  if (text.size() > bytes_max) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is longer than {} bytes", key, bytes_max));
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' holds a control character; it must be one line", key));
    }
  }
  return text;
}

}  // namespace leeward::admin
