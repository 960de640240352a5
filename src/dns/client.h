// SPDX-License-Identifier: Apache-2.0
//
// Who asks: what routing by location goes by.
#pragma once

#include <array>
#include <cstdint>

namespace leeward::dns {

// An address and how many of its leading bits are known: 32 or 128 of a resolver's own address,
// fewer of a network that it names (EDNS Client Subnet, RFC 7871). The other bits are zero.
struct ClientNetwork {
  std::uint8_t family = 0;  // 4, 6; 0: unknown
  std::uint8_t prefix_bits = 0;
  std::array<std::uint8_t, 16> address{};  // network order; IPv4 in the first four bytes

  friend bool operator==(const ClientNetwork&, const ClientNetwork&) = default;
};

}  // namespace leeward::dns
