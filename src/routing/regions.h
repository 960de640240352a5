// SPDX-License-Identifier: Apache-2.0
//
// Where the providers' regions are, for latency that nobody measured and for geoproximity routing.
#pragma once

#include <optional>
#include <string_view>

#include "routing/location.h"

namespace leeward::routing {

// The city that the provider names, to a tenth of a degree. AWS regions ("eu-west-3"), AWS local
// zone groups ("us-east-1-bos-1"; an unknown city: its region), OVHcloud regions ("GRA11": the site
// without its number, "EU-WEST-PAR", "eu-west-par-a"). Letter case does not matter. nullopt: not
// known.
[[nodiscard]] std::optional<GeoPoint> region_point(std::string_view region);

}  // namespace leeward::routing
