// SPDX-License-Identifier: Apache-2.0
//
// Where clients are, from a text: a line per network.
//
//   # network, continent, country, subdivision, latitude, longitude
//   192.0.2.0/24, EU, FR, , 48.86, 2.35
//   2001:db8::/32, NA, US, CA
//
// Continents are AF AN AS EU NA OC SA, countries ISO 3166-1 alpha-2, subdivisions what follows the
// country in ISO 3166-2 ("CA" of US-CA), coordinates degrees. Any value may be empty, and those at
// the end of a line left out; a country without a continent is on its own (places.h); coordinates
// come in pairs, a subdivision needs its country. The network that fits best counts; of two lines
// about the same network the later. A first line that names the columns ("network,continent,...")
// is passed over.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "routing/location.h"
#include "routing/prefix_map.h"

namespace leeward::routing {

// Thread-safety: immutable.
class Networks final : public Locator {
 public:
  // kInvalidArgument: up to twenty of the lines that are wrong, each with its place. `file_name` is
  // for messages.
  static Result<std::unique_ptr<const Networks>> parse(std::string_view file_name,
                                                       std::string_view text);

  [[nodiscard]] Location locate(const ClientNetwork& client) const noexcept override;

 private:
  Networks(PrefixMap map, std::vector<Location> locations);

  PrefixMap map_;                    // to indices in locations_
  std::vector<Location> locations_;  // each once
};

}  // namespace leeward::routing
