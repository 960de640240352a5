// SPDX-License-Identifier: Apache-2.0
#include "routing/policy.h"

#include <algorithm>
#include <utility>

#include "base/overloaded.h"
#include "base/rng.h"

namespace leeward::routing {
namespace {

Choice one(std::size_t member, std::uint32_t ttl_limit) {
  Choice choice;
  choice.members[0] = static_cast<std::uint16_t>(member);
  choice.count = 1;
  choice.ttl_limit_seconds = ttl_limit;
  return choice;
}

// Whether a member may be chosen; lowers the TTL limit by the word it looked at.
bool is_healthy(const MemberCheck& check, const HealthBoard& board, std::uint32_t& ttl_limit) {
  if (!check) {
    return true;
  }
  const BoardWord word = board.load(*check);
  ttl_limit = std::min(ttl_limit, word.ttl_limit_seconds);
  return word.health() != Health::kUnhealthy;
}

Choice choose(const Assigned& policy, const HealthBoard& board) {
  const BoardWord word = board.load(policy.slot);
  return one(word.value < policy.members ? word.value : 0, word.ttl_limit_seconds);
}

Choice choose(const Failover& policy, const HealthBoard& board) {
  std::uint32_t ttl_limit = BoardWord::kNoTtlLimit;
  if (is_healthy(policy.primary, board, ttl_limit)) {
    return one(0, ttl_limit);
  }
  const bool secondary = is_healthy(policy.secondary, board, ttl_limit);
  return one(secondary ? 1 : 0, ttl_limit);
}

// Reservoir sampling (Vitter's algorithm R) keeps up to eight of any number of members in one pass
// without memory; a final shuffle makes their order random, too.
class Reservoir {
 public:
  explicit Reservoir(std::uint64_t random) : rng_(random) {}

  void offer(std::size_t member) {
    ++seen_;
    if (choice_.count < kMultivalueAnswersMax) {
      choice_.members[choice_.count++] = static_cast<std::uint16_t>(member);
      return;
    }
    const std::uint64_t place = rng_.below(seen_);
    if (place < kMultivalueAnswersMax) {
      choice_.members[place] = static_cast<std::uint16_t>(member);
    }
  }

  [[nodiscard]] bool empty() const { return choice_.count == 0; }

  Choice take(std::uint32_t ttl_limit) {
    for (std::uint32_t i = choice_.count; i > 1; --i) {
      std::swap(choice_.members[i - 1], choice_.members[rng_.below(i)]);
    }
    choice_.ttl_limit_seconds = ttl_limit;
    return choice_;
  }

 private:
  Rng rng_;
  std::uint64_t seen_ = 0;
  Choice choice_;
};

Choice choose(const Multivalue& policy, const HealthBoard& board, std::uint64_t random) {
  std::uint32_t ttl_limit = BoardWord::kNoTtlLimit;
  Reservoir healthy(random);
  for (std::size_t i = 0; i < policy.members.size(); ++i) {
    if (is_healthy(policy.members[i], board, ttl_limit)) {
      healthy.offer(i);
    }
  }
  if (!healthy.empty()) {
    return healthy.take(ttl_limit);
  }
  Reservoir all(random);
  for (std::size_t i = 0; i < policy.members.size(); ++i) {
    all.offer(i);
  }
  return all.take(ttl_limit);
}

}  // namespace

std::string_view to_string(const Policy& policy) {
  return std::visit(
      overloaded{[](const Simple&) { return "simple"; }, [](const Assigned&) { return "assigned"; },
                 [](const Failover&) { return "failover"; },
                 [](const Multivalue&) { return "multivalue"; }},
      policy.kind);
}

Choice evaluate(const Policy& policy, const HealthBoard& board, std::uint64_t random) {
  return std::visit(
      overloaded{[](const Simple&) { return one(0, BoardWord::kNoTtlLimit); },
                 [&](const Assigned& assigned) { return choose(assigned, board); },
                 [&](const Failover& failover) { return choose(failover, board); },
                 [&](const Multivalue& multivalue) { return choose(multivalue, board, random); }},
      policy.kind);
}

}  // namespace leeward::routing
