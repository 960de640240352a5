// SPDX-License-Identifier: Apache-2.0
//
// Removes old tombstones of one table from this region's own store.
//
// A tombstone is what keeps an older version of its item from coming back: while one might still
// arrive, removing the tombstone would let the deleted item rise again. So a table is reaped only
// while every direction into this region follows its stream and has nothing left to carry, and the
// scan stops as soon as that is no longer so. A resync puts the source's whole table, also what is
// deleted here, so nothing is reaped while one runs. For the same reason the retention must be
// longer than the longest time that a region may be cut off: a region that comes back later still
// has the item, and nothing is left that says it was deleted.
//
// Heartbeat items are never removed. A tombstone that changed since it was seen stays.
//
// Thread-safety: none.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "dynamodb/client.h"

namespace leeward::replication {

struct Reaped {
  std::uint64_t removed = 0;
  bool complete = false;  // false: interrupted or an error; the next round goes on
  std::string error;
};

// `may_go_on` is asked before every page and every removal.
Reaped reap_tombstones(dynamodb::Client& store, const std::string& table, WallTime older_than,
                       const std::function<bool()>& may_go_on);

}  // namespace leeward::replication
