// SPDX-License-Identifier: Apache-2.0
#include "dynamodb/endpoints.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace leeward::dynamodb {
namespace {

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::string_view partition_suffix(std::string_view region) {
  // From the partitions of botocore's endpoint rules; us-gov-* shares amazonaws.com.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kPartitions = {{
      {"cn-", "amazonaws.com.cn"},
      {"us-isob-", "sc2s.sgov.gov"},
      {"us-isof-", "csp.hci.ic.gov"},
      {"eu-isoe-", "cloud.adc-e.uk"},
      {"us-iso-", "c2s.ic.gov"},
      {"eusc-", "amazonaws.eu"},
  }};
  for (const auto& [prefix, suffix] : kPartitions) {
    if (region.starts_with(prefix)) {
      return suffix;
    }
  }
  return "amazonaws.com";
}

bool is_aws_region(std::string_view region) {
  const std::size_t last = region.rfind('-');
  if (last == std::string_view::npos || region.size() > 32 || last + 1 == region.size() ||
      !std::ranges::all_of(region.substr(last + 1), is_digit)) {
    return false;
  }
  const std::string_view words = region.substr(0, last);
  return words.find('-') != std::string_view::npos && is_lower(words.front()) &&
         is_lower(words.back()) && words.find("--") == std::string_view::npos &&
         std::ranges::all_of(words, [](char c) { return is_lower(c) || c == '-'; });
}

Endpoint resolve_endpoint(std::string url, std::string region) {
  if (url.empty()) {
    url = fmt::format("https://dynamodb.{}.{}", region, partition_suffix(region));
  }
  return {std::move(url), std::move(region)};
}

Result<Endpoint> resolve_endpoint(std::string url, std::string region, const GetEnv& get_env) {
  std::string from = "the endpoint";
  if (url.empty() && get_env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").value_or("") != "true") {
    for (const char* name : {"AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"}) {
      url = url.empty() ? get_env(name).value_or("") : url;
      from = url.empty() ? from : name;
      if (!url.empty()) {
        break;
      }
    }
  }
  while (url.ends_with('/')) {
    url.pop_back();
  }
  if (!url.empty() && !url.starts_with("http://") && !url.starts_with("https://")) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is '{}', which is no http:// or https:// URL", from, url));
  }
  if (url.empty() && !is_aws_region(region)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is not a region of Amazon's (such as eu-west-3), so its endpoint "
                            "must be given",
                            region));
  }
  return resolve_endpoint(std::move(url), std::move(region));
}

Endpoint streams_endpoint(const Endpoint& endpoint) {
  constexpr std::string_view kAmazon = "https://dynamodb.";
  Endpoint streams = endpoint;
  if (streams.url.starts_with(kAmazon)) {
    streams.url.replace(0, kAmazon.size(), "https://streams.dynamodb.");
  }
  return streams;
}

}  // namespace leeward::dynamodb
