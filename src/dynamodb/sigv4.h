// SPDX-License-Identifier: Apache-2.0
//
// AWS Signature Version 4 for requests with a body ("Signature Version 4 signing process", AWS
// General Reference). Pure but for OpenSSL's hashing; checked against botocore's signer.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "base/time.h"

namespace leeward::dynamodb {

struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  // empty: none
};

struct SignedRequest {
  std::string method;  // "POST"
  std::string host;    // as sent in the Host header
  std::string path;    // "/", already encoded; without a query
  std::string body;
  std::string region;
  std::string service;                                       // "dynamodb"
  std::vector<std::pair<std::string, std::string>> headers;  // lower-case names; besides host and
                                                             // x-amz-date, also signed
};

// The headers to send besides those given: authorization, x-amz-date, and x-amz-security-token
// where there is a session token.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> sign(const SignedRequest& request,
                                                                    const Credentials& credentials,
                                                                    WallTime now);

}  // namespace leeward::dynamodb
