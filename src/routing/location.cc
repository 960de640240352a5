// SPDX-License-Identifier: Apache-2.0
#include "routing/location.h"

#include <cmath>
#include <numbers>

namespace leeward::routing {
namespace {

constexpr PlaceKey kContinentTag = 1U << 28;
constexpr PlaceKey kCountryTag = 2U << 28;
constexpr PlaceKey kSubdivisionTag = 3U << 28;

// Letters and digits in base 37, so that the length counts, too; 0 for anything else.
PlaceKey packed(std::string_view text, std::size_t size_min, std::size_t size_max) {
  if (text.size() < size_min || text.size() > size_max) {
    return 0;
  }
  PlaceKey key = 0;
  for (char c : text) {
    PlaceKey digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<PlaceKey>(c - '0') + 1;
    } else if (c >= 'A' && c <= 'Z') {
      digit = static_cast<PlaceKey>(c - 'A') + 11;
    } else if (c >= 'a' && c <= 'z') {
      digit = static_cast<PlaceKey>(c - 'a') + 11;
    } else {
      return 0;
    }
    key = key * 37 + digit;
  }
  return key;
}

}  // namespace

PlaceKey continent_key(std::string_view continent) {
  const PlaceKey key = packed(continent, 2, 2);
  return key == 0 ? kNoPlace : kContinentTag | key;
}

PlaceKey country_key(std::string_view country) {
  const PlaceKey key = packed(country, 2, 2);
  return key == 0 ? kNoPlace : kCountryTag | key;
}

PlaceKey subdivision_key(std::string_view country, std::string_view subdivision) {
  const PlaceKey of_country = packed(country, 2, 2);
  const PlaceKey of_subdivision = packed(subdivision, 1, 3);
  constexpr PlaceKey kSubdivisions = 37 * 37 * 37;
  return of_country == 0 || of_subdivision == 0
             ? kNoPlace
             : kSubdivisionTag | (of_country * kSubdivisions + of_subdivision);
}

float distance_km(const GeoPoint& a, const GeoPoint& b) {
  constexpr float kRadians = std::numbers::pi_v<float> / 180;
  constexpr float kEarthRadiusKm = 6371.0F;
  const float sine_latitude = std::sin((b.latitude - a.latitude) * kRadians / 2);
  const float sine_longitude = std::sin((b.longitude - a.longitude) * kRadians / 2);
  const float haversine = sine_latitude * sine_latitude + std::cos(a.latitude * kRadians) *
                                                              std::cos(b.latitude * kRadians) *
                                                              sine_longitude * sine_longitude;
  return 2 * kEarthRadiusKm * std::asin(std::sqrt(std::fmin(1.0F, haversine)));
}

}  // namespace leeward::routing
