// SPDX-License-Identifier: Apache-2.0
#include "admin/auth.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace leeward::admin {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

bool is_ip_address(const std::string& text) {
  unsigned char buffer[sizeof(in6_addr)];
  return inet_pton(AF_INET, text.c_str(), buffer) == 1 ||
         inet_pton(AF_INET6, text.c_str(), buffer) == 1;
}

// "Bearer x" -> x; the scheme's case does not matter (RFC 9110 section 11.1).
std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (lower(authorization.substr(0, kScheme.size())) != kScheme) {
    return std::nullopt;
  }
  std::string_view token = authorization.substr(kScheme.size());
  while (token.starts_with(' ')) {
    token.remove_prefix(1);
  }
  while (token.ends_with(' ')) {
    token.remove_suffix(1);
  }
  return token;
}

// "[::1]:8053" -> "::1", "localhost:8053" -> "localhost".
std::string host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    return std::string(authority.substr(1, authority.find(']') - 1));
  }
  return lower(authority.substr(0, authority.find(':')));
}

// A browser names the page's origin in every request that may change something.
bool is_same_origin(std::string_view origin, std::string_view host) {
  return lower(origin) == "http://" + lower(host) || lower(origin) == "https://" + lower(host);
}

Status check_not_a_web_page(const Request& request) {
  if (request.host && !is_local_host_header(*request.host)) {
    return fail(ErrorCode::kPermissionDenied,
                "without tokens this API answers only to an IP address or localhost in the Host "
                "header; use http://127.0.0.1, or configure api.tokens");
  }
  if (request.origin && !is_same_origin(*request.origin, request.host.value_or(""))) {
    return fail(ErrorCode::kPermissionDenied,
                "without tokens this API does not answer web pages of another origin; configure "
                "api.tokens");
  }
  return {};
}

}  // namespace

bool is_local_host_header(std::string_view host) {
  const std::string name = host_of(host);
  return name == "localhost" || name.ends_with(".localhost") || is_ip_address(name);
}

Result<Identity> Authenticator::identify(const Request& request) const {
  if (tokens_.empty()) {
    RETURN_IF_ERROR(check_not_a_web_page(request));
    return Identity{"local", config::Role::kAdmin};
  }
  if (request.authorization.empty()) {
    return fail(ErrorCode::kUnauthenticated,
                "this needs a token: send the header 'Authorization: Bearer TOKEN'");
  }
  const std::optional<std::string_view> given = bearer_token(request.authorization);
  const config::Token* match = nullptr;
  for (const config::Token& token : tokens_) {
    const bool same = equal_in_constant_time(given.value_or(""), token.value.reveal());
    if (same && given && !token.value.empty()) {
      match = &token;  // and go on: the time says nothing about which one it was
    }
  }
  if (match == nullptr) {
    return fail(ErrorCode::kUnauthenticated,
                "the token is not one of those in api.tokens of the config");
  }
  return Identity{match->name, match->role};
}

Status authorize(const Identity& identity, config::Role needed) {
  if (identity.role < needed) {
    return fail(
        ErrorCode::kPermissionDenied,
        fmt::format("this needs the role {}, and token '{}' has the role {}",
                    config::to_string(needed), identity.name, config::to_string(identity.role)));
  }
  return {};
}

}  // namespace leeward::admin
