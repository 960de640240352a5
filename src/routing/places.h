// SPDX-License-Identifier: Apache-2.0
//
// The places that geolocation routing knows: continents, countries (ISO 3166-1), subdivisions (ISO
// 3166-2) of the countries that Route 53 has them for.
#pragma once

#include <span>
#include <string_view>

namespace leeward::routing {

struct Continent {
  std::string_view code;
  std::string_view name;
};
struct Country {
  std::string_view continent;
  std::string_view code;
  std::string_view name;
};
struct Subdivision {
  std::string_view country;
  std::string_view code;
  std::string_view name;
};

// All in order of code.
[[nodiscard]] std::span<const Continent> continents();
[[nodiscard]] std::span<const Country> countries();
[[nodiscard]] std::span<const Subdivision> subdivisions();

// nullptr: there is none of this code, in capitals.
[[nodiscard]] const Country* find_country(std::string_view code);

}  // namespace leeward::routing
