// SPDX-License-Identifier: Apache-2.0
//
// What a zone is signed with. The record sets are signed when they are asked for (signer.h), so a
// key is all that a signed zone has more than another.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dns/signing_key.h"

namespace leeward::dns {

// A key that is not active is published, but signs nothing: one that will be used soon, or one that
// was until now, which resolvers still need for signatures that they keep (RFC 6781 section
// 4.1.1.1, pre-publish).
struct ZoneKey {
  SigningKey key;
  bool active = true;
};

// The DNSKEY RRset is signed by every active key with the SEP flag, all else by the first active
// key without it, or, where there is none, by the first active key. So one key can do it all (a
// CSK), and one key follows another in this order: publish, add its DS to the parent zone,
// activate, deactivate the old one, remove the old DS, remove the old key.
struct ZoneSigning {
  std::vector<ZoneKey> keys;  // none active: the zone is not signed
  std::uint32_t dnskey_ttl_seconds = 3600;
};

[[nodiscard]] inline bool is_signed(const ZoneSigning& signing) {
  return std::ranges::any_of(signing.keys, &ZoneKey::active);
}

}  // namespace leeward::dns
