// SPDX-License-Identifier: Apache-2.0
//
// Coverage marks: rare places that a swarm of seeds must have reached, or its silence proves
// little. (After matklad, "What is dead may never die": marks tie tests to branches.)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace leeward::sim {

enum class Mark : std::uint8_t {
  kAutomaticFailover,
  kAutomaticFailback,
  kSwitchover,
  kRollback,
  kFenceRaised,
  kFenceUnreachable,
  kLeasesOutwaited,
  kFenceAhead,
  kDrainProven,
  kDrainNotProven,
  kLagRefused,
  kDataLossAccepted,
  kHoldDownRefused,
  kHeldRefused,
  kLockedOut,
  kVelocityRefused,
  kCapacityRefused,
  kBlindRefused,
  kFrozen,
  kTargetDeadRefused,
  kCommitUnavailable,
  kCommitAborted,
  kCommitReplyLost,
  kLeaderChanged,
  kLeaderSteppedDown,
  kVoteExpired,
  kDissentOutvoted,
  kWriteRefusedByFence,
  kWriteRefusedByLease,
  kWriteAfterFreeze,
  kPlanSuperseded,
  kOldPlanRefused,
  kProviderRetried,
  kProviderReplyLost,
  kRampStepped,
  kAllAnswersUnhealthy,
  kNodeRestarted,
  kNodeRestartedOldDisk,
  kServedStale,
  kStoreRestored,
  kCount,
};

inline constexpr std::size_t kMarks = static_cast<std::size_t>(Mark::kCount);

[[nodiscard]] std::string_view to_string(Mark mark);  // "automatic-failover"

class Marks {
 public:
  void hit(Mark mark) { ++counts_[static_cast<std::size_t>(mark)]; }
  [[nodiscard]] std::uint64_t count(Mark mark) const {
    return counts_[static_cast<std::size_t>(mark)];
  }
  void add(const Marks& other) {
    for (std::size_t i = 0; i < kMarks; ++i) {
      counts_[i] += other.counts_[i];
    }
  }

 private:
  std::array<std::uint64_t, kMarks> counts_{};
};

}  // namespace leeward::sim
