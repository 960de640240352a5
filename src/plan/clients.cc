// SPDX-License-Identifier: Apache-2.0
#include "plan/clients.h"

#include <algorithm>

namespace leeward::plan {
namespace {

Duration share_of(Duration whole, Rng& rng) {
  return Duration(static_cast<Duration::rep>(rng.unit() * static_cast<double>(whole.count())));
}

}  // namespace

Duration staleness(const ClientClass& client, Duration ttl, Rng& rng) {
  const Duration resolver = share_of(ttl, rng);
  return resolver + share_of(client.own_cache, rng);
}

Duration staleness_of_mix(Duration ttl, Rng& rng) {
  double at = rng.unit();
  const ClientClass* chosen = &kClientClasses.back();
  for (const ClientClass& each : kClientClasses) {
    if (at < each.share) {
      chosen = &each;
      break;
    }
    at -= each.share;
  }
  const bool stretched = rng.unit() < kStretchingResolvers;
  return staleness(*chosen, stretched ? std::max(ttl, kStretchedTtl) : ttl, rng);
}

}  // namespace leeward::plan
