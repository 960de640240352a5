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

SpherePoint::SpherePoint(const GeoPoint& point) {
  constexpr float kRadians = std::numbers::pi_v<float> / 180;
  const float latitude = point.latitude * kRadians;
  const float longitude = point.longitude * kRadians;
  x = std::cos(latitude) * std::cos(longitude);
  y = std::cos(latitude) * std::sin(longitude);
  z = std::sin(latitude);
}

float distance_km(const SpherePoint& a, const SpherePoint& b) {
  constexpr float kEarthRadiusKm = 6371.0F;
  const float x = a.x - b.x;
  const float y = a.y - b.y;
  const float z = a.z - b.z;
  const float half_chord = std::sqrt(x * x + y * y + z * z) / 2;
  return 2 * kEarthRadiusKm * std::asin(std::fmin(1.0F, half_chord));
}

}  // namespace leeward::routing
