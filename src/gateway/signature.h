// SPDX-License-Identifier: Apache-2.0
//
// AWS Signature Version 4, both ways: checking what clients send, and signing calls to a store with
// the signing key kept for the day (dynamodb/sigv4.h derives it anew for each call, which costs
// more than a gateway has to spend). Checked against that signer and against botocore's.
//
// Thread-safety: none for Signer and Verifier; one per thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "dynamodb/sigv4.h"
#include "gateway/aws_error.h"
#include "sigv4/verify.h"

namespace leeward::gateway {

using sigv4::KeyBook;
using sigv4::ReceivedRequest;
using sigv4::SignedHeader;

// Lines "ACCESS_KEY_ID SECRET"; empty lines and lines that begin with '#' are skipped. Errors name
// the line, never its content.
Result<KeyBook> parse_keys(std::string_view text);

class Verifier {
 public:
  // `aws_region`: the only one that a credential may be scoped to.
  Verifier(KeyBook keys, std::string aws_region);

  // Nothing: the signature is right. A request may be up to 15 minutes off `now`.
  [[nodiscard]] std::optional<AwsError> check(const ReceivedRequest& request, WallTime now);

 private:
  KeyBook keys_;
  sigv4::Scope scope_;
  sigv4::KeyCache cache_;
};

// What is wrong with a request that carries no Authorization header of Signature Version 4.
[[nodiscard]] std::optional<AwsError> check_authorization_present(std::string_view authorization);

class Signer {
 public:
  Signer(dynamodb::Credentials credentials, std::string aws_region);

  // The header lines X-Amz-Date, X-Amz-Security-Token (where there is one) and Authorization, each
  // with its CRLF, for POST / with these headers and content type application/x-amz-json-1.0.
  [[nodiscard]] std::string header_lines(std::string_view host, std::string_view target,
                                         std::string_view body, WallTime now);

 private:
  dynamodb::Credentials credentials_;
  std::string aws_region_;
  std::string date_;  // of key_
  std::string key_;
};

inline constexpr std::string_view kContentType = "application/x-amz-json-1.0";

}  // namespace leeward::gateway
