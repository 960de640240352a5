// SPDX-License-Identifier: Apache-2.0
#include "gateway/arn.h"

#include <fmt/format.h>

namespace leeward::gateway {
namespace {

namespace json = boost::json;

constexpr std::string_view kPrefix = "arn:aws:dynamodb:";
constexpr int kMaxDepth = 16;

struct Parts {
  std::string_view region;
  std::string_view account;
  std::string_view resource;
};

bool parse(std::string_view arn, Parts& parts) {
  if (!arn.starts_with(kPrefix)) {
    return false;
  }
  arn.remove_prefix(kPrefix.size());
  const std::size_t region_end = arn.find(':');
  if (region_end == std::string_view::npos) {
    return false;
  }
  const std::size_t account_end = arn.find(':', region_end + 1);
  if (account_end == std::string_view::npos) {
    return false;
  }
  parts = {arn.substr(0, region_end), arn.substr(region_end + 1, account_end - region_end - 1),
           arn.substr(account_end + 1)};
  return true;
}

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}

}  // namespace

std::string ArnMap::to_client(std::string_view arn) {
  Parts parts;
  if (!parse(arn, parts) || parts.region.empty() || parts.region == aws_region_) {
    return std::string(arn);
  }
  const std::scoped_lock lock(mutex_);
  store_region_ = parts.region;
  store_account_ = parts.account;
  return fmt::format("{}{}:{}:{}", kPrefix, aws_region_, kAccount, parts.resource);
}

std::string ArnMap::to_store(std::string_view arn) const {
  Parts parts;
  if (!parse(arn, parts) || parts.region != aws_region_ || parts.account != kAccount) {
    return std::string(arn);
  }
  const std::scoped_lock lock(mutex_);
  return fmt::format("{}{}:{}:{}", kPrefix, store_region_, store_account_, parts.resource);
}

// NOLINTNEXTLINE(misc-no-recursion): depth-limited
void ArnMap::answer(json::value& value, int depth) {
  if (depth > kMaxDepth) {
    return;
  }
  if (value.is_array()) {
    for (json::value& each : value.get_array()) {
      answer(each, depth + 1);
    }
  }
  if (!value.is_object()) {
    return;
  }
  for (auto& member : value.get_object()) {
    json::value& inner = member.value();
    if (!inner.is_string()) {
      answer(inner, depth + 1);
    } else if (std::string_view(member.key()).ends_with("Arn")) {
      inner = to_client(view(inner.get_string()));
    } else if (member.key() == "awsRegion") {
      inner = aws_region_;
    }
  }
}

void ArnMap::request(json::object& body) const {
  for (auto& member : body) {
    if (member.value().is_string() && std::string_view(member.key()).ends_with("Arn")) {
      member.value() = to_store(view(member.value().get_string()));
    }
  }
}

std::string ArnMap::message(std::string_view text) const {
  std::string region;
  {
    const std::scoped_lock lock(mutex_);
    region = store_region_;
  }
  const std::string theirs = fmt::format("{}{}:", kPrefix, region);
  const std::string ours = fmt::format("{}{}:", kPrefix, aws_region_);
  std::string out(text);
  for (std::size_t at = out.find(theirs); at != std::string::npos;
       at = out.find(theirs, at + ours.size())) {
    out.replace(at, theirs.size(), ours);
  }
  return out;
}

std::string_view table_of(std::string_view name_or_arn) {
  Parts parts;
  if (!parse(name_or_arn, parts) || !parts.resource.starts_with("table/")) {
    return name_or_arn;
  }
  const std::string_view path = parts.resource.substr(6);
  return path.substr(0, path.find('/'));
}

}  // namespace leeward::gateway
