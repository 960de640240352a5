// SPDX-License-Identifier: Apache-2.0
//
// Planted bugs. Tests must be able to fail, and simulations above all: with LEEWARD_MUTANTS the
// code can be made wrong in one of these ways, and a test shows that each is caught. Without it,
// which is how everything is built but that test, mutant() is constantly false and leaves nothing
// behind in the program.
#pragma once

#include <cstdint>

namespace leeward {

enum class Mutant : std::uint8_t {
  kNone,
  // failover
  kSkipFence,            // a new region may write without the old one's fence
  kSkipLeaseWait,        // an unreachable fence counts as raised at once
  kShortLease,           // leases are waited for without their guard time
  kStaleLagAccepted,     // data of any age is fresh
  kQuorumOffByOne,       // one vote less is enough
  kNoConfirmWindow,      // the confirm window is not waited for
  kNoHoldDown,           // the hold-down is forgotten
  kHoldForgotten,        // an operator's hold binds nobody
  kHoldNotDurable,       // it is forgotten at a restart
  kLockoutForgotten,     // a flapping application is not locked out
  kDeadTarget,           // users are sent to a region that is not healthy
  kEpochReused,          // a move keeps the epoch
  kNoVelocity,           // any number of applications moves at once
  kNotBlindForgotten,    // most of everything looks dead, and it moves anyway
  kRestartForgetsFence,  // after a restart nobody is fenced
  kDrainNotAwaited,      // a planned move does not wait for the drain barrier
  kDrainFailedIgnored,   // ... or not for its result
  kSleepsThroughWindow,  // the wake-up at the end of a window is not asked for
  kRollbackForgotten,    // a failed planned move is not taken back
  kNoRetry,              // a commit that failed is never tried again
  // detect
  kQuorumOfThoseLeft,  // the majority of fresh votes decides, however few they are
  kStaleVotes,         // votes never expire
  // the rest of the control plane
  kOldPlanApplied,    // an older DNS plan replaces a newer one
  kOldPlanServed,     // a node takes whatever plan comes last
  kLeaderNeverSteps,  // a leader goes on when its lease is over
  kCount,
};

#ifdef LEEWARD_MUTANTS
// One process, one mutant; tests set it between runs.
inline Mutant active_mutant = Mutant::kNone;  // NOLINT
[[nodiscard]] inline bool mutant(Mutant which) {
  return active_mutant == which;
}
#else
[[nodiscard]] constexpr bool mutant(Mutant) {
  return false;
}
#endif

}  // namespace leeward
