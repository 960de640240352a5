// SPDX-License-Identifier: Apache-2.0
//
// Who asks, as far as it is known: what routing by location goes by.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace leeward::routing {

// An address and how many of its leading bits are known: 32 or 128 of a resolver's own address,
// fewer of a network that it names (EDNS Client Subnet, RFC 7871). The other bits are zero.
struct ClientNetwork {
  std::uint8_t family = 0;  // 4, 6; 0: unknown
  std::uint8_t prefix_bits = 0;
  std::array<std::uint8_t, 16> address{};  // network order; IPv4 in the first four bytes

  friend auto operator<=>(const ClientNetwork&, const ClientNetwork&) = default;
};

// "192.0.2.0/24", "2001:db8::/32", or an address alone. nullopt: neither; bits beyond the prefix
// are cleared.
[[nodiscard]] std::optional<ClientNetwork> parse_network(std::string_view text);

// "192.0.2.0/24"; without a prefix where all bits are known.
[[nodiscard]] std::string to_string(const ClientNetwork& network);

}  // namespace leeward::routing
