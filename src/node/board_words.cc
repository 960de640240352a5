// SPDX-License-Identifier: Apache-2.0
#include "node/board_words.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "routing/policy.h"

namespace leeward::node {

std::uint32_t ttl_limit_seconds(const HealthStatus& status) {
  if (!status.suspect) {
    return BoardWord::kNoTtlLimit;
  }
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(status.time_to_flip).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, BoardWord::kNoTtlLimit));
}

BoardWord word_of_check(const HealthStatus& status) {
  return BoardWord::of(status.health, ttl_limit_seconds(status));
}

BoardWord word_of_application(std::size_t active_index, const HealthStatus& active_status) {
  LEEWARD_CHECK(active_index < 256, "config allows at most 255 regions per application");
  return BoardWord::of_region_index(static_cast<std::uint8_t>(active_index),
                                    ttl_limit_seconds(active_status));
}

BoardWord with_ramp(BoardWord word, const Application& application,
                    const std::optional<failover::Ramp>& ramp) {
  const auto other = ramp ? region_index(application, ramp->from) : std::nullopt;
  if (other) {
    word.other = static_cast<std::uint8_t>(*other);
    word.other_percent = static_cast<std::uint8_t>(std::clamp(100 - ramp->percent, 0, 100));
  }
  return word;
}

std::optional<std::size_t> region_index(const Application& application, const RegionId& region) {
  for (std::size_t i = 0; i < application.regions.size(); ++i) {
    if (application.regions[i].region == region) {
      return i;
    }
  }
  return std::nullopt;
}

Duration ttl_now(const Application& application, std::uint32_t limit_seconds) {
  const auto seconds = [](Duration duration) {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(duration).count());
  };
  return std::chrono::seconds(routing::effective_ttl(seconds(application.ttl), limit_seconds,
                                                     seconds(application.ttl_floor)));
}

}  // namespace leeward::node
