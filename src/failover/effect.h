// SPDX-License-Identifier: Apache-2.0
//
// What the node must do after a step, in the order given.
//
// The contract: CommitAssignment is a compare-and-set in the state store, in one transaction with
// the journal entry of this very step; CommitSucceeded may be reported only when that transaction
// is durable. PublishAssignment is one store to the health board; Published is reported after it. A
// Reply goes to whoever asked, last. A crash between any two of them loses nothing that was
// acknowledged: at the next start the store's assignment is published again.
#pragma once

#include <cstdint>
#include <variant>

#include "base/result.h"
#include "base/time.h"
#include "model/decision.h"
#include "model/ids.h"
#include "model/standing.h"

namespace leeward::failover {

// Set the application's assignment to decision.to, if the store still holds `expected`
// (epoch 0: if it holds none).
struct CommitAssignment {
  Decision decision;
  Assignment expected;

  friend bool operator==(const CommitAssignment&, const CommitAssignment&) = default;
};

// `decision` 0: the assignment of a start or of another writer; report nothing back.
struct PublishAssignment {
  ApplicationId application;
  Assignment assignment;
  std::uint64_t decision = 0;

  friend bool operator==(const PublishAssignment&, const PublishAssignment&) = default;
};

// Send a TimerFired then. Of several that are outstanding the earliest stands; the step that it
// leads to asks again for whatever is not due yet.
struct WakeAt {
  ApplicationId application;
  MonoTime at;

  friend bool operator==(const WakeAt&, const WakeAt&) = default;
};

// A decision came to its end: published, refused, failed or planned. For people and lists.
struct RecordDecision {
  Decision decision;

  friend bool operator==(const RecordDecision&, const RecordDecision&) = default;
};

struct Reply {
  std::uint64_t request = 0;
  std::variant<Decision, Error> result;

  friend bool operator==(const Reply&, const Reply&) = default;
};

// Raise the application's epoch in a region's fence table, and let its writers write or not. Stop
// renewing leases there first unless `open`. FenceRaised or FenceFailed comes back, the latter at
// the latest soon after `deadline`.
struct RaiseFence {
  ApplicationId application;
  RegionId region;
  Epoch epoch = 0;
  bool open = false;
  MonoTime deadline;

  friend bool operator==(const RaiseFence&, const RaiseFence&) = default;
};

// Write barrier items into every table of the application at `from` and wait until `to` shows them
// all. Drained comes back, at the latest soon after `deadline`.
struct Drain {
  ApplicationId application;
  std::uint64_t decision = 0;
  RegionId from;
  RegionId to;
  MonoTime deadline;

  friend bool operator==(const Drain&, const Drain&) = default;
};

// Remember durably that the epoch's region may write, so that a restart need not fence again. May
// be lost in a crash.
struct RecordGrant {
  ApplicationId application;
  Epoch epoch = 0;

  friend bool operator==(const RecordGrant&, const RecordGrant&) = default;
};

// Remember durably, then answer `request` with it (0: nobody waits). A crash may lose it before
// that.
struct StoreStanding {
  ApplicationId application;
  Standing standing;
  std::uint64_t request = 0;

  friend bool operator==(const StoreStanding&, const StoreStanding&) = default;
};

using Effect = std::variant<CommitAssignment, PublishAssignment, WakeAt, RecordDecision, Reply,
                            RaiseFence, Drain, RecordGrant, StoreStanding>;

}  // namespace leeward::failover
