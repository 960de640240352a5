// SPDX-License-Identifier: Apache-2.0
//
// The state store of a single node: one SQLite file, opened by one process at a time.
//
// Durability: WAL with synchronous=FULL; a transaction is reported done after its fsync. Waiting
// transactions share one (group commit). Full disk, read-only file system and I/O errors fail the
// transactions they hit, apply nothing of them, and the store goes on when the cause is gone.
// The file is checked when opened; a damaged one is never written to.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "state/store.h"

namespace leeward::state {

// Runs a task soon on the thread that owns the handlers. Thread-safe: called on the store's own
// thread, and on the caller's for a request that is refused at once.
using Post = std::function<void(std::move_only_function<void()>)>;

struct SqliteOptions {
  std::size_t queue_max = 4096;         // requests waiting; beyond it kResourceExhausted
  std::size_t group_max = 256;          // requests that share one fsync
  Revision history_revisions = 10'000;  // kept for watches; older ones are compacted
};

// Creates the file (mode 0600) where there is none; its directory must exist. Errors say what is
// wrong with which file and what to do: kNotFound (directory), kPermissionDenied, kUnavailable
// (another process has it open), kDataCorrupt (damaged), kFailedPrecondition (another program's, or
// a newer version's), kResourceExhausted (disk full).
Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path,
                                                 const SqliteOptions& options, Post post);

}  // namespace leeward::state
