// SPDX-License-Identifier: Apache-2.0
#include "geo/geo_database.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <maxminddb.h>
#include <netinet/in.h>

namespace leeward::geo {
namespace {

constexpr std::uint16_t kIpv4OffsetBits = 96;  // IPv4 lives at ::/96 of a tree of both families

template <std::size_t N>
using Path = std::array<const char*, N>;  // ends with a null pointer
constexpr Path<3> kContinent{"continent", "code", nullptr};
constexpr Path<3> kCountry{"country", "iso_code", nullptr};
constexpr Path<4> kSubdivision{"subdivisions", "0", "iso_code", nullptr};
constexpr Path<3> kLatitude{"location", "latitude", nullptr};
constexpr Path<3> kLongitude{"location", "longitude", nullptr};

std::optional<MMDB_entry_data_s> value_at(MMDB_entry_s& entry, const char* const* path) {
  MMDB_entry_data_s data;
  if (::MMDB_aget_value(&entry, &data, path) != MMDB_SUCCESS || !data.has_data) {
    return std::nullopt;
  }
  return data;
}

std::string_view text_at(MMDB_entry_s& entry, const char* const* path) {
  const auto data = value_at(entry, path);
  if (!data || data->type != MMDB_DATA_TYPE_UTF8_STRING) {
    return {};
  }
  return {data->utf8_string, data->data_size};
}

// Degrees within +-limit.
std::optional<float> degrees_at(MMDB_entry_s& entry, const char* const* path, double limit) {
  const auto data = value_at(entry, path);
  if (!data || data->type != MMDB_DATA_TYPE_DOUBLE || !(std::abs(data->double_value) <= limit)) {
    return std::nullopt;
  }
  return static_cast<float>(data->double_value);
}

// For messages; a hostile file may claim any text.
std::string type_name(const MMDB_s& database) {
  constexpr std::size_t kShownMax = 60;
  std::string name =
      std::string(database.metadata.database_type == nullptr ? "" : database.metadata.database_type)
          .substr(0, kShownMax);
  std::ranges::replace_if(name, [](char c) { return c < ' ' || c > '~'; }, '?');
  return name;
}

bool is_about_places(std::string_view type) {
  constexpr std::array<std::string_view, 5> kOthers{"ASN", "ISP", "Domain", "Anonymous",
                                                    "Connection-Type"};
  return std::ranges::none_of(kOthers,
                              [&](std::string_view other) { return type.contains(other); });
}

MMDB_lookup_result_s look_up(const MMDB_s& database, const routing::ClientNetwork& client,
                             int& error) {
  if (client.family == 4) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    std::memcpy(&address.sin_addr, client.address.data(), sizeof address.sin_addr);
    return ::MMDB_lookup_sockaddr(&database, reinterpret_cast<const sockaddr*>(&address), &error);
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  std::memcpy(&address.sin6_addr, client.address.data(), sizeof address.sin6_addr);
  return ::MMDB_lookup_sockaddr(&database, reinterpret_cast<const sockaddr*>(&address), &error);
}

// What one record of the database says; without a scope.
routing::Location decode(MMDB_entry_s entry) {
  routing::Location location;
  const std::string_view country = text_at(entry, kCountry.data());
  location.continent = routing::continent_key(text_at(entry, kContinent.data()));
  location.country = routing::country_key(country);
  location.subdivision = routing::subdivision_key(country, text_at(entry, kSubdivision.data()));
  const auto latitude = degrees_at(entry, kLatitude.data(), 90);
  const auto longitude = degrees_at(entry, kLongitude.data(), 180);
  if (latitude && longitude) {
    location.point = routing::GeoPoint{*latitude, *longitude};
  }
  return location;
}

// Decoding takes several times as long as finding the record, and millions of networks share some
// ten thousand records: each is decoded once, when the file is opened.
using Places = std::unordered_map<std::uint32_t, routing::Location>;  // by offset of the record
constexpr std::size_t kPlacesMax = 1'000'000;

Places decode_all(const MMDB_s& database) {
  Places places;
  const auto add = [&](std::uint8_t type, const MMDB_entry_s& entry) {
    if (type == MMDB_RECORD_TYPE_DATA && places.size() < kPlacesMax &&
        !places.contains(entry.offset)) {
      places.emplace(entry.offset, decode(entry));
    }
  };
  for (std::uint32_t number = 0; number < database.metadata.node_count; ++number) {
    MMDB_search_node_s node;
    if (::MMDB_read_node(&database, number, &node) == MMDB_SUCCESS) {
      add(node.left_record_type, node.left_record_entry);
      add(node.right_record_type, node.right_record_entry);
    }
  }
  return places;
}

}  // namespace

struct GeoDatabase::Handle {
  MMDB_s database{};
  bool open = false;
  Places places;

  Handle() = default;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (open) {
      ::MMDB_close(&database);
    }
  }
};

GeoDatabase::GeoDatabase(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
GeoDatabase::~GeoDatabase() = default;

Result<std::unique_ptr<const GeoDatabase>> GeoDatabase::open(const std::string& path) {
  auto handle = std::make_unique<Handle>();
  errno = 0;
  const int status = ::MMDB_open(path.c_str(), MMDB_MODE_MMAP, &handle->database);
  // An empty file cannot be mapped: EINVAL.
  if ((status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR) && errno != EINVAL) {
    return fail(ErrorCode::kNotFound,
                fmt::format("cannot open {}: {}", path,
                            errno == 0 ? ::MMDB_strerror(status) : std::strerror(errno)));
  }
  if (status != MMDB_SUCCESS) {
    return fail(ErrorCode::kDataCorrupt,
                fmt::format("{} is not a usable MaxMind database (.mmdb): {}", path,
                            ::MMDB_strerror(status)));
  }
  handle->open = true;
  if (const std::string type = type_name(handle->database); !is_about_places(type)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is a database of type {}, which says nothing about places; a "
                            "country or city database is needed",
                            path, type));
  }
  handle->places = decode_all(handle->database);
  return std::unique_ptr<const GeoDatabase>(new GeoDatabase(std::move(handle)));
}

routing::Location GeoDatabase::locate(const routing::ClientNetwork& client) const noexcept {
  routing::Location location;
  if (client.family != 4 && client.family != 6) {
    return location;
  }
  const MMDB_s& database = handle_->database;
  int error = MMDB_SUCCESS;
  MMDB_lookup_result_s found = look_up(database, client, error);
  if (error != MMDB_SUCCESS) {
    return location;  // IPv6 in a database of IPv4: nothing is known of any
  }
  const std::uint16_t offset =
      client.family == 4 && database.metadata.ip_version == 6 ? kIpv4OffsetBits : 0;
  const int address_bits = client.family == 4 ? 32 : 128;
  location.scope_bits =
      static_cast<std::uint8_t>(std::clamp(int{found.netmask} - offset, 0, address_bits));
  if (!found.found_entry) {
    return location;
  }
  const std::uint8_t scope_bits = location.scope_bits;
  const auto place = handle_->places.find(found.entry.offset);
  location = place == handle_->places.end() ? decode(found.entry) : place->second;
  location.scope_bits = scope_bits;
  return location;
}

std::string GeoDatabase::description() const {
  const MMDB_s& database = handle_->database;
  // Seconds since 1970; those of a hostile file may be beyond any calendar.
  constexpr std::uint64_t kSecondsMax = 253'402'300'799;  // 9999-12-31
  const std::chrono::sys_seconds built{std::chrono::seconds(
      static_cast<std::int64_t>(std::min(database.metadata.build_epoch, kSecondsMax)))};
  const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(built)};
  return fmt::format("{}, built {}-{:02}-{:02}", type_name(database), static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

}  // namespace leeward::geo
