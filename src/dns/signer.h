// SPDX-License-Identifier: Apache-2.0
//
// Signatures and denials made as they are asked for (RFC 4034, 4035, 6605, 9824). Internal to
// answer(), but for the cache.
//
// A signature holds from the day before the one it is made in until a week after it, both at
// midnight UTC: all of a day are alike, and so can be kept; a clock that is a day off does not
// matter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dns/signing.h"

namespace leeward::dns {

using Rdata = std::span<const std::uint8_t>;

// Signatures that were made, by what they sign; what was not asked for lately is forgotten.
//
// Thread-safety: none; each thread that answers has its own.
class SignatureCache {
 public:
  using Signature = std::array<std::uint8_t, 64>;

  // Keeps at most twice `kept_min`, about 200 bytes each.
  explicit SignatureCache(std::size_t kept_min = 16'384) : kept_min_(kept_min) {}

  // Null: OpenSSL failed. Valid until the next call.
  const Signature* sign(const SigningKey& key, std::string_view data);

  [[nodiscard]] std::size_t size() const { return young_.size() + old_.size(); }
  [[nodiscard]] std::uint64_t made() const { return made_; }

 private:
  using Digest = std::array<std::uint8_t, 32>;
  struct HashOfDigest {
    std::size_t operator()(const Digest& digest) const;
  };
  using Signatures = std::unordered_map<Digest, Signature, HashOfDigest>;

  std::size_t kept_min_;
  Signatures young_;
  Signatures old_;  // was young when it was full
  std::uint64_t made_ = 0;
};

// RRSIG rdata for this RRset, one per key that signs it; none: OpenSSL failed. `owner` and `apex`
// are lower case; an expanded wildcard is signed as the name that it stands for.
std::vector<std::string> make_signatures(const ZoneSigning& signing, Rdata apex, Rdata owner,
                                         std::uint16_t type, std::uint32_t ttl,
                                         std::span<const Rdata> rdatas, std::uint32_t now_seconds,
                                         SignatureCache& cache);

// NSEC rdata: between `owner` and its direct successor there is nothing, and at `owner` there are
// these types, in ascending order.
[[nodiscard]] std::string make_nsec(Rdata owner, std::span<const std::uint16_t> types);

}  // namespace leeward::dns
