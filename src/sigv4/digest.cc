// SPDX-License-Identifier: Apache-2.0
#include "sigv4/digest.h"

#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"

namespace leeward::sigv4 {
namespace {

struct MessageDigest {
  EVP_MD* value = EVP_MD_fetch(nullptr, "SHA256", nullptr);
};

const EVP_MD* sha256_algorithm() {
  static const MessageDigest kDigest;  // fetched once: a fetch per call costs more than the hash
  return kDigest.value;
}

}  // namespace

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

std::string signing_key(const Secret& secret, std::string_view date, std::string_view region,
                        std::string_view service) {
  return hmac(hmac(hmac(hmac("AWS4" + secret.reveal(), date), region), service), "aws4_request");
}

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

}  // namespace leeward::sigv4
