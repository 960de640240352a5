// SPDX-License-Identifier: Apache-2.0
//
// Transaction signatures (TSIG, RFC 8945): HMAC-SHA-256 and HMAC-SHA-512, over requests and over
// answers of one or many messages. MACs are whole, never truncated.
//
// Thread-safety: pure functions and values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "dns/name.h"

namespace leeward::dns {

enum class TsigHash : std::uint8_t { kSha256, kSha512 };

struct TsigSecret {
  Name name;  // lower case
  TsigHash hash = TsigHash::kSha256;
  Secret bytes;
};

// kInvalidArgument: `base64` is none.
Result<Secret> decode_tsig_secret(std::string_view base64);

enum class TsigError : std::uint16_t { kNone = 0, kBadSig = 16, kBadKey = 17, kBadTime = 18 };

// The TSIG record at the end of a message.
struct TsigRecord {
  std::size_t begin = 0;  // of the record in the message
  Name name;              // of the key, lower case
  Name algorithm;         // lower case
  std::uint64_t time_seconds = 0;
  std::uint16_t fudge_seconds = 0;
  std::span<const std::uint8_t> mac;  // in the message
  std::uint16_t original_id = 0;
  TsigError error = TsigError::kNone;
};

// nullopt: there is none, or the message is malformed (its lengths, or records after the TSIG).
[[nodiscard]] std::optional<TsigRecord> find_tsig(std::span<const std::uint8_t> message);

// Whether a request was signed with this key, at most `fudge` seconds from now.
[[nodiscard]] TsigError verify_tsig(std::span<const std::uint8_t> message, const TsigRecord& record,
                                    const TsigSecret& key, std::uint64_t now_seconds);

// Signs the messages of one answer, in order; of a request, the first and only one.
class TsigSigner {
 public:
  // `request_mac`: of the request that is answered; empty: a request is signed.
  TsigSigner(const TsigSecret& key, std::string request_mac)
      : key_(&key), mac_(std::move(request_mac)) {}

  // Appends the TSIG record. REQUIRES: a whole message.
  void sign(std::vector<std::uint8_t>& message, std::uint64_t now_seconds);

 private:
  const TsigSecret* key_;
  std::string mac_;  // of the message before
  bool is_first_ = true;
};

inline constexpr std::uint8_t kTsigRcode = 9;  // NOTAUTH

// Appends the unsigned TSIG record that says why a request was not accepted (section 5.2).
void append_tsig_error(std::vector<std::uint8_t>& message, const TsigRecord& request,
                       TsigError error);

}  // namespace leeward::dns
