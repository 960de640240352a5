// SPDX-License-Identifier: Apache-2.0
#include "geo/geo_database.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "geo/test_database.h"

namespace leeward::geo {
namespace {

using routing::GeoPoint;
using routing::Location;
using ::testing::HasSubstr;

// A file for the time of one test.
class File {
 public:
  explicit File(const std::string& bytes)
      : path_(std::filesystem::temp_directory_path() /
              ("leeward-geo-" + std::to_string(::getpid()) + ".mmdb")) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Location located(const GeoDatabase& database, std::string_view client) {
  return database.locate(*routing::parse_network(client));
}

const std::vector<TestPlace> kPlaces{
    {"192.0.2.0/24", "EU", "FR", "IDF", GeoPoint{48.86F, 2.35F}},
    {"192.0.2.128/25", "NA", "US", "CA", std::nullopt},
    {"198.51.100.0/24", "AS", "", "", std::nullopt},
    {"2001:db8::/32", "AS", "JP", "", GeoPoint{35.7F, 139.7F}},
};

TEST(GeoDatabase, FindsWhereAClientIs) {
  const File file(test_database(kPlaces));
  const auto database = GeoDatabase::open(file.path());
  ASSERT_TRUE(database.has_value()) << database.error().message;
  const Location paris = located(**database, "192.0.2.7");
  EXPECT_EQ(paris.continent, routing::continent_key("EU"));
  EXPECT_EQ(paris.country, routing::country_key("FR"));
  EXPECT_EQ(paris.subdivision, routing::subdivision_key("FR", "IDF"));
  EXPECT_EQ(paris.point, (GeoPoint{48.86F, 2.35F}));
  EXPECT_EQ(paris.scope_bits, 25) << "the other half of the /24 is elsewhere";
  const Location california = located(**database, "192.0.2.200");
  EXPECT_EQ(california.subdivision, routing::subdivision_key("US", "CA"));
  EXPECT_FALSE(california.point.has_value());
  EXPECT_EQ(located(**database, "198.51.100.1").continent, routing::continent_key("AS"));
  EXPECT_EQ(located(**database, "198.51.100.1").country, routing::kNoPlace);
}

TEST(GeoDatabase, BothFamiliesInOneFile) {
  const File file(test_database(kPlaces));
  const auto database = GeoDatabase::open(file.path());
  ASSERT_TRUE(database.has_value());
  EXPECT_EQ(located(**database, "2001:db8:7::1").country, routing::country_key("JP"));
  EXPECT_EQ(located(**database, "2001:db8:7::1").scope_bits, 32);
  EXPECT_EQ((*database)->description(), "Test-City, built 2026-11-18");
}

TEST(GeoDatabase, WhereNothingIsKnownTheScopeSaysHowFar) {
  const File file(test_database(kPlaces));
  const auto database = GeoDatabase::open(file.path());
  ASSERT_TRUE(database.has_value());
  const Location nowhere = located(**database, "10.0.0.1");
  EXPECT_EQ(nowhere.country, routing::kNoPlace);
  EXPECT_EQ(nowhere.scope_bits, 1) << "no network of the file is in 0/1";
  EXPECT_EQ((*database)->locate({}), Location()) << "a client that is not known";
}

TEST(GeoDatabase, OfOneFamilyKnowsNothingOfTheOther) {
  const File file(test_database({kPlaces[0]}, "Test-City", 4));
  const auto database = GeoDatabase::open(file.path());
  ASSERT_TRUE(database.has_value());
  EXPECT_EQ(located(**database, "192.0.2.7").country, routing::country_key("FR"));
  EXPECT_EQ(located(**database, "192.0.2.7").scope_bits, 24);
  EXPECT_EQ(located(**database, "2001:db8::1"), Location());
}

TEST(GeoDatabase, ImpossibleValuesAreNotKnown) {
  const File file(test_database({{"192.0.2.0/24", "EUROPE", "F", "IDF", GeoPoint{91, 0}}}));
  const auto database = GeoDatabase::open(file.path());
  ASSERT_TRUE(database.has_value());
  Location expected;
  expected.scope_bits = 24;
  EXPECT_EQ(located(**database, "192.0.2.7"), expected);
}

TEST(GeoDatabase, SaysWhatIsWrongWithAFile) {
  const auto missing = GeoDatabase::open("/nonexistent/GeoLite2-City.mmdb");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("/nonexistent/GeoLite2-City.mmdb"));
  for (const std::string& bytes : {std::string(), std::string("not a database\n"),
                                   std::string("\xAB\xCD\xEFMaxMind.com") + std::string(64, 'x')}) {
    const File file(bytes);
    const auto broken = GeoDatabase::open(file.path());
    ASSERT_FALSE(broken.has_value());
    EXPECT_EQ(broken.error().code, ErrorCode::kDataCorrupt) << broken.error().message;
    EXPECT_THAT(broken.error().message, HasSubstr(file.path()));
  }
  const File owners(test_database(kPlaces, "GeoLite2-ASN"));
  const auto other = GeoDatabase::open(owners.path());
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(other.error().message, HasSubstr("GeoLite2-ASN"));
}

// Each byte broken in turn: refused, or answered with something, never a crash.
TEST(GeoDatabase, BrokenFilesAreHarmless) {
  const std::string whole = test_database(kPlaces);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string broken = whole;
    broken[at] = static_cast<char>(~broken[at]);
    const File file(broken);
    if (const auto database = GeoDatabase::open(file.path())) {
      for (const char* client : {"192.0.2.7", "192.0.2.200", "2001:db8::1", "10.0.0.1"}) {
        EXPECT_LE(located(**database, client).scope_bits, 128);
      }
      EXPECT_FALSE((*database)->description().empty());
    }
  }
}

TEST(GeoDatabase, ManyThreadsAskAtOnce) {
  const File file(test_database(kPlaces));
  const auto database = GeoDatabase::open(file.path());
  ASSERT_TRUE(database.has_value());
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 1000; ++n) {
        EXPECT_EQ(located(**database, "192.0.2.7").country, routing::country_key("FR"));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace
}  // namespace leeward::geo
