// SPDX-License-Identifier: Apache-2.0
//
// An IP address in 28 bytes, as connect() wants it; sockaddr_storage would take 128 per address.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <netinet/in.h>
#include <sys/socket.h>

namespace leeward::probe {

struct SocketAddress {
  union {
    sockaddr base;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };

  SocketAddress() : v6{} {}

  [[nodiscard]] int family() const { return base.sa_family; }
  [[nodiscard]] socklen_t size() const {
    return family() == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  }
  void set_port(std::uint16_t port) {
    // Both families keep the port at the same place, but say so by the right member.
    (family() == AF_INET ? v4.sin_port : v6.sin6_port) = htons(port);
  }
};

// "192.0.2.1", "2001:db8::1", "fe80::1%eth0"; nullopt for names. Never asks a resolver.
[[nodiscard]] std::optional<SocketAddress> parse_address(const std::string& text);

}  // namespace leeward::probe
