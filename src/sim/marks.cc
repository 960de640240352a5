// SPDX-License-Identifier: Apache-2.0
#include "sim/marks.h"

namespace leeward::sim {
namespace {

constexpr std::array<std::string_view, kMarks> kNames = {
    "automatic-failover",
    "automatic-failback",
    "switchover",
    "rollback",
    "fence-raised",
    "fence-unreachable",
    "leases-outwaited",
    "fence-ahead",
    "drain-proven",
    "drain-not-proven",
    "lag-refused",
    "data-loss-accepted",
    "hold-down-refused",
    "held-refused",
    "locked-out",
    "velocity-refused",
    "capacity-refused",
    "blind-refused",
    "frozen",
    "target-dead-refused",
    "commit-unavailable",
    "commit-aborted",
    "commit-reply-lost",
    "leader-changed",
    "leader-stepped-down",
    "vote-expired",
    "dissent-outvoted",
    "write-refused-by-fence",
    "write-refused-by-lease",
    "write-after-freeze",
    "plan-superseded",
    "old-plan-refused",
    "provider-retried",
    "provider-reply-lost",
    "ramp-stepped",
    "all-answers-unhealthy",
    "node-restarted",
    "node-restarted-old-disk",
    "served-stale",
    "store-restored",
};

}  // namespace

std::string_view to_string(Mark mark) {
  return kNames[static_cast<std::size_t>(mark)];
}

}  // namespace leeward::sim
