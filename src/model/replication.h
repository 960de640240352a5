// SPDX-License-Identifier: Apache-2.0
//
// What is known of the replication of an application's tables from one region to another, as
// heartbeats measure it. All times are of the measuring process's monotonic clock, so clocks that
// disagree between regions do not matter.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "model/ids.h"

namespace leeward {

struct ReplicationLink {
  RegionId from;
  RegionId to;
  // When the newest write was made that is known to be visible at `to`: the oldest over all
  // heartbeat lanes and tables. nullopt: none was ever seen there.
  std::optional<MonoTime> newest_visible;
  Duration lag{};  // of the heartbeat that arrived last
  Duration p50{};  // over the window
  Duration p99{};
  Duration max{};
  bool stalled = true;  // nothing arrives, or nothing can be measured
  std::string detail;   // why it is stalled, for a person; else empty

  friend bool operator==(const ReplicationLink&, const ReplicationLink&) = default;
};

}  // namespace leeward
