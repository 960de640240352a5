// SPDX-License-Identifier: Apache-2.0
#include "dns/cookie.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "dns/protocol.h"

namespace leeward::dns {
namespace {

constexpr std::uint8_t kVersion = 1;
// RFC 9018 section 4.3.
constexpr std::int32_t kAgeMaxSeconds = 3600;
constexpr std::int32_t kAheadMaxSeconds = 300;

std::uint64_t load_little(const std::uint8_t* at) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) {
    value |= std::uint64_t{at[i]} << (8 * i);
  }
  return value;
}

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

std::uint64_t cookie_hash(std::span<const std::uint8_t, kClientCookieBytes> client_cookie,
                          std::uint32_t timestamp, const routing::ClientNetwork& client,
                          const CookieSecret& secret) {
  std::array<std::uint8_t, kClientCookieBytes + 8 + 16> data{};
  std::ranges::copy(client_cookie, data.begin());
  data[kClientCookieBytes] = kVersion;
  store32(data.data() + kClientCookieBytes + 4, timestamp);
  const std::size_t address_bytes = client.family == 4 ? 4 : 16;
  std::memcpy(data.data() + kClientCookieBytes + 8, client.address.data(), address_bytes);
  return siphash24(secret, std::span(data).first(kClientCookieBytes + 8 + address_bytes));
}

}  // namespace

std::uint64_t siphash24(const CookieSecret& key, std::span<const std::uint8_t> data) {
  const std::uint64_t k0 = load_little(key.data());
  const std::uint64_t k1 = load_little(key.data() + 8);
  SipState state{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                 k1 ^ 0x7465646279746573};
  std::uint64_t last = static_cast<std::uint64_t>(data.size()) << 56;
  while (data.size() >= 8) {
    state.take(load_little(data.data()));
    data = data.subspan(8);
  }
  for (std::size_t i = 0; i < data.size(); ++i) {
    last |= std::uint64_t{data[i]} << (8 * i);
  }
  state.take(last);
  state.v2 ^= 0xFF;
  for (int i = 0; i < 4; ++i) {
    state.round();
  }
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

ServerCookie make_server_cookie(std::span<const std::uint8_t, kClientCookieBytes> client_cookie,
                                const routing::ClientNetwork& client, std::uint32_t now_seconds,
                                const CookieSecret& secret) {
  ServerCookie cookie{kVersion};
  store32(cookie.data() + 4, now_seconds);
  const std::uint64_t hash = cookie_hash(client_cookie, now_seconds, client, secret);
  for (unsigned i = 0; i < 8; ++i) {
    cookie[8 + i] = static_cast<std::uint8_t>(hash >> (8 * i));
  }
  return cookie;
}

bool is_server_cookie(std::span<const std::uint8_t> server_cookie,
                      std::span<const std::uint8_t, kClientCookieBytes> client_cookie,
                      const routing::ClientNetwork& client, std::uint32_t now_seconds,
                      const CookieSecret& secret) {
  if (server_cookie.size() != kServerCookieBytes || server_cookie[0] != kVersion) {
    return false;
  }
  const std::uint32_t timestamp = load32(server_cookie.data() + 4);
  const auto age = static_cast<std::int32_t>(now_seconds - timestamp);  // serial arithmetic
  if (age > kAgeMaxSeconds || age < -kAheadMaxSeconds) {
    return false;
  }
  const ServerCookie expected = make_server_cookie(client_cookie, client, timestamp, secret);
  unsigned difference = 0;  // in constant time
  for (std::size_t i = 8; i < kServerCookieBytes; ++i) {
    difference |= static_cast<unsigned>(expected[i] ^ server_cookie[i]);
  }
  return difference == 0;
}

}  // namespace leeward::dns
