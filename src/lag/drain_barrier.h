// SPDX-License-Identifier: Apache-2.0
//
// The drain barrier: proof that what was written in one region before a moment has arrived in
// another. It writes an item into every lane of every table and waits until the other side shows
// them all. Behind Leeward's own replicator, which carries a barrier only after everything before
// it in the stream, that is a proof for the whole table; on stores that replicate by themselves it
// is one for the partitions that the lanes lie on.
//
// Thread-safety: a barrier per call; any thread. Blocks.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/time.h"
#include "lag/monitor.h"
#include "model/ids.h"

namespace leeward::lag {

struct DrainRequest {
  std::vector<std::string> tables;
  RegionId from;
  RegionId to;
  int lanes = 8;
  MonoTime deadline;
};

struct DrainResult {
  bool proven = false;
  Duration waited{};
  std::string detail;  // for a person: "8 lanes of items arrived in RBX-A after 12 ms"
};

// Ends early, unproven, when `cancelled` turns true.
[[nodiscard]] DrainResult drain(const DrainRequest& request, const Connect& connect,
                                const std::atomic<bool>& cancelled);

}  // namespace leeward::lag
