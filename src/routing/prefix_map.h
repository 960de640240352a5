// SPDX-License-Identifier: Apache-2.0
//
// Networks to numbers, by longest prefix. Nested prefixes are cut into disjoint ranges when the map
// is built, so that a look-up is one binary search, and it is known exactly how much of the address
// an answer depends on (RFC 7871 section 7.1.2: no longer prefix may overlap the announced one).
//
// Thread-safety: immutable after build().
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "routing/client_network.h"

namespace leeward::routing {

class PrefixMap {
 public:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  struct Entry {
    ClientNetwork network;
    std::uint32_t value = 0;  // below kNone
  };
  struct Found {
    std::uint32_t value = kNone;
    // Every address that shares this many leading bits with the asked one finds the same.
    std::uint8_t scope_bits = 0;
  };

  PrefixMap() = default;
  // Of two entries with the same network the later counts.
  explicit PrefixMap(std::span<const Entry> entries);

  // The value of the longest prefix that holds the whole network: where less of the client is known
  // than a prefix has bits, that prefix may be another's ("IP-based routing", developer guide).
  [[nodiscard]] Found find(const ClientNetwork& network) const;
  [[nodiscard]] bool empty() const { return ipv4_.empty() && ipv6_.empty(); }

 private:
  using Address = unsigned __int128;
  struct Range {
    Address first;
    std::uint32_t prefix;  // the longest here; kNone: none
  };
  struct Prefix {
    std::uint32_t value;
    std::uint32_t wider;  // the prefix around it; kNone: none
    std::uint8_t bits;

    friend auto operator<=>(const Prefix&, const Prefix&) = default;
  };
  class Builder;

  std::vector<Prefix> prefixes_;  // each combination once
  // Ranges follow each other without gaps, from address 0 on.
  std::vector<Range> ipv4_;
  std::vector<Range> ipv6_;
};

}  // namespace leeward::routing
