// SPDX-License-Identifier: Apache-2.0
//
// How long clients keep an old DNS answer: a model, not a measurement. A client's resolver holds it
// for what is left of its TTL, uniform; a client with a cache of its own, which does not count its
// entries down with the resolver's, refreshes up to its lifetime later. Validated against the
// drain curve of Flavel et al. (LANMAN 2014: TTL 20 s, 90 % of requests moved in 60 s; the mix here
// says 83 %). The share of resolvers that stretch TTLs is of the PAM 2023 study (8.74 %).
#pragma once

#include <array>
#include <string_view>

#include "base/rng.h"
#include "base/time.h"

namespace leeward::plan {

struct ClientClass {
  std::string_view name;
  Duration own_cache{};
  double share = 0;  // of the mix
};

inline constexpr std::array<ClientClass, 3> kClientClasses{{
    {"no cache of its own", std::chrono::seconds(0), 0.25},
    {"caches 30 s (JVM)", std::chrono::seconds(30), 0.15},
    {"caches 60 s (Chromium)", std::chrono::seconds(60), 0.60},
}};
inline constexpr double kStretchingResolvers = 0.0874;
inline constexpr Duration kStretchedTtl = std::chrono::minutes(5);

// How long one client of the class stays with the old answer.
[[nodiscard]] Duration staleness(const ClientClass& client, Duration ttl, Rng& rng);
// One client of the mix, some of whose resolvers stretch the TTL.
[[nodiscard]] Duration staleness_of_mix(Duration ttl, Rng& rng);

}  // namespace leeward::plan
