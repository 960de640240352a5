// SPDX-License-Identifier: Apache-2.0
#include "detect/quorum.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/mutant.h"

namespace leeward::detect {
namespace {

// The newest vote of each vantage point, if it is fresh and says something.
std::vector<Vote> countable(std::span<const Vote> votes, MonoTime now, Duration vote_ttl) {
  std::map<NodeId, const Vote*> newest;
  for (const Vote& vote : votes) {
    const Vote*& known = newest[vote.vantage];
    if (known == nullptr || known->at <= vote.at) {
      known = &vote;
    }
  }
  std::vector<Vote> counted;
  for (const auto& [vantage, vote] : newest) {
    if (vote->health != Health::kUnknown && now - vote->at <= vote_ttl) {
      counted.push_back(*vote);
    }
  }
  return counted;
}

// When the quorum for `health` stops standing: its required-th newest vote expires.
Duration lapse(const std::vector<Vote>& votes, Health health, int required, MonoTime now,
               Duration vote_ttl) {
  std::vector<MonoTime> times;
  for (const Vote& vote : votes) {
    if (vote.health == health) {
      times.push_back(vote.at);
    }
  }
  std::ranges::sort(times, std::greater<>{});
  return times[static_cast<std::size_t>(required - 1)] + vote_ttl - now;
}

}  // namespace

HealthStatus status_of(std::span<const Vote> votes, int required, MonoTime now, Duration vote_ttl,
                       const HealthStatus& previous) {
  LEEWARD_CHECK(required >= 1, "a quorum of nobody would decide alone");
  HealthStatus status;
  status.votes = countable(votes, now, vote_ttl);
  if (mutant(Mutant::kQuorumOffByOne)) {
    required = std::max(1, required - 1);
  } else if (mutant(Mutant::kQuorumOfThoseLeft)) {
    required = (static_cast<int>(status.votes.size()) / 2) + 1;
  }
  const auto count = [&](Health health) {
    return static_cast<int>(std::ranges::count(status.votes, health, &Vote::health));
  };
  const int unhealthy = count(Health::kUnhealthy);
  const int healthy = count(Health::kHealthy);
  if (unhealthy >= required) {
    status.health = Health::kUnhealthy;
    status.suspect = healthy > 0;
  } else if (healthy >= required) {
    status.health = Health::kHealthy;
    status.suspect = unhealthy > 0;
  } else {
    status.health = status.votes.empty() ? Health::kUnknown : previous.health;
    status.suspect = status.health != Health::kUnknown;
  }
  if (std::max(unhealthy, healthy) >= required) {
    status.time_to_flip = lapse(status.votes, status.health, required, now, vote_ttl);
  }
  status.since = status.health == previous.health ? previous.since : now;
  return status;
}

}  // namespace leeward::detect
