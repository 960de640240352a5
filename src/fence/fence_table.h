// SPDX-License-Identifier: Apache-2.0
//
// One region's fence table: which epoch of an application may write there. It is regional, never
// replicated, so that a condition on it holds against the very store that takes the write:
//
//     TransactWriteItems{ConditionCheck leeward-fence[<application>#<shard>]
//                          epoch = :e AND #open = :true, Put ...}
//
// Sixteen items per application spread the load of the checks; raising the fence writes all sixteen
// in one transaction. Shard 0 also carries the leases: a counter that grows as long as the region
// may write, and when it was written. Why the fence is in the store: a paused writer wakes up with
// any belief at all, and only the store can refuse it (Kleppmann, "How to do distributed locking",
// 2016; Burrows, "The Chubby lock service", 2006, on sequencers).
//
// Thread-safety: none; an object per thread. Calls block up to the time they are given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/json/value.hpp>

#include "base/result.h"
#include "base/time.h"
#include "dynamodb/client.h"
#include "model/application.h"
#include "model/ids.h"

namespace leeward::fence {

inline constexpr const char* kFenceTable = "leeward-fence";
inline constexpr int kShards = 16;

struct FenceItem {
  Epoch epoch = 0;
  bool open = false;
  std::uint64_t grant = 0;  // how often leases were renewed under any epoch

  friend bool operator==(const FenceItem&, const FenceItem&) = default;
};

// The "Item" of an answer. kDataCorrupt where it is not a fence item.
Result<FenceItem> parse_fence_item(const boost::json::value& item);

struct RaiseOutcome {
  Status status;    // kAborted: a higher epoch stands there, or this one, closed; kUnavailable:
                    // nobody answered in time
  Epoch found = 0;  // with kAborted
};

class FenceTable {
 public:
  explicit FenceTable(dynamodb::Client client);

  // Creates the table where it is missing and waits until it can be used.
  Status ensure(Duration patience);

  // Never lowers an epoch, and may be repeated: an answer that was lost is asked for again until
  // `patience` is over.
  RaiseOutcome raise(const ApplicationId& application, Epoch epoch, bool open, Duration patience);

  // Renews the leases of the writers here, if `epoch` stands and is open. One attempt.
  dynamodb::CallResult<boost::json::value> grant(const ApplicationId& application, Epoch epoch,
                                                 WallTime now, Duration timeout);

  // nullopt: the application has no fence here.
  Result<std::optional<FenceItem>> read(const ApplicationId& application, Duration timeout);

 private:
  dynamodb::Client client_;
};

}  // namespace leeward::fence
