// SPDX-License-Identifier: Apache-2.0
#include "dns/signer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <openssl/evp.h>

#include "dns/name.h"
#include "dns/protocol.h"

namespace leeward::dns {
namespace {

constexpr std::uint32_t kDaySeconds = 86'400;
constexpr std::uint32_t kDaysBefore = 1;
constexpr std::uint32_t kDaysAfter = 8;

void append16(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value));
}

void append32(std::string& out, std::uint32_t value) {
  append16(out, static_cast<std::uint16_t>(value >> 16));
  append16(out, static_cast<std::uint16_t>(value));
}

void append(std::string& out, Rdata bytes) {
  out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

// RFC 4034 section 3.1.3: without the root, and without a wildcard's asterisk.
std::uint8_t labels_of(Rdata name) {
  std::uint8_t labels = 0;
  for (std::size_t at = 0; name[at] != 0; at += std::size_t{1} + name[at]) {
    ++labels;
  }
  const bool is_wildcard = name.size() > 2 && name[0] == 1 && name[1] == '*';
  return is_wildcard ? static_cast<std::uint8_t>(labels - 1) : labels;
}

void lower_range(std::string& rdata, std::size_t from, std::size_t size) {
  for (std::size_t i = from; i < std::min(from + size, rdata.size()); ++i) {
    rdata[i] = static_cast<char>(lower(static_cast<std::uint8_t>(rdata[i])));
  }
}

// The bytes of one or two names that start at `from`; length bytes are at most 63, below 'A', so
// that lowering them changes nothing.
std::size_t names_size(std::string_view rdata, std::size_t from, int names) {
  std::size_t at = from;
  while (names > 0 && at < rdata.size()) {
    const auto length = static_cast<std::uint8_t>(rdata[at]);
    at += std::size_t{1} + length;
    names -= length == 0 ? 1 : 0;
  }
  return at - from;
}

// RFC 4034 section 6.2, as amended by RFC 6840 section 5.1: in these types names are lower case.
std::string canonical_rdata(std::uint16_t type, Rdata bytes) {
  std::string rdata(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  switch (type) {
    case 2:   // NS
    case 3:   // MD
    case 4:   // MF
    case 5:   // CNAME
    case 7:   // MB
    case 8:   // MG
    case 9:   // MR
    case 12:  // PTR
    case 39:  // DNAME
      lower_range(rdata, 0, rdata.size());
      break;
    case 6:   // SOA
    case 14:  // MINFO
    case 17:  // RP
      lower_range(rdata, 0, names_size(rdata, 0, 2));
      break;
    case 15:  // MX
    case 18:  // AFSDB
    case 21:  // RT
    case 36:  // KX
      lower_range(rdata, 2, rdata.size());
      break;
    case 26:  // PX
      lower_range(rdata, 2, names_size(rdata, 2, 2));
      break;
    case 33:  // SRV
      lower_range(rdata, 6, rdata.size());
      break;
    case 35: {  // NAPTR: order, preference, three strings, a name
      std::size_t at = 4;
      for (int i = 0; i < 3 && at < rdata.size(); ++i) {
        at += std::size_t{1} + static_cast<std::uint8_t>(rdata[at]);
      }
      lower_range(rdata, at, rdata.size());
      break;
    }
    default:
      break;
  }
  return rdata;
}

std::vector<const SigningKey*> keys_for(const ZoneSigning& signing, std::uint16_t type) {
  std::vector<const SigningKey*> all;
  std::vector<const SigningKey*> wanted;
  const std::uint16_t flags = type == type::kDnskey ? kSecureEntryPointFlag : kZoneKeyFlag;
  for (const ZoneKey& key : signing.keys) {
    if (key.active) {
      all.push_back(&key.key);
      if (key.key.flags() == flags) {
        wanted.push_back(&key.key);
      }
    }
  }
  std::vector<const SigningKey*>& chosen = wanted.empty() ? all : wanted;
  if (type != type::kDnskey && chosen.size() > 1) {
    chosen.resize(1);
  }
  return chosen;
}

// The least name after `name` that is not below it (RFC 4471 in spirit), for the few names to which
// no label can be added.
std::string next_sibling(std::string name) {
  while (name.size() > 1) {
    const auto length = static_cast<std::uint8_t>(name[0]);
    if (length < kLabelBytesMax && name.size() < kNameBytesMax) {
      name.insert(1 + length, 1, '\0');
      name[0] = static_cast<char>(length + 1);
      return name;
    }
    for (std::size_t i = length; i > 0; --i) {
      const auto byte = static_cast<std::uint8_t>(name[i]);
      if (byte != 0xFF) {
        // In canonical order the upper case letters are not there.
        name[i] = static_cast<char>(byte + 1 == 'A' ? 'Z' + 1 : byte + 1);
        name.erase(i + 1, length - i);
        name[0] = static_cast<char>(i);
        return name;
      }
    }
    name.erase(0, std::size_t{1} + length);
  }
  return name;
}

}  // namespace

std::size_t SignatureCache::HashOfDigest::operator()(const Digest& digest) const {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

const SignatureCache::Signature* SignatureCache::sign(const SigningKey& key,
                                                      std::string_view data) {
  // Two keys of one zone may share a tag: the key itself is a part of what is looked up.
  const std::string signed_and_key = std::string(data) + key.dnskey_rdata();
  Digest digest;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  if (EVP_Digest(signed_and_key.data(), signed_and_key.size(), digest.data(), nullptr, EVP_sha256(),
                 nullptr) != 1) {
    return nullptr;
  }
  if (const auto found = young_.find(digest); found != young_.end()) {
    return &found->second;
  }
  if (young_.size() >= kept_min_) {
    old_ = std::exchange(young_, {});
  }
  if (const auto found = old_.find(digest); found != old_.end()) {
    return &young_.emplace(digest, found->second).first->second;
  }
  const std::optional<std::string> bytes = key.sign(data);
  if (!bytes || bytes->size() != sizeof(Signature)) {
    return nullptr;
  }
  ++made_;
  Signature signature;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  std::memcpy(signature.data(), bytes->data(), signature.size());
  return &young_.emplace(digest, signature).first->second;
}

std::vector<std::string> make_signatures(const ZoneSigning& signing, Rdata apex, Rdata owner,
                                         std::uint16_t type, std::uint32_t ttl,
                                         std::span<const Rdata> rdatas, std::uint32_t now_seconds,
                                         SignatureCache& cache) {
  std::vector<std::string> canonical;
  canonical.reserve(rdatas.size());
  for (const Rdata rdata : rdatas) {
    canonical.push_back(canonical_rdata(type, rdata));
  }
  // std::string compares its bytes as unsigned ones, as RFC 4034 section 6.3 wants it.
  std::ranges::sort(canonical);
  const auto [end, last] = std::ranges::unique(canonical);
  canonical.erase(end, last);

  std::string records;
  for (const std::string& rdata : canonical) {
    append(records, owner);
    append16(records, type);
    append16(records, dns_class::kIn);
    append32(records, ttl);
    append16(records, static_cast<std::uint16_t>(rdata.size()));
    records += rdata;
  }
  const std::uint32_t day = now_seconds / kDaySeconds;
  std::vector<std::string> signatures;
  for (const SigningKey* key : keys_for(signing, type)) {
    std::string rdata;
    append16(rdata, type);
    rdata.push_back(static_cast<char>(kEcdsaP256));
    rdata.push_back(static_cast<char>(labels_of(owner)));
    append32(rdata, ttl);
    append32(rdata, (day + kDaysAfter) * kDaySeconds);
    append32(rdata, (day - std::min(day, kDaysBefore)) * kDaySeconds);
    append16(rdata, key->tag());
    append(rdata, apex);
    const SignatureCache::Signature* signature = cache.sign(*key, rdata + records);
    if (signature == nullptr) {
      return {};
    }
    append(rdata, *signature);
    signatures.push_back(std::move(rdata));
  }
  return signatures;
}

std::string make_nsec(Rdata owner, std::span<const std::uint16_t> types) {
  std::string rdata;
  if (owner.size() + 2 <= kNameBytesMax) {
    rdata.assign("\1\0", 2);
    append(rdata, owner);
  } else {
    append(rdata, owner);
    rdata = next_sibling(std::move(rdata));
  }
  // RFC 4034 section 4.1.2: per 256 types a window: its number, its size, its bits.
  for (std::size_t i = 0; i < types.size();) {
    const std::uint16_t window = types[i] >> 8;
    std::array<std::uint8_t, 32> bits{};
    std::size_t size = 0;
    for (; i < types.size() && types[i] >> 8 == window; ++i) {
      const std::size_t byte = (types[i] & 0xFFU) / 8;
      bits[byte] |= static_cast<std::uint8_t>(0x80U >> (types[i] % 8));
      size = byte + 1;
    }
    rdata.push_back(static_cast<char>(window));
    rdata.push_back(static_cast<char>(size));
    append(rdata, Rdata(bits).first(size));
  }
  return rdata;
}

}  // namespace leeward::dns
