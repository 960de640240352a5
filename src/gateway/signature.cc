// SPDX-License-Identifier: Apache-2.0
#include "gateway/signature.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"

namespace leeward::gateway {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kService = "dynamodb";
constexpr auto kAllowedSkew = std::chrono::minutes(15);

struct MessageDigest {
  EVP_MD* value = EVP_MD_fetch(nullptr, "SHA256", nullptr);
};

const EVP_MD* sha256_algorithm() {
  static const MessageDigest kDigest;  // fetched once: a fetch per call costs more than the hash
  return kDigest.value;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += kDigits[value >> 4U];
    text += kDigits[value & 15U];
  }
  return text;
}

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  LEEWARD_CHECK(
      EVP_Digest(text.data(), text.size(), digest.data(), &size, sha256_algorithm(), nullptr) == 1,
      "SHA-256 is always there");
  return hex({reinterpret_cast<const char*>(digest.data()), size});
}

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  LEEWARD_CHECK(HMAC(sha256_algorithm(), key.data(), static_cast<int>(key.size()),
                     reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                     digest.data(), &size) != nullptr,
                "HMAC-SHA-256 is always there");
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string signing_key(const Secret& secret, std::string_view date, std::string_view region) {
  return hmac(hmac(hmac(hmac("AWS4" + secret.reveal(), date), region), kService), "aws4_request");
}

// "20261123T114008Z"
std::string amz_date(WallTime time) {
  std::string text;
  for (const char c : format_rfc3339(time).substr(0, 19)) {
    if (c != '-' && c != ':') {
      text += c;
    }
  }
  return text + "Z";
}

std::optional<WallTime> parse_amz_date(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') {
    return std::nullopt;
  }
  const auto part = [&](std::size_t from, std::size_t count) { return text.substr(from, count); };
  const auto time = parse_rfc3339(fmt::format("{}-{}-{}T{}:{}:{}Z", part(0, 4), part(4, 2),
                                              part(6, 2), part(9, 2), part(11, 2), part(13, 2)));
  return time ? std::optional(*time) : std::nullopt;
}

// Header values are signed without outer blanks and with runs of blanks as one.
std::string canonical_value(std::string_view value) {
  std::string text;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank) {
      text += c;
    } else if (!text.empty() && text.back() != ' ') {
      text += ' ';
    }
  }
  while (!text.empty() && text.back() == ' ') {
    text.pop_back();
  }
  return text;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

AwsError incomplete(std::string_view message) {
  return service_error("IncompleteSignatureException", message);
}
AwsError invalid(std::string_view message) {
  return service_error("InvalidSignatureException", message);
}

std::string_view header(const ReceivedRequest& request, std::string_view name) {
  for (const SignedHeader& each : request.headers) {
    if (each.name == name) {
      return trimmed(each.value);
    }
  }
  return {};
}

std::optional<AwsError> check_time(WallTime signed_at, std::string_view text, WallTime now) {
  if (signed_at + kAllowedSkew < now) {
    return invalid(fmt::format("Signature expired: {} is now earlier than {} ({} - 15 min.)", text,
                               amz_date(now - kAllowedSkew), amz_date(now)));
  }
  if (signed_at > now + kAllowedSkew) {
    return invalid(
        fmt::format("Signature not yet current: {} is still later than {} ({} + 15 min.)", text,
                    amz_date(now + kAllowedSkew), amz_date(now)));
  }
  return std::nullopt;
}

// Of the request as far as the client says that it signed it.
std::string canonical_request(const ReceivedRequest& request,
                              const std::vector<std::string_view>& signed_names,
                              std::string_view signed_list) {
  std::string text = fmt::format("{}\n{}\n\n", request.method, request.path);
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

}  // namespace

struct Verifier::Authorization {
  std::string_view access_key;
  std::string_view scope;  // what follows the access key
  std::string_view signed_list;
  std::vector<std::string_view> signed_names;
  std::string_view signature;

  static std::expected<Authorization, AwsError> parse(std::string_view text) {
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

Verifier::Verifier(KeyBook keys, std::string aws_region)
    : keys_(std::move(keys)), aws_region_(std::move(aws_region)) {}

std::optional<AwsError> check_authorization_present(std::string_view authorization) {
  if (trimmed(authorization).empty()) {
    return service_error("MissingAuthenticationTokenException",
                         "Request is missing Authentication Token");
  }
  if (!trimmed(authorization).starts_with(kAlgorithm)) {
    return incomplete("Unsupported authorization: sign requests with AWS4-HMAC-SHA256.");
  }
  return std::nullopt;
}

std::optional<AwsError> Verifier::check_scope(const Authorization& authorization,
                                              std::string_view date) const {
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
  if (scope[1] != aws_region_) {
    return invalid(
        fmt::format("Credential should be scoped to a valid region, not '{}'. This is "
                    "{}.",
                    scope[1], aws_region_));
  }
  if (scope[2] != kService) {
    return invalid(fmt::format("Credential should be scoped to correct service: 'dynamodb'."));
  }
  return std::nullopt;
}

const std::string& Verifier::key_for(const std::string& access_key, const Secret& secret,
                                     std::string_view scope) {
  DerivedKey& derived = derived_[access_key];
  if (derived.scope != scope) {
    const std::vector<std::string_view> parts = split(scope, '/');
    derived = {std::string(scope), signing_key(secret, parts[0], parts[1])};
  }
  return derived.key;
}

std::optional<AwsError> Verifier::check(const ReceivedRequest& request, WallTime now) {
  const std::string_view text = header(request, "authorization");
  if (auto error = check_authorization_present(text)) {
    return error;
  }
  const auto parsed = Authorization::parse(text);
  if (!parsed) {
    return parsed.error();
  }
  const std::string_view date_time = header(request, "x-amz-date");
  const auto signed_at = parse_amz_date(date_time);
  if (!signed_at) {
    return incomplete(
        "Authorization header requires existence of a 'X-Amz-Date' header such as "
        "20261123T114008Z.");
  }
  const auto found = keys_.find(parsed->access_key);
  if (found == keys_.end()) {
    return service_error("UnrecognizedClientException",
                         "The security token included in the request is invalid.");
  }
  if (auto error = check_scope(*parsed, date_time.substr(0, 8))) {
    return error;
  }
  // What decides where a request goes and what it does must be under the signature.
  for (const std::string_view name : {"host", "x-amz-date", "x-amz-target"}) {
    if (!parsed->covers(name)) {
      return invalid(fmt::format("'{}' must be a signed header in the AWS Authorization.", name));
    }
  }
  if (auto error = check_time(*signed_at, date_time, now)) {
    return error;
  }
  const std::string to_sign = fmt::format(
      "{}\n{}\n{}\n{}", kAlgorithm, date_time, parsed->scope,
      sha256_hex(canonical_request(request, parsed->signed_names, parsed->signed_list)));
  const std::string expected =
      hex(hmac(key_for(found->first, found->second, parsed->scope), to_sign));
  if (!equal_in_constant_time(expected, parsed->signature)) {
    return invalid(
        "The request signature we calculated does not match the signature you provided. Check your "
        "AWS Secret Access Key and signing method. Consult the service documentation for details.");
  }
  return std::nullopt;
}

Result<KeyBook> parse_keys(std::string_view text) {
  KeyBook keys;
  int number = 0;
  for (const std::string_view raw : split(text, '\n')) {
    ++number;
    const std::string_view line = trimmed(raw);
    if (line.empty() || line.front() == '#') {
      continue;
    }
    const std::size_t blank = line.find_first_of(" \t");
    const std::string_view secret =
        blank == std::string_view::npos ? std::string_view() : trimmed(line.substr(blank));
    if (secret.empty() || secret.find_first_of(" \t") != std::string_view::npos) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("line {}: expected ACCESS_KEY_ID SECRET", number));
    }
    if (!keys.emplace(line.substr(0, blank), Secret(std::string(secret))).second) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("line {}: this access key stands there twice", number));
    }
  }
  if (keys.empty()) {
    return fail(ErrorCode::kInvalidArgument, "it holds no line ACCESS_KEY_ID SECRET");
  }
  return keys;
}

Signer::Signer(dynamodb::Credentials credentials, std::string aws_region)
    : credentials_(std::move(credentials)), aws_region_(std::move(aws_region)) {}

std::string Signer::header_lines(std::string_view host, std::string_view target,
                                 std::string_view body, WallTime now) {
  const std::string date_time = amz_date(now);
  const std::string_view date = std::string_view(date_time).substr(0, 8);
  if (date_ != date) {
    date_ = date;
    key_ = signing_key(credentials_.secret_access_key, date, aws_region_);
  }
  const bool token = !credentials_.session_token.empty();
  const std::string_view names = token ? "content-type;host;x-amz-date;x-amz-security-token;"
                                         "x-amz-target"
                                       : "content-type;host;x-amz-date;x-amz-target";
  const std::string token_line =
      token ? fmt::format("x-amz-security-token:{}\n", credentials_.session_token.reveal()) : "";
  const std::string canonical =
      fmt::format("POST\n/\n\ncontent-type:{}\nhost:{}\nx-amz-date:{}\n{}x-amz-target:{}\n\n{}\n{}",
                  kContentType, host, date_time, token_line, target, names, sha256_hex(body));
  const std::string scope = fmt::format("{}/{}/{}/aws4_request", date, aws_region_, kService);
  const std::string signature = hex(hmac(
      key_, fmt::format("{}\n{}\n{}\n{}", kAlgorithm, date_time, scope, sha256_hex(canonical))));
  return fmt::format(
      "X-Amz-Date: {}\r\n{}{}{}Authorization: {} Credential={}/{}, SignedHeaders={}, "
      "Signature={}\r\n",
      date_time, token ? "X-Amz-Security-Token: " : "", credentials_.session_token.reveal(),
      token ? "\r\n" : "", kAlgorithm, credentials_.access_key_id, scope, names, signature);
}

}  // namespace leeward::gateway
