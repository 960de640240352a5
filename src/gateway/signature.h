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

namespace leeward::gateway {

// Client keys: access key id -> secret.
using KeyBook = std::map<std::string, Secret, std::less<>>;

// Lines "ACCESS_KEY_ID SECRET"; empty lines and lines that begin with '#' are skipped. Errors name
// the line, never its content.
Result<KeyBook> parse_keys(std::string_view text);

struct SignedHeader {
  std::string name;  // lower case
  std::string_view value;
};

struct ReceivedRequest {
  std::string_view method;
  std::string_view path;              // without a query; DynamoDB has none
  std::vector<SignedHeader> headers;  // all of them, in order of arrival
  std::string_view body;
};

class Verifier {
 public:
  // `aws_region`: the only one that a credential may be scoped to.
  Verifier(KeyBook keys, std::string aws_region);

  // Nothing: the signature is right. A request may be up to 15 minutes off `now`.
  [[nodiscard]] std::optional<AwsError> check(const ReceivedRequest& request, WallTime now);

 private:
  struct Authorization;
  struct DerivedKey {
    std::string scope;  // date/region/service/aws4_request
    std::string key;
  };

  [[nodiscard]] std::optional<AwsError> check_scope(const Authorization& authorization,
                                                    std::string_view date) const;
  const std::string& key_for(const std::string& access_key, const Secret& secret,
                             std::string_view scope);

  KeyBook keys_;
  std::string aws_region_;
  std::map<std::string, DerivedKey, std::less<>> derived_;  // by access key; at most one each
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
