// SPDX-License-Identifier: Apache-2.0
//
// RFC 9018 appendix A, and what its section 4.3 says of age.
#include "dns/cookie.h"

#include <charconv>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace leeward::dns {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> bytes(std::string_view hex) {
  std::array<std::uint8_t, N> result{};
  for (std::size_t i = 0; i < N; ++i) {
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, result[i], 16);
  }
  return result;
}

const CookieSecret kSecret = bytes<16>("e5e973e5a6b2a43f48e7dc849e37bfcf");

TEST(Cookie, Rfc9018LearningANewServerCookie) {
  const auto client = bytes<8>("2464c4abcf10c957");
  EXPECT_EQ(
      make_server_cookie(client, *routing::parse_network("198.51.100.100"), 1559731985, kSecret),
      bytes<16>("010000005cf79f111f8130c3eee29480"));
}

TEST(Cookie, Rfc9018IPv6AndTwoSecrets) {
  const auto client = bytes<8>("22681ab97d52c298");
  const auto address = *routing::parse_network("2001:db8:220:1:59de:d0f4:8769:82b8");
  EXPECT_EQ(make_server_cookie(client, address, 1559741961,
                               bytes<16>("445536bcd2513298075a5d379663c962")),
            bytes<16>("010000005cf7c609a6bb79d16625507a"));
}

TEST(Cookie, IsGoodForAnHourForItsClientAlone) {
  const auto client = bytes<8>("2464c4abcf10c957");
  const auto address = *routing::parse_network("198.51.100.100");
  const ServerCookie cookie = make_server_cookie(client, address, 1'000'000, kSecret);
  const auto good = [&](std::uint32_t now, const char* from = "198.51.100.100") {
    return is_server_cookie(cookie, client, *routing::parse_network(from), now, kSecret);
  };
  EXPECT_TRUE(good(1'000'000));
  EXPECT_TRUE(good(1'003'600));
  EXPECT_FALSE(good(1'003'601));
  EXPECT_TRUE(good(999'700));
  EXPECT_FALSE(good(999'699));
  EXPECT_FALSE(good(1'000'000, "198.51.100.101"));
  EXPECT_FALSE(is_server_cookie(std::span(cookie).first(15), client, address, 1'000'000, kSecret));
  ServerCookie other = cookie;
  other[15] ^= 1;
  EXPECT_FALSE(is_server_cookie(other, client, address, 1'000'000, kSecret));
}

}  // namespace
}  // namespace leeward::dns
