// SPDX-License-Identifier: Apache-2.0
#include "routing/prefix_map.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace leeward::routing {
namespace {

TEST(Network, ReadsWhatItIsGiven) {
  EXPECT_EQ(parse_network("192.0.2.7/24"), parse_network("192.0.2.0/24")) << "host bits go";
  EXPECT_EQ(parse_network("192.0.2.7")->prefix_bits, 32);
  EXPECT_EQ(parse_network("2001:db8::/32")->family, 6);
  for (const char* bad : {"", "/", "192.0.2.0/33", "192.0.2/24", "::/129", "::/-1", "1.2.3.4/",
                          "1.2.3.4/8x", "example"}) {
    EXPECT_FALSE(parse_network(bad)) << bad;
  }
}

TEST(PrefixMap, EmptyFindsNothing) {
  EXPECT_EQ(PrefixMap().find(*parse_network("192.0.2.7")).value, PrefixMap::kNone);
  EXPECT_EQ(PrefixMap().find({}).value, PrefixMap::kNone);
}

TEST(PrefixMap, TheWholeAddressSpaceIsANetwork) {
  const std::vector<PrefixMap::Entry> entries{{*parse_network("0.0.0.0/0"), 1},
                                              {*parse_network("::/0"), 2}};
  const PrefixMap map(entries);
  EXPECT_EQ(map.find(*parse_network("255.255.255.255")).value, 1U);
  EXPECT_EQ(map.find(*parse_network("255.255.255.255")).scope_bits, 0);
  EXPECT_EQ(map.find(*parse_network("ffff::")).value, 2U);
}

// "if you specify 2001:0DB8:0000:1234::/48 in your CIDR collection and a query originates from
// 2001:0DB8::/32, this will not match" (developer guide, "IP-based routing").
TEST(PrefixMap, APrefixLongerThanWhatIsKnownOfTheClientDoesNotMatch) {
  const std::vector<PrefixMap::Entry> entries{{*parse_network("2001:db8::/48"), 1},
                                              {*parse_network("2001::/16"), 2},
                                              {*parse_network("2001:db8::/64"), 3}};
  const PrefixMap map(entries);
  EXPECT_EQ(map.find(*parse_network("2001:db8::1")).value, 3U);
  EXPECT_EQ(map.find(*parse_network("2001:db8::/56")).value, 1U);
  EXPECT_EQ(map.find(*parse_network("2001:db8::/32")).value, 2U);
  EXPECT_EQ(map.find(*parse_network("2001::/8")).value, PrefixMap::kNone);
  EXPECT_EQ(map.find(*parse_network("2001:db8::/32")).scope_bits, 64) << "others find others";
}

TEST(PrefixMap, NeighboursOfTheSameValueAreOneRange) {
  const std::vector<PrefixMap::Entry> entries{{*parse_network("192.0.2.0/25"), 7},
                                              {*parse_network("192.0.2.128/25"), 7}};
  EXPECT_EQ(PrefixMap(entries).find(*parse_network("192.0.2.1")).scope_bits, 24);
}

bool covers(const ClientNetwork& block, const ClientNetwork& address) {
  if (block.family != address.family) {
    return false;
  }
  for (std::size_t bit = 0; bit < block.prefix_bits; ++bit) {
    if ((block.address[bit / 8] ^ address.address[bit / 8]) >> (7 - bit % 8) & 1U) {
      return false;
    }
  }
  return true;
}

// Against a list that is searched through; and every address that agrees in the scope's bits finds
// the same, while one bit less would not do.
TEST(PrefixMap, FindsTheLongestPrefixAndSaysExactlyHowMuchItDependsOn) {
  Rng rng(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<PrefixMap::Entry> entries;
    const auto random_address = [&](std::uint8_t family) {
      ClientNetwork network{.family = family,
                            .prefix_bits = static_cast<std::uint8_t>(family == 4 ? 32 : 128),
                            .address = {}};
      for (std::size_t i = 0; i < (family == 4 ? 4U : 16U); ++i) {
        network.address[i] = static_cast<std::uint8_t>(rng.below(3) * 127);  // many neighbours
      }
      return network;
    };
    for (std::uint32_t i = 0; i < 12; ++i) {
      ClientNetwork network = random_address(rng.below(2) == 0 ? 4 : 6);
      network.prefix_bits = static_cast<std::uint8_t>(rng.below(network.prefix_bits + 1U));
      for (std::size_t bit = network.prefix_bits; bit < 128; ++bit) {
        network.address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
      }
      entries.push_back({network, static_cast<std::uint32_t>(rng.below(4))});
    }
    const PrefixMap map(entries);
    const auto slow = [&](const ClientNetwork& address) {
      std::uint32_t value = PrefixMap::kNone;
      int longest = -1;
      for (const PrefixMap::Entry& entry : entries) {
        if (covers(entry.network, address) && entry.network.prefix_bits >= longest) {
          longest = entry.network.prefix_bits;
          value = entry.value;
        }
      }
      return value;
    };
    for (int i = 0; i < 50; ++i) {
      const ClientNetwork address = random_address(rng.below(2) == 0 ? 4 : 6);
      const PrefixMap::Found found = map.find(address);
      ASSERT_EQ(found.value, slow(address));
      for (int j = 0; j < 10; ++j) {
        ClientNetwork neighbour = address;
        for (std::size_t bit = found.scope_bits; bit < address.prefix_bits; ++bit) {
          neighbour.address[bit / 8] ^= static_cast<std::uint8_t>(rng.below(2) << (7 - bit % 8));
        }
        ASSERT_EQ(slow(neighbour), found.value) << "within the scope";
      }
    }
  }
}

}  // namespace
}  // namespace leeward::routing
