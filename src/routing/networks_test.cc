// SPDX-License-Identifier: Apache-2.0
#include "routing/networks.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "routing/latency_text.h"
#include "routing/places.h"
#include "routing/regions.h"

namespace leeward::routing {
namespace {

using ::testing::HasSubstr;

Location located(std::string_view text, std::string_view client) {
  const auto networks = Networks::parse("networks.csv", text);
  EXPECT_TRUE(networks.has_value()) << networks.error().message;
  return networks ? (*networks)->locate(*parse_network(client)) : Location();
}

TEST(Networks, TheNetworkThatFitsBestCounts) {
  constexpr std::string_view kText =
      "network,continent,country,subdivision,latitude,longitude\n"
      "# offices\n"
      "192.0.2.0/24, EU, FR, , 48.86, 2.35  # Paris\r\n"
      "192.0.0.0/16,EU,DE\n"
      "\n"
      "192.0.2.128/25, NA, us, ca\n";
  const Location paris = located(kText, "192.0.2.1");
  EXPECT_EQ(paris.country, country_key("FR"));
  EXPECT_EQ(paris.continent, continent_key("EU"));
  EXPECT_EQ(paris.point, (GeoPoint{48.86F, 2.35F}));
  EXPECT_EQ(paris.scope_bits, 25) << "the other half is elsewhere";
  EXPECT_EQ(located(kText, "192.0.3.1").country, country_key("DE"));
  const Location california = located(kText, "192.0.2.200");
  EXPECT_EQ(california.subdivision, subdivision_key("US", "CA"));
  EXPECT_EQ(california.point, std::nullopt);
  const Location nowhere = located(kText, "203.0.113.9");
  EXPECT_EQ(nowhere.country, kNoPlace);
  EXPECT_EQ(nowhere.scope_bits, 5) << "200/5 holds no network of the file, 192/4 does";
}

TEST(Networks, BothFamilies) {
  constexpr std::string_view kText = "2001:db8::/32,AS,JP\n0.0.0.0/0,EU";
  EXPECT_EQ(located(kText, "2001:db8:1::7").country, country_key("JP"));
  EXPECT_EQ(located(kText, "2001:db9::7").continent, kNoPlace);
  EXPECT_EQ(located(kText, "8.8.8.8").continent, continent_key("EU"));
  EXPECT_EQ(located(kText, "8.8.8.8").scope_bits, 0) << "all of IPv4 is one place";
}

TEST(Networks, ACountryIsOnItsContinent) {
  EXPECT_EQ(located("192.0.2.0/24,,fr", "192.0.2.1").continent, continent_key("EU"));
  EXPECT_EQ(located("192.0.2.0/24,AS,RU", "192.0.2.1").continent, continent_key("AS")) << "as said";
  EXPECT_EQ(located("192.0.2.0/24,,QX", "192.0.2.1").continent, kNoPlace) << "of private use";
}

TEST(Places, AreInOrderAndWhole) {
  EXPECT_EQ(continents().size(), 7U);
  EXPECT_GT(countries().size(), 240U);
  EXPECT_TRUE(std::ranges::is_sorted(countries(), std::ranges::less{}, &Country::code));
  for (const Country& country : countries()) {
    EXPECT_NE(country_key(country.code), kNoPlace) << country.code;
    EXPECT_NE(std::ranges::find(continents(), country.continent, &Continent::code),
              continents().end());
    EXPECT_EQ(find_country(country.code), &country);
  }
  for (const Subdivision& subdivision : subdivisions()) {
    EXPECT_NE(subdivision_key(subdivision.country, subdivision.code), kNoPlace);
    EXPECT_NE(find_country(subdivision.country), nullptr);
  }
  EXPECT_GE(std::ranges::count(subdivisions(), "US", &Subdivision::country), 51);
  EXPECT_EQ(find_country("ZZ"), nullptr);
  EXPECT_EQ(find_country("fr"), nullptr);
}

TEST(Networks, AnEmptyTextKnowsNothing) {
  EXPECT_EQ(located("# nothing yet\n", "192.0.2.1"), Location());
}

TEST(Networks, EveryBadLineIsNamed) {
  const auto networks = Networks::parse("n.csv",
                                        "192.0.2.0/24,EU,FR\n"
                                        "192.0.2.0,,,,,,,\n"
                                        "example,EU\n"
                                        "192.0.2.0/24,XX\n"
                                        "192.0.2.0/24,,FRA\n"
                                        "192.0.2.0/24,NA,,CA\n"
                                        "192.0.2.0/24,NA,US,US-CA\n"
                                        "192.0.2.0/24,,,,91,0\n"
                                        "192.0.2.0/24,,,,48.9\n"
                                        "192.0.2.0/24,,,,nan,nan\n");
  ASSERT_FALSE(networks.has_value());
  const std::string& message = networks.error().message;
  EXPECT_THAT(message, HasSubstr("n.csv:2: 8 values; at most 6"));
  EXPECT_THAT(message, HasSubstr("n.csv:3: 'example' is not a network"));
  EXPECT_THAT(message, HasSubstr("n.csv:4: continent 'XX'"));
  EXPECT_THAT(message, HasSubstr("n.csv:5: country 'FRA'"));
  EXPECT_THAT(message, HasSubstr("n.csv:6: subdivision 'CA'"));
  EXPECT_THAT(message, HasSubstr("n.csv:7: subdivision 'US-CA'"));
  for (const char* line : {"n.csv:8: coord", "n.csv:9: coord", "n.csv:10: coord"}) {
    EXPECT_THAT(message, HasSubstr(line));
  }
  EXPECT_EQ(message.find("n.csv:1:"), std::string::npos);
}

TEST(Networks, ErrorsAreBounded) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) {
    text += std::string(1000, 'x') + "\n";
  }
  const auto networks = Networks::parse("n.csv", text);
  ASSERT_FALSE(networks.has_value());
  EXPECT_LT(networks.error().message.size(), 4000U);
}

TEST(LatencyText, ARowPerNetworkAColumnPerRegion) {
  const auto latencies = parse_latency_text("latencies.csv",
                                            "network, eu-west-3, us-east-1, GRA11\n"
                                            "192.0.2.0/24, 9.5, 84, 12\n"
                                            "2001:db8::/32, , 7\n");
  ASSERT_TRUE(latencies.has_value()) << latencies.error().message;
  EXPECT_EQ(latencies->regions, (std::vector<std::string>{"eu-west-3", "us-east-1", "GRA11"}));
  const LatencyTable& table = latencies->table;
  ASSERT_EQ(table.regions, 3U);
  ASSERT_EQ(table.milliseconds.size(), 6U);
  const auto row = [&](std::string_view client) {
    return table.rows.find(*parse_network(client)).value;
  };
  ASSERT_EQ(row("192.0.2.9"), 0U);
  EXPECT_EQ(table.milliseconds[0], 9.5F);
  EXPECT_EQ(table.milliseconds[2], 12.0F);
  ASSERT_EQ(row("2001:db8::1"), 1U);
  EXPECT_TRUE(std::isnan(table.milliseconds[3])) << "empty: not measured";
  EXPECT_EQ(table.milliseconds[4], 7.0F);
  EXPECT_TRUE(std::isnan(table.milliseconds[5])) << "left out: not measured";
  EXPECT_EQ(row("198.51.100.1"), PrefixMap::kNone);
}

TEST(LatencyText, MeasurementsGoIntoTheirColumn) {
  const std::vector<LatencyMeasurement> measured{{*parse_network("192.0.2.0/24"), 11.25F},
                                                 {*parse_network("198.51.100.7"), 3}};
  const auto merged = merge_latencies("l.csv",
                                      "# by hand\nnetwork, eu-west-3, GRA11\n"
                                      "2001:db8::/32, , 7\n192.0.2.0/24, 9.5, 12\n",
                                      "GRA11", measured);
  ASSERT_TRUE(merged.has_value()) << merged.error().message;
  EXPECT_EQ(*merged,
            "network, eu-west-3, GRA11\n192.0.2.0/24, 9.5, 11.2\n198.51.100.7,, 3.0\n"
            "2001:db8::/32,, 7.0\n");
  EXPECT_EQ(*merge_latencies("l.csv", "", "WAW1", measured),
            "network, WAW1\n192.0.2.0/24, 11.2\n198.51.100.7, 3.0\n");
  const auto twice = merge_latencies("l.csv", *merged, "WAW1", measured);
  ASSERT_TRUE(twice.has_value());
  EXPECT_TRUE(parse_latency_text("l.csv", *twice).has_value()) << *twice;
  EXPECT_FALSE(merge_latencies("l.csv", "", "a,b", measured).has_value());
  EXPECT_FALSE(merge_latencies("l.csv", "network,a\nx,1\n", "a", measured).has_value());
}

TEST(LatencyText, NothingMeasuredYet) {
  const auto latencies = parse_latency_text("latencies.csv", "# later\n");
  ASSERT_TRUE(latencies.has_value());
  EXPECT_TRUE(latencies->regions.empty());
  EXPECT_TRUE(latencies->table.rows.empty());
}

TEST(LatencyText, EveryBadLineIsNamed) {
  const auto latencies = parse_latency_text("l.csv",
                                            "network,eu-west-3\n"
                                            "192.0.2.0/24,fast\n"
                                            "192.0.2.0/24,-1\n"
                                            "192.0.2.0/24,1,2\n"
                                            "x,1\n");
  ASSERT_FALSE(latencies.has_value());
  EXPECT_THAT(latencies.error().message, HasSubstr("l.csv:2: latency 'fast' of eu-west-3"));
  EXPECT_THAT(latencies.error().message, HasSubstr("l.csv:3: latency '-1'"));
  EXPECT_THAT(latencies.error().message, HasSubstr("l.csv:4: 2 latencies for 1 regions"));
  EXPECT_THAT(latencies.error().message, HasSubstr("l.csv:5: 'x' is not a network"));
  for (const char* header : {"192.0.2.0/24,1", "network", "network,a,a", "network,,b"}) {
    EXPECT_FALSE(parse_latency_text("l.csv", header).has_value()) << header;
  }
}

TEST(Distance, IsAlongTheGreatCircle) {
  const GeoPoint paris{48.86F, 2.35F};
  EXPECT_NEAR(distance_km(paris, GeoPoint{35.68F, 139.69F}), 9712, 20);  // Tokyo
  EXPECT_NEAR(distance_km(paris, GeoPoint{48.85F, 2.34F}), 1.3, 0.2);
  EXPECT_NEAR(distance_km(GeoPoint{0, 179}, GeoPoint{0, -179}), 222.4, 1);  // the date line
  EXPECT_NEAR(distance_km(GeoPoint{90, 0}, GeoPoint{-90, 77}), 20'015, 10);
  EXPECT_EQ(distance_km(paris, paris), 0);
}

// Far enough apart to be told from each other, near enough to be the city that was meant.
void expect_near(std::string_view region, float latitude, float longitude) {
  const auto point = region_point(region);
  ASSERT_TRUE(point.has_value()) << region;
  EXPECT_LT(distance_km(*point, GeoPoint{latitude, longitude}), 60) << region;
}

TEST(Regions, OfAwsAndOvh) {
  expect_near("eu-west-3", 48.86F, 2.35F);
  expect_near("us-east-1", 39.04F, -77.49F);
  expect_near("GRA11", 50.99F, 2.13F);
  expect_near("SBG5", 48.58F, 7.75F);
  expect_near("RBX-A", 50.69F, 3.17F);
  expect_near("eu-west-par", 48.86F, 2.35F);
  expect_near("EU-WEST-PAR-C", 48.86F, 2.35F);
  expect_near("US-EAST-VA-1", 38.75F, -77.67F);
}

TEST(Regions, ALocalZoneIsInItsCityElseInItsRegion) {
  expect_near("us-east-1-bos-1", 42.36F, -71.06F);
  expect_near("us-east-1-zzz-1", 39.04F, -77.49F);
}

TEST(Regions, OthersAreNotKnown) {
  for (const char* unknown :
       {"", "-", "---", "us", "us-east", "us-east-9", "xx-east-1-bos-1", "moon-1", "1gra"}) {
    EXPECT_FALSE(region_point(unknown)) << unknown;
  }
}

}  // namespace
}  // namespace leeward::routing
