// SPDX-License-Identifier: Apache-2.0
//
// Where clients are: places as routing compares them, and the interface to what knows them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "routing/client_network.h"

namespace leeward::routing {

// A continent, country or subdivision as one number, to compare without text.
using PlaceKey = std::uint32_t;
inline constexpr PlaceKey kNoPlace = 0;
inline constexpr PlaceKey kEverywhere = 1;  // the default location "*"

// Route 53's codes: "EU"; ISO 3166-1 alpha-2 "FR"; of a country's subdivision up to three letters
// and digits, "CA" of "US". kNoPlace for what is no code.
[[nodiscard]] PlaceKey continent_key(std::string_view continent);
[[nodiscard]] PlaceKey country_key(std::string_view country);
[[nodiscard]] PlaceKey subdivision_key(std::string_view country, std::string_view subdivision);

struct GeoPoint {
  float latitude = 0;   // degrees, -90 to 90
  float longitude = 0;  // degrees, -180 to 180

  friend bool operator==(const GeoPoint&, const GeoPoint&) = default;
};

// The same as a vector of length 1 from the earth's centre: distances are then a dozen operations
// instead of six sines.
struct SpherePoint {
  float x = 1;
  float y = 0;
  float z = 0;

  SpherePoint() = default;
  SpherePoint(const GeoPoint& point);  // NOLINT(google-explicit-constructor) the same point
};

// Along the great circle, on a sphere of the earth's mean radius.
[[nodiscard]] float distance_km(const SpherePoint& a, const SpherePoint& b);

struct Location {
  PlaceKey continent = kNoPlace;
  PlaceKey country = kNoPlace;
  PlaceKey subdivision = kNoPlace;
  std::optional<GeoPoint> point;
  std::uint8_t scope_bits = 0;  // of the client's address that this depends on

  friend bool operator==(const Location&, const Location&) = default;
};

// Implementations: networks.h (from a text), geo (a MaxMind database).
//
// Thread-safety: locate() may be called by any number of threads at once; it must not allocate,
// lock or block, as DNS workers call it per query.
class Locator {
 public:
  Locator() = default;
  Locator(const Locator&) = delete;
  Locator& operator=(const Locator&) = delete;
  virtual ~Locator() = default;

  // All kNoPlace where it is not known.
  [[nodiscard]] virtual Location locate(const ClientNetwork& client) const noexcept = 0;
};

}  // namespace leeward::routing
