// SPDX-License-Identifier: Apache-2.0
#include "dynamodb/sigv4.h"

#include <array>
#include <map>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"

namespace leeward::dynamodb {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  }
  return text;
}

std::string sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  LEEWARD_CHECK(
      EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1,
      "SHA-256 is always there");
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  LEEWARD_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                     reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                     digest.data(), &size) != nullptr,
                "HMAC-SHA-256 is always there");
  return {reinterpret_cast<const char*>(digest.data()), size};
}

// "20261123T114008Z"
std::string amz_date(WallTime now) {
  std::string text;
  for (const char c : format_rfc3339(now).substr(0, 19)) {
    if (c != '-' && c != ':') {
      text += c;
    }
  }
  return text + "Z";
}

// Without spaces at the ends, and one for each run of them.
std::string canonical_value(std::string_view value) {
  std::string result;
  bool owed = false;
  for (const char c : value) {
    if (c == ' ' || c == '\t') {
      owed = !result.empty();
      continue;
    }
    if (owed) {
      result += ' ';
      owed = false;
    }
    result += c;
  }
  return result;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> sign(const SignedRequest& request,
                                                      const Credentials& credentials,
                                                      WallTime now) {
  const std::string date_time = amz_date(now);
  const std::string date = date_time.substr(0, 8);
  std::vector<std::pair<std::string, std::string>> added = {{"x-amz-date", date_time}};
  if (!credentials.session_token.empty()) {
    added.emplace_back("x-amz-security-token", credentials.session_token.reveal());
  }
  std::map<std::string, std::string> canonical_headers = {{"host", request.host}};
  canonical_headers.insert(request.headers.begin(), request.headers.end());
  canonical_headers.insert(added.begin(), added.end());

  std::string header_lines;
  std::string signed_names;
  for (const auto& [name, value] : canonical_headers) {
    header_lines += name + ":" + canonical_value(value) + "\n";
    signed_names += (signed_names.empty() ? "" : ";") + name;
  }
  const std::string canonical = fmt::format("{}\n{}\n\n{}\n{}\n{}", request.method, request.path,
                                            header_lines, signed_names, hex(sha256(request.body)));
  const std::string scope =
      fmt::format("{}/{}/{}/aws4_request", date, request.region, request.service);
  const std::string to_sign =
      fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", date_time, scope, hex(sha256(canonical)));
  const std::string key =
      hmac(hmac(hmac(hmac("AWS4" + credentials.secret_access_key.reveal(), date), request.region),
                request.service),
           "aws4_request");
  added.emplace_back(
      "authorization",
      fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
                  credentials.access_key_id, scope, signed_names, hex(hmac(key, to_sign))));
  return added;
}

}  // namespace leeward::dynamodb
