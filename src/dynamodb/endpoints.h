// SPDX-License-Identifier: Apache-2.0
//
// Where a region's DynamoDB is. Pure but for the environment, which is passed in.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leeward::dynamodb {

struct Endpoint {
  std::string url;     // "http://127.0.0.1:8101" or "https://dynamodb.eu-west-3.amazonaws.com"
  std::string region;  // "eu-west-3"

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

using GetEnv = std::function<std::optional<std::string>(const std::string&)>;

// The domain of the region's partition: "amazonaws.com.cn" for cn-north-1.
[[nodiscard]] std::string_view partition_suffix(std::string_view region);

// "https://dynamodb.<region>.<the partition's domain>" where `url` is empty.
[[nodiscard]] Endpoint resolve_endpoint(std::string url, std::string region);

// As the AWS SDKs do: `url` if given; else AWS_ENDPOINT_URL_DYNAMODB, then AWS_ENDPOINT_URL (unless
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true); else the region's own. kInvalidArgument where that
// takes a region of Amazon's and this is none, or a URL is no http or https one.
Result<Endpoint> resolve_endpoint(std::string url, std::string region, const GetEnv& get_env);

// Where the same region's streams are: a host of their own at Amazon, the same endpoint elsewhere.
[[nodiscard]] Endpoint streams_endpoint(const Endpoint& endpoint);

// "eu-west-3", "us-gov-east-1": the form of Amazon's names.
[[nodiscard]] bool is_aws_region(std::string_view region);

}  // namespace leeward::dynamodb
