// SPDX-License-Identifier: Apache-2.0
//
// DNSSEC keys: ECDSA P-256 with SHA-256 (algorithm 13, RFC 6605), as zones are signed with here.
//
// Thread-safety: a SigningKey is immutable; sign() may be called by any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "dns/name.h"

namespace leeward::dns {

inline constexpr std::uint8_t kEcdsaP256 = 13;
inline constexpr std::uint16_t kZoneKeyFlag = 256;
inline constexpr std::uint16_t kSecureEntryPointFlag = 257;  // zone key and SEP: a KSK or CSK

// A new private key, PEM (PKCS #8).
Result<Secret> generate_signing_key();

class SigningKey {
 public:
  // kInvalidArgument: no P-256 private key in PEM. `flags`: kZoneKeyFlag or kSecureEntryPointFlag.
  static Result<SigningKey> from_pem(const Secret& pem, std::uint16_t flags);

  [[nodiscard]] std::uint16_t flags() const { return flags_; }
  [[nodiscard]] std::uint16_t tag() const { return tag_; }  // RFC 4034 appendix B
  [[nodiscard]] const std::string& dnskey_rdata() const { return dnskey_rdata_; }

  // DS rdata for the parent zone; digest type 2 (SHA-256) or 4 (SHA-384).
  [[nodiscard]] std::string ds_rdata(const Name& zone, std::uint8_t digest_type) const;

  // 64 bytes, r and s (RFC 6605 section 4); nullopt where OpenSSL fails.
  [[nodiscard]] std::optional<std::string> sign(std::string_view data) const;

 private:
  struct Free {
    void operator()(void* key) const;
  };
  std::shared_ptr<void> key_;  // EVP_PKEY
  std::uint16_t flags_ = 0;
  std::uint16_t tag_ = 0;
  std::string dnskey_rdata_;
};

}  // namespace leeward::dns
