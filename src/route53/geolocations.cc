// SPDX-License-Identifier: Apache-2.0
//
// GetGeoLocation, ListGeoLocations: the default first, then continents, countries, subdivisions.
#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "base/result.h"
#include "route53/operations.h"
#include "routing/places.h"

namespace leeward::route53 {
namespace {

struct Place {
  std::string_view continent, continent_name, country, country_name, subdivision, subdivision_name;

  [[nodiscard]] auto codes() const { return std::tuple(continent, country, subdivision); }
};

// In the order in which they are listed.
std::vector<Place> all_places() {
  std::vector<Place> places;
  for (const routing::Continent& each : routing::continents()) {
    places.push_back({each.code, each.name, "", "", "", ""});
  }
  places.push_back({"", "", "*", "Default", "", ""});
  for (const routing::Country& each : routing::countries()) {
    places.push_back({"", "", each.code, each.name, "", ""});
    for (const routing::Subdivision& below : routing::subdivisions()) {
      if (below.country == each.code) {
        places.push_back({"", "", each.code, each.name, below.code, below.name});
      }
    }
  }
  return places;
}

void write_place(XmlWriter& xml, const Place& place) {
  xml.open("GeoLocationDetails")
      .optional_text("ContinentCode", place.continent)
      .optional_text("ContinentName", place.continent_name)
      .optional_text("CountryCode", place.country)
      .optional_text("CountryName", place.country_name)
      .optional_text("SubdivisionCode", place.subdivision)
      .optional_text("SubdivisionName", place.subdivision_name)
      .close();
}

std::vector<Place>::const_iterator find_place(const std::vector<Place>& places, const Call& call,
                                              std::string_view prefix) {
  const std::string continent = call.parameter(fmt::format("{}continentcode", prefix)).value_or("");
  const std::string country = call.parameter(fmt::format("{}countrycode", prefix)).value_or("");
  const std::string subdivision =
      call.parameter(fmt::format("{}subdivisioncode", prefix)).value_or("");
  const std::tuple<std::string_view, std::string_view, std::string_view> codes(continent, country,
                                                                               subdivision);
  return std::ranges::find(places, codes, &Place::codes);
}

}  // namespace

OperationResult get_geolocation(const Call& call) {
  const std::vector<Place> places = all_places();
  const auto found = find_place(places, call, "");
  if (found == places.end()) {
    return std::unexpected(
        not_found("NoSuchGeoLocation", "The specified geolocation is not supported"));
  }
  XmlWriter xml("GetGeoLocationResponse");
  write_place(xml, *found);
  return Outcome{{200, xml.finish()}};
}

OperationResult list_geolocations(const Call& call) {
  ASSIGN_OR_RETURN(const std::size_t most, max_items(call));
  const std::vector<Place> places = all_places();
  auto at = places.begin();
  if (call.parameter("startcontinentcode") || call.parameter("startcountrycode") ||
      call.parameter("startsubdivisioncode")) {
    at = find_place(places, call, "start");
    if (at == places.end()) {
      return std::unexpected(invalid_input("there is no such place to start from"));
    }
  }
  XmlWriter xml("ListGeoLocationsResponse");
  xml.open("GeoLocationDetailsList");
  for (std::size_t count = 0; at != places.end() && count < most; ++at, ++count) {
    write_place(xml, *at);
  }
  xml.close().flag("IsTruncated", at != places.end());
  if (at != places.end()) {
    xml.optional_text("NextContinentCode", at->continent)
        .optional_text("NextCountryCode", at->country)
        .optional_text("NextSubdivisionCode", at->subdivision);
  }
  xml.number("MaxItems", most);
  return Outcome{{200, xml.finish()}};
}

}  // namespace leeward::route53
