// SPDX-License-Identifier: Apache-2.0
#include "routing/policy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/rng.h"

namespace leeward::routing {
namespace {

// Without a measurement: light in glass there and back, with the detours that cables take.
constexpr float kMillisecondsPerKm = 0.015F;

// One walk down a tree: what it reads of the world, and what it learns on the way.
class Walk {
 public:
  Walk(const Policies& policies, const HealthBoard& board, Client& client, std::uint64_t random)
      : policies_(policies), board_(board), client_(client), rng_(random) {}

  Choice run(std::uint32_t index) {
    std::uint32_t chosen = kNoIndex;
    for (std::size_t depth = 0; depth < kDepthMax && index != kNoIndex; ++depth) {
      const Group& group = policies_.groups[index];
      if (group.kind == PolicyKind::kMultivalue) {
        multivalue(group);
        return choice_;
      }
      chosen = pick(group);
      choice_.member = depth == 0 ? chosen : choice_.member;
      index = kNoIndex;
      if (chosen != kNoIndex) {
        const Member& member = policies_.members[group.first_member + chosen];
        index = member.alias;
        if (member.leaf != kNoIndex) {
          choice_.leaves[0] = member.leaf;
          choice_.count = 1;
        }
      }
    }
    return choice_;
  }

  bool any_healthy(std::uint32_t index, std::size_t depth = 0) {
    const Group& group = policies_.groups[index];
    if (group.kind == PolicyKind::kAssigned || depth >= kDepthMax) {
      return true;  // whose turn it is, is the failover engine's to say
    }
    return std::ranges::any_of(members_of(group),
                               [&](const Member& member) { return healthy(member, depth); });
  }

  // Lowers the TTL limit by every word it looks at.
  bool healthy(const Member& member, std::size_t depth = 0) {
    if (member.check != kNoIndex) {
      const BoardWord word = board_.load(member.check);
      choice_.ttl_limit_seconds = std::min(choice_.ttl_limit_seconds, word.ttl_limit_seconds);
      if (word.health() == Health::kUnhealthy) {
        return false;
      }
    }
    return !member.evaluate_target_health || member.alias == kNoIndex ||
           any_healthy(member.alias, depth + 1);
  }

 private:
  [[nodiscard]] std::span<const Member> members_of(const Group& group) const {
    return {policies_.members.data() + group.first_member, group.member_count};
  }

  // The chosen member's place in its group, or kNoIndex: nobody is for this client.
  std::uint32_t pick(const Group& group) {
    if (group.member_count == 0) {
      return kNoIndex;
    }
    switch (group.kind) {
      case PolicyKind::kAssigned:
        return assigned(group);
      case PolicyKind::kFailover:
        return failover(group);
      case PolicyKind::kWeighted:
        return weighted(group);
      case PolicyKind::kLatency:
      case PolicyKind::kGeoproximity:
        return nearest(group);
      case PolicyKind::kGeolocation:
        return geolocation(group);
      case PolicyKind::kCidr:
        return cidr(group);
      case PolicyKind::kSimple:
      case PolicyKind::kMultivalue:
        break;
    }
    return 0;
  }

  std::uint32_t assigned(const Group& group) {
    const BoardWord word = board_.load(group.extra);
    choice_.ttl_limit_seconds = std::min(choice_.ttl_limit_seconds, word.ttl_limit_seconds);
    const bool other = word.other_percent != 0 && rng_.below(100) < word.other_percent;
    const std::uint32_t index = other ? word.other : word.value;
    return index < group.member_count ? index : 0;
  }

  std::uint32_t failover(const Group& group) {
    const auto members = members_of(group);
    if (members.size() < 2 || healthy(members[0])) {
      return 0;
    }
    return healthy(members[1]) ? 1 : 0;
  }

  // Nonzero weights first; zero weights where no other is healthy; all where none is healthy.
  std::uint32_t weighted(const Group& group) {
    const auto members = members_of(group);
    std::array<bool, kMembersMax> is_healthy;  // NOLINT(*-member-init) filled as far as it is read
    for (std::size_t i = 0; i < members.size(); ++i) {
      is_healthy[i] = healthy(members[i]);
    }
    for (const bool needs_health : {true, false}) {
      for (const bool needs_weight : {true, false}) {
        const auto eligible = [&](std::size_t i) {
          return (!needs_health || is_healthy[i]) && (!needs_weight || members[i].key > 0);
        };
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < members.size(); ++i) {
          total += eligible(i) ? (needs_weight ? members[i].key : 1U) : 0U;
        }
        if (total == 0) {
          continue;
        }
        std::uint64_t place = rng_.below(total);
        for (std::size_t i = 0; i < members.size(); ++i) {
          const std::uint64_t weight = eligible(i) ? (needs_weight ? members[i].key : 1U) : 0U;
          if (place < weight) {
            return static_cast<std::uint32_t>(i);
          }
          place -= weight;
        }
      }
    }
    return 0;
  }

  // How far the client is: milliseconds, or biased kilometres.
  float distance(const Group& group, const Member& member, const float* row) {
    constexpr float kUnknown = std::numeric_limits<float>::max();
    std::optional<SpherePoint> point;
    float bias = 0;
    if (group.kind == PolicyKind::kLatency) {
      if (row != nullptr && member.key < policies_.latency.regions &&
          !std::isnan(row[member.key])) {
        return row[member.key];
      }
      point = policies_.regions[member.key];
    } else {
      point = policies_.sites[member.key].point;
      bias = static_cast<float>(policies_.sites[member.key].bias) / 100;
    }
    choice_.scope_bits = std::max(choice_.scope_bits, client_.location().scope_bits);
    if (!point || !client_.point()) {
      return kUnknown;
    }
    const float km = distance_km(*point, *client_.point());
    if (group.kind == PolicyKind::kLatency) {
      return km * kMillisecondsPerKm;
    }
    // Route 53 "Geoproximity routing": how the bias changes the distance.
    return bias >= 0 ? km * (1 - bias) : km / (1 + bias);
  }

  // The nearest healthy member; the nearest where none is healthy. Of equals the first.
  std::uint32_t nearest(const Group& group) {
    const auto members = members_of(group);
    const float* row = nullptr;
    if (group.kind == PolicyKind::kLatency) {
      const PrefixMap::Found found = policies_.latency.rows.find(client_.network());
      choice_.scope_bits = std::max(choice_.scope_bits, found.scope_bits);
      if (found.value != PrefixMap::kNone) {
        row = policies_.latency.milliseconds.data() + found.value * policies_.latency.regions;
      }
    }
    std::uint32_t best = kNoIndex;
    std::uint32_t best_of_all = 0;
    float best_distance = 0;
    float best_distance_of_all = 0;
    for (std::uint32_t i = 0; i < members.size(); ++i) {
      const float km = distance(group, members[i], row);
      if (i == 0 || km < best_distance_of_all) {
        best_of_all = i;
        best_distance_of_all = km;
      }
      if ((best == kNoIndex || km < best_distance) && healthy(members[i])) {
        best = i;
        best_distance = km;
      }
    }
    return best == kNoIndex ? best_of_all : best;
  }

  // From the most specific place to the default location.
  std::uint32_t geolocation(const Group& group) {
    const auto members = members_of(group);
    const Location& location = client_.location();
    choice_.scope_bits = std::max(choice_.scope_bits, location.scope_bits);
    std::uint32_t most_specific = kNoIndex;
    for (const PlaceKey place :
         {location.subdivision, location.country, location.continent, kEverywhere}) {
      if (place == kNoPlace) {
        continue;
      }
      for (std::uint32_t i = 0; i < members.size(); ++i) {
        if (members[i].key != place) {
          continue;
        }
        if (healthy(members[i])) {
          return i;
        }
        most_specific = most_specific == kNoIndex ? i : most_specific;
      }
    }
    return most_specific;
  }

  std::uint32_t cidr(const Group& group) {
    const auto members = members_of(group);
    const PrefixMap::Found found = policies_.cidrs[group.extra].find(client_.network());
    choice_.scope_bits = std::max(choice_.scope_bits, found.scope_bits);
    std::uint32_t matching = kNoIndex;
    for (const std::uint32_t location : {found.value, kCidrDefault}) {
      for (std::uint32_t i = 0; i < members.size(); ++i) {
        if (members[i].key == location) {
          if (healthy(members[i])) {
            return i;
          }
          matching = matching == kNoIndex ? i : matching;
        }
      }
    }
    return matching;
  }

  // Members of one check stand together.
  std::uint32_t healthy_checks(std::span<const Member> members) {
    std::uint32_t count = 0;
    BoardSlot last = kNoIndex;
    for (const Member& member : members) {
      if (member.check != last && healthy(member)) {
        ++count;
      }
      last = member.check;
    }
    return count;
  }

  // Reservoir sampling (Vitter's algorithm R) keeps up to eight of any number of members in one
  // pass without memory; a final shuffle makes their order random, too.
  void multivalue(const Group& group) {
    const auto members = members_of(group);
    const bool enough = group.extra == kNoIndex || healthy_checks(members) >= group.extra;
    for (const bool needs_health : {true, false}) {
      if (needs_health && !enough) {
        continue;
      }
      std::uint64_t seen = 0;
      for (const Member& member : members) {
        if (member.leaf == kNoIndex || (needs_health && !healthy(member))) {
          continue;
        }
        ++seen;
        if (choice_.count < kMultivalueAnswersMax) {
          choice_.leaves[choice_.count++] = member.leaf;
        } else if (const std::uint64_t place = rng_.below(seen); place < kMultivalueAnswersMax) {
          choice_.leaves[place] = member.leaf;
        }
      }
      if (choice_.count > 0) {
        break;
      }
    }
    for (std::uint32_t i = choice_.count; i > 1; --i) {
      std::swap(choice_.leaves[i - 1], choice_.leaves[rng_.below(i)]);
    }
  }

  const Policies& policies_;
  const HealthBoard& board_;
  Client& client_;
  Rng rng_;
  Choice choice_;
};

}  // namespace

std::string_view to_string(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::kSimple:
      return "simple";
    case PolicyKind::kAssigned:
      return "assigned";
    case PolicyKind::kFailover:
      return "failover";
    case PolicyKind::kWeighted:
      return "weighted";
    case PolicyKind::kLatency:
      return "latency";
    case PolicyKind::kGeolocation:
      return "geolocation";
    case PolicyKind::kGeoproximity:
      return "geoproximity";
    case PolicyKind::kMultivalue:
      return "multivalue";
    case PolicyKind::kCidr:
      return "cidr";
  }
  return "";
}

std::uint32_t Policies::add(PolicyKind kind, std::span<const Member> of, std::uint32_t ttl_floor,
                            std::uint32_t extra) {
  LEEWARD_CHECK(of.size() <= kMembersMax, "a group holds at most kMembersMax members");
  groups.push_back({kind, static_cast<std::uint16_t>(of.size()), ttl_floor,
                    static_cast<std::uint32_t>(members.size()), extra});
  members.insert(members.end(), of.begin(), of.end());
  return static_cast<std::uint32_t>(groups.size() - 1);
}

Choice evaluate(const Policies& policies, std::uint32_t group, const HealthBoard& board,
                Client& client, std::uint64_t random) {
  return Walk(policies, board, client, random).run(group);
}

bool is_healthy(const Policies& policies, std::uint32_t group, const HealthBoard& board) {
  Client nobody;
  return Walk(policies, board, nobody, 0).any_healthy(group);
}

bool is_healthy(const Policies& policies, const Member& member, const HealthBoard& board) {
  Client nobody;
  return Walk(policies, board, nobody, 0).healthy(member);
}

}  // namespace leeward::routing
