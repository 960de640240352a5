// SPDX-License-Identifier: Apache-2.0
#include "sigv4/verify.h"

#include <algorithm>
#include <expected>
#include <utility>

#include <fmt/format.h>

#include "sigv4/digest.h"

namespace leeward::sigv4 {
namespace {

using Kind = Fault::Kind;

Fault incomplete(std::string_view message) {
  return {Kind::kIncomplete, std::string(message)};
}
Fault invalid(std::string_view message) {
  return {Kind::kInvalid, std::string(message)};
}

std::string_view header(const ReceivedRequest& request, std::string_view name) {
  for (const SignedHeader& each : request.headers) {
    if (each.name == name) {
      return trimmed(each.value);
    }
  }
  return {};
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

std::string encode(std::string_view text, bool keep_slash) {
  std::string result;
  for (const char c : text) {
    result += is_unreserved(c) || (keep_slash && c == '/')
                  ? std::string(1, c)
                  : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

std::string decode(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
        hex_value(text[i + 2]) >= 0) {
      result += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

// All services but S3 encode the path, as it is sent, once more.
std::string canonical_path(std::string_view path) {
  return path.empty() ? "/" : encode(path, true);
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const std::string_view part : split(query, '&')) {
    if (!part.empty()) {
      const std::size_t equals = part.find('=');
      const std::string_view value =
          equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
      parameters.emplace_back(encode(decode(part.substr(0, equals)), false),
                              encode(decode(value), false));
    }
  }
  std::ranges::sort(parameters);
  std::string text;
  for (const auto& [name, value] : parameters) {
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
  }
  return text;
}

std::optional<Fault> check_time(WallTime signed_at, std::string_view text, WallTime now,
                                Duration skew) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(skew).count();
  if (signed_at + skew < now) {
    return Fault{Kind::kExpired,
                 fmt::format("Signature expired: {} is now earlier than {} ({} - {} min.)", text,
                             amz_date(now - skew), amz_date(now), minutes)};
  }
  if (signed_at > now + skew) {
    return Fault{Kind::kExpired,
                 fmt::format("Signature not yet current: {} is still later than {} ({} + {} min.)",
                             text, amz_date(now + skew), amz_date(now), minutes)};
  }
  return std::nullopt;
}

// Of the request as far as the client says that it signed it.
std::string canonical_request(const ReceivedRequest& request,
                              const std::vector<std::string_view>& signed_names,
                              std::string_view signed_list) {
  std::string text = fmt::format("{}\n{}\n{}\n", request.method, canonical_path(request.path),
                                 canonical_query(request.query));
  for (const std::string_view name : signed_names) {
    text += name;
    text += ':';
    bool first = true;
    for (const SignedHeader& each : request.headers) {
      if (each.name == name) {
        text += (first ? "" : ",") + canonical_value(each.value);
        first = false;
      }
    }
    text += '\n';
  }
  text += '\n';
  text += signed_list;
  text += '\n';
  text += sha256_hex(request.body);
  return text;
}

struct Authorization {
  std::string_view access_key;
  std::string_view scope;  // what follows the access key
  std::string_view signed_list;
  std::vector<std::string_view> signed_names;
  std::string_view signature;

  static std::expected<Authorization, Fault> parse(std::string_view text) {
    Authorization parsed;
    std::string_view credential;
    text.remove_prefix(kAlgorithm.size());
    for (const std::string_view part : split(text, ',')) {
      const std::string_view field = trimmed(part);
      const auto take = [&field](std::string_view name, std::string_view& into) {
        if (field.starts_with(name)) {
          into = field.substr(name.size());
        }
      };
      take("Credential=", credential);
      take("SignedHeaders=", parsed.signed_list);
      take("Signature=", parsed.signature);
    }
    const std::pair<const char*, bool> needed[] = {{"Credential", credential.empty()},
                                                   {"Signature", parsed.signature.empty()},
                                                   {"SignedHeaders", parsed.signed_list.empty()}};
    std::string missing;
    for (const auto& [name, absent] : needed) {
      if (absent) {
        missing += fmt::format("Authorization header requires '{}' parameter. ", name);
      }
    }
    const std::size_t slash = credential.find('/');
    if (missing.empty() && slash == std::string_view::npos) {
      missing = "Credential must have the form ACCESS_KEY/DATE/REGION/SERVICE/aws4_request.";
    }
    if (!missing.empty()) {
      return std::unexpected(incomplete(missing));
    }
    parsed.access_key = credential.substr(0, slash);
    parsed.scope = credential.substr(slash + 1);
    parsed.signed_names = split(parsed.signed_list, ';');
    return parsed;
  }

  [[nodiscard]] bool covers(std::string_view name) const {
    return std::ranges::find(signed_names, name) != signed_names.end();
  }
};

std::optional<Fault> check_scope(const Authorization& authorization, std::string_view date,
                                 const Scope& expected) {
  const std::vector<std::string_view> scope = split(authorization.scope, '/');
  if (scope.size() != 4 || scope[3] != "aws4_request") {
    return incomplete("Credential must have the form ACCESS_KEY/DATE/REGION/SERVICE/aws4_request.");
  }
  if (scope[0] != date) {
    return invalid(
        fmt::format("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
                    "date from HTTP: '{}' != '{}'",
                    scope[0], date));
  }
  if (scope[1] != expected.region) {
    return invalid(
        fmt::format("Credential should be scoped to a valid region, not '{}'. This is {}.",
                    scope[1], expected.region));
  }
  if (scope[2] != expected.service) {
    return invalid(
        fmt::format("Credential should be scoped to correct service: '{}'.", expected.service));
  }
  return std::nullopt;
}

std::expected<std::string, Fault> verified_key(const ReceivedRequest& request, const Scope& scope,
                                               const KeyBook& keys, KeyCache& cache, WallTime now) {
  const std::string_view text = header(request, "authorization");
  if (auto fault = check_present(text)) {
    return std::unexpected(*std::move(fault));
  }
  auto parsed = Authorization::parse(text);
  if (!parsed) {
    return std::unexpected(std::move(parsed).error());
  }
  const std::string_view date_time = header(request, "x-amz-date");
  const auto signed_at = parse_amz_date(date_time);
  if (!signed_at) {
    return std::unexpected(
        incomplete("Authorization header requires existence of a 'X-Amz-Date' header such as "
                   "20261123T114008Z."));
  }
  const auto found = keys.find(parsed->access_key);
  if (found == keys.end()) {
    return std::unexpected(
        Fault{Kind::kUnknownKey, "The security token included in the request is invalid."});
  }
  const std::string_view date = date_time.substr(0, 8);
  if (auto fault = check_scope(*parsed, date, scope)) {
    return std::unexpected(*std::move(fault));
  }
  for (const std::string& name : scope.must_sign) {
    if (!parsed->covers(name)) {
      return std::unexpected(
          invalid(fmt::format("'{}' must be a signed header in the AWS Authorization.", name)));
    }
  }
  if (auto fault = check_time(*signed_at, date_time, now, scope.allowed_skew)) {
    return std::unexpected(*std::move(fault));
  }
  const std::string to_sign = fmt::format(
      "{}\n{}\n{}\n{}", kAlgorithm, date_time, parsed->scope,
      sha256_hex(canonical_request(request, parsed->signed_names, parsed->signed_list)));
  const std::string expected =
      hex(hmac(cache.key_for(found->first, found->second, date, scope), to_sign));
  if (!equal_in_constant_time(expected, parsed->signature)) {
    return std::unexpected(Fault{
        Kind::kMismatch,
        "The request signature we calculated does not match the signature you provided. Check your "
        "AWS Secret Access Key and signing method. Consult the service documentation for "
        "details."});
  }
  return found->first;
}

}  // namespace

const std::string& KeyCache::key_for(const std::string& access_key, const Secret& secret,
                                     std::string_view date, const Scope& scope) {
  Derived& derived = derived_[access_key];
  std::string name = fmt::format("{}/{}/{}", date, scope.region, scope.service);
  if (derived.scope != name) {
    derived = {std::move(name), signing_key(secret, date, scope.region, scope.service)};
  }
  return derived.key;
}

std::optional<Fault> check_present(std::string_view authorization) {
  if (trimmed(authorization).empty()) {
    return Fault{Kind::kMissing, "Request is missing Authentication Token"};
  }
  if (!trimmed(authorization).starts_with(kAlgorithm)) {
    return incomplete("Unsupported authorization: sign requests with AWS4-HMAC-SHA256.");
  }
  return std::nullopt;
}

Verdict verify(const ReceivedRequest& request, const Scope& scope, const KeyBook& keys,
               KeyCache& cache, WallTime now) {
  auto key = verified_key(request, scope, keys, cache, now);
  if (!key) {
    return {std::move(key).error(), {}};
  }
  return {std::nullopt, *std::move(key)};
}

}  // namespace leeward::sigv4
