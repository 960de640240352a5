// SPDX-License-Identifier: Apache-2.0
//
// DNS cookies (RFC 7873) in the interoperable form (RFC 9018): servers that share a secret accept
// each other's. A client that shows one of ours has not forged its address.
//
// Thread-safety: pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "routing/client_network.h"

namespace leeward::dns {

inline constexpr std::size_t kClientCookieBytes = 8;
inline constexpr std::size_t kServerCookieBytes = 16;

using CookieSecret = std::array<std::uint8_t, 16>;
using ServerCookie = std::array<std::uint8_t, kServerCookieBytes>;

// SipHash-2-4 (Aumasson and Bernstein, 2012).
[[nodiscard]] std::uint64_t siphash24(const CookieSecret& key, std::span<const std::uint8_t> data);

// RFC 9018 section 4: version 1, for this client at this time (seconds since 1970, modulo 2^32).
[[nodiscard]] ServerCookie make_server_cookie(
    std::span<const std::uint8_t, kClientCookieBytes> client_cookie,
    const routing::ClientNetwork& client, std::uint32_t now_seconds, const CookieSecret& secret);

// Made by us with this secret, at most an hour ago and at most five minutes ahead.
[[nodiscard]] bool is_server_cookie(std::span<const std::uint8_t> server_cookie,
                                    std::span<const std::uint8_t, kClientCookieBytes> client_cookie,
                                    const routing::ClientNetwork& client, std::uint32_t now_seconds,
                                    const CookieSecret& secret);

}  // namespace leeward::dns
