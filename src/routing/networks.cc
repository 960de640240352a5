// SPDX-License-Identifier: Apache-2.0
#include "routing/networks.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "routing/places.h"
#include "routing/text_lines.h"

namespace leeward::routing {
namespace {

enum Column : std::uint8_t { kNetwork, kContinent, kCountry, kSubdivision, kLatitude, kLongitude };
constexpr std::size_t kColumns = 6;

bool is_continent(std::string_view text) {
  return std::ranges::any_of(continents(), [&](const Continent& continent) {
    return continent_key(continent.code) == continent_key(text);
  });
}

// Of a country in any letter case; kNoPlace: not known.
PlaceKey continent_of(PlaceKey country) {
  const auto found = std::ranges::find_if(
      countries(), [&](const Country& each) { return country_key(each.code) == country; });
  return found == countries().end() ? kNoPlace : continent_key(found->continent);
}

// One line's values -> one location. Errors are about the values alone.
class LineReader {
 public:
  LineReader(std::span<const std::string_view> values, TextLines& lines)
      : values_(values), lines_(lines) {}

  std::optional<Location> read() {
    Location location;
    if (const std::string_view text = value(kContinent); !text.empty()) {
      location.continent = continent_key(text);
      if (!is_continent(text)) {
        return bad(fmt::format("continent '{}' is none of AF AN AS EU NA OC SA", shown(text)));
      }
    }
    if (const std::string_view text = value(kCountry); !text.empty()) {
      location.country = country_key(text);
      if (location.country == kNoPlace) {
        return bad(fmt::format("country '{}' is not two letters (ISO 3166-1)", shown(text)));
      }
      if (location.continent == kNoPlace) {
        location.continent = continent_of(location.country);
      }
    }
    if (const std::string_view text = value(kSubdivision); !text.empty()) {
      location.subdivision = subdivision_key(value(kCountry), text);
      if (location.subdivision == kNoPlace) {
        return bad(
            fmt::format("subdivision '{}' is not up to three letters and digits beside a "
                        "country ('CA', not 'US-CA')",
                        shown(text)));
      }
    }
    if (value(kLatitude).empty() && value(kLongitude).empty()) {
      return location;
    }
    const std::optional<float> latitude = parse_number(value(kLatitude));
    const std::optional<float> longitude = parse_number(value(kLongitude));
    if (!latitude || !longitude || *latitude < -90 || *latitude > 90 || *longitude < -180 ||
        *longitude > 180) {
      return bad(
          fmt::format("coordinates '{}', '{}' are not a latitude (-90 to 90) and a longitude (-180 "
                      "to 180)",
                      shown(value(kLatitude)), shown(value(kLongitude))));
    }
    location.point = GeoPoint{*latitude, *longitude};
    return location;
  }

 private:
  [[nodiscard]] std::string_view value(Column column) const {
    return column < values_.size() ? values_[column] : std::string_view();
  }
  std::nullopt_t bad(std::string_view message) {
    lines_.report(message);
    return std::nullopt;
  }

  std::span<const std::string_view> values_;
  TextLines& lines_;
};

// Gives equal locations one number: a file names the same few thousand places again and again.
class Places {
 public:
  std::uint32_t number_of(const Location& location) {
    const GeoPoint point = location.point.value_or(GeoPoint{});
    const Key key{location.continent,         location.country, location.subdivision,
                  location.point.has_value(), point.latitude,   point.longitude};
    const auto [at, is_new] =
        numbers_.try_emplace(key, static_cast<std::uint32_t>(locations_.size()));
    if (is_new) {
      locations_.push_back(location);
    }
    return at->second;
  }
  std::vector<Location> take() { return std::move(locations_); }

 private:
  using Key = std::tuple<PlaceKey, PlaceKey, PlaceKey, bool, float, float>;
  std::map<Key, std::uint32_t> numbers_;
  std::vector<Location> locations_;
};

}  // namespace

Networks::Networks(PrefixMap map, std::vector<Location> locations)
    : map_(std::move(map)), locations_(std::move(locations)) {}

Result<std::unique_ptr<const Networks>> Networks::parse(std::string_view file_name,
                                                        std::string_view text) {
  TextLines lines(file_name, text);
  Places places;
  std::vector<PrefixMap::Entry> entries;
  bool is_first = true;
  while (const auto values = lines.next()) {
    const bool names_columns = std::exchange(is_first, false) && (*values)[kNetwork] == "network";
    if (names_columns) {
      continue;
    }
    if (values->size() > kColumns) {
      lines.report(fmt::format(
          "{} values; at most {}: network, continent, country, subdivision, latitude, longitude",
          values->size(), kColumns));
      continue;
    }
    const std::optional<ClientNetwork> network = parse_network((*values)[kNetwork]);
    if (!network) {
      lines.report(fmt::format("'{}' is not a network like 192.0.2.0/24 or 2001:db8::/32",
                               shown((*values)[kNetwork])));
      continue;
    }
    if (const std::optional<Location> location = LineReader(*values, lines).read()) {
      entries.push_back({*network, places.number_of(*location)});
    }
  }
  RETURN_IF_ERROR(lines.status());
  return std::unique_ptr<const Networks>(new Networks(PrefixMap(entries), places.take()));
}

Location Networks::locate(const ClientNetwork& client) const noexcept {
  const PrefixMap::Found found = map_.find(client);
  Location location = found.value == PrefixMap::kNone ? Location() : locations_[found.value];
  location.scope_bits = found.scope_bits;
  return location;
}

}  // namespace leeward::routing
