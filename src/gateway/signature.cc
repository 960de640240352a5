// SPDX-License-Identifier: Apache-2.0
#include "gateway/signature.h"

#include <utility>

#include <fmt/format.h>

#include "sigv4/digest.h"

namespace leeward::gateway {
namespace {

using sigv4::hex;
using sigv4::hmac;
using sigv4::kAlgorithm;
using sigv4::sha256_hex;
using sigv4::split;
using sigv4::trimmed;

constexpr std::string_view kService = "dynamodb";

// DynamoDB's codes.
AwsError error_of(const sigv4::Fault& fault) {
  switch (fault.kind) {
    case sigv4::Fault::Kind::kMissing:
      return service_error("MissingAuthenticationTokenException", fault.message);
    case sigv4::Fault::Kind::kIncomplete:
      return service_error("IncompleteSignatureException", fault.message);
    case sigv4::Fault::Kind::kUnknownKey:
      return service_error("UnrecognizedClientException", fault.message);
    case sigv4::Fault::Kind::kExpired:
    case sigv4::Fault::Kind::kInvalid:
    case sigv4::Fault::Kind::kMismatch:
      break;
  }
  return service_error("InvalidSignatureException", fault.message);
}

}  // namespace

Verifier::Verifier(KeyBook keys, std::string aws_region)
    : keys_(std::move(keys)),
      scope_{.region = std::move(aws_region),
             .service = std::string(kService),
             .allowed_skew = std::chrono::minutes(15),
             .must_sign = {"host", "x-amz-date", "x-amz-target"}} {}

std::optional<AwsError> check_authorization_present(std::string_view authorization) {
  const auto fault = sigv4::check_present(authorization);
  return fault ? std::optional(error_of(*fault)) : std::nullopt;
}

std::optional<AwsError> Verifier::check(const ReceivedRequest& request, WallTime now) {
  const sigv4::Verdict verdict = sigv4::verify(request, scope_, keys_, cache_, now);
  return verdict.fault ? std::optional(error_of(*verdict.fault)) : std::nullopt;
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
  const std::string date_time = sigv4::amz_date(now);
  const std::string_view date = std::string_view(date_time).substr(0, 8);
  if (date_ != date) {
    date_ = date;
    key_ = sigv4::signing_key(credentials_.secret_access_key, date, aws_region_, kService);
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
