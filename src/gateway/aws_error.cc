// SPDX-License-Identifier: Apache-2.0
#include "gateway/aws_error.h"

#include <fmt/format.h>

namespace leeward::gateway {

AwsError service_error(std::string_view name, std::string_view message, int status) {
  return {status, fmt::format("com.amazon.coral.service#{}", name), std::string(message)};
}

AwsError dynamodb_error(std::string_view name, std::string_view message, int status) {
  return {status, fmt::format("com.amazonaws.dynamodb.v20120810#{}", name), std::string(message)};
}

AwsError validation_error(std::string_view message) {
  return {400, "com.amazon.coral.validate#ValidationException", std::string(message)};
}

AwsError unknown_operation() {
  return service_error("UnknownOperationException", "");
}

AwsError internal_error(std::string_view message) {
  return dynamodb_error("InternalServerError", message, 500);
}

boost::json::object to_json(const AwsError& error) {
  boost::json::object body{{"__type", error.type}};
  if (!error.message.empty()) {
    body["message"] = error.message;
  }
  return body;
}

std::string_view error_name(const boost::json::object& body) {
  const boost::json::value* type = body.if_contains("__type");
  if (type == nullptr || !type->is_string()) {
    return {};
  }
  const std::string_view text(type->get_string().data(), type->get_string().size());
  const std::size_t hash = text.find('#');
  return hash == std::string_view::npos ? text : text.substr(hash + 1);
}

}  // namespace leeward::gateway
