// SPDX-License-Identifier: Apache-2.0
//
// Errors in the shape that DynamoDB gives them: HTTP status, "__type" and "message". Pure.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace leeward::gateway {

struct AwsError {
  int status = 400;
  std::string type;  // "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"
  std::string message;
};

// Errors of the service's front door ("com.amazon.coral.service#...").
[[nodiscard]] AwsError service_error(std::string_view name, std::string_view message,
                                     int status = 400);
// Errors of DynamoDB itself ("com.amazonaws.dynamodb.v20120810#...").
[[nodiscard]] AwsError dynamodb_error(std::string_view name, std::string_view message,
                                      int status = 400);
[[nodiscard]] AwsError validation_error(std::string_view message);
[[nodiscard]] AwsError unknown_operation();
// 500: what SDKs retry.
[[nodiscard]] AwsError internal_error(std::string_view message);

[[nodiscard]] boost::json::object to_json(const AwsError& error);

// The name behind the '#' of an error body's "__type"; empty where there is none.
[[nodiscard]] std::string_view error_name(const boost::json::object& body);

}  // namespace leeward::gateway
