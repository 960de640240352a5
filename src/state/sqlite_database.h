// SPDX-License-Identifier: Apache-2.0
//
// The store's tables in one SQLite file, and what the operations of store.h do to them. All calls
// between begin() and commit() are one SQLite transaction, whatever number of our transactions that
// are. Thread-safety: none; the store's own thread.
//
// After a failed call: broken() is true and only rollback() helps. Errors about the caller's input
// (a lease that does not exist) come before anything was changed and break nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "state/sqlite_statement.h"
#include "state/store.h"

namespace leeward::state {

class Database {
 public:
  // See open_sqlite_store for errors.
  static Result<std::unique_ptr<Database>> open(const std::string& path,
                                                Revision history_revisions);

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  Status begin();
  Status commit();
  void rollback();
  [[nodiscard]] bool broken() const { return broken_; }

  Result<RangeResult> read(const Range& range);
  Result<TransactionResult> transact(const Transaction& transaction);
  Result<LeaseId> grant(Duration ttl);
  Result<LeaseId> find_lease(LeaseId lease);
  Result<LeaseId> revoke(LeaseId lease);
  Result<Revision> compact(Revision revision);

  Result<std::vector<std::pair<LeaseId, Duration>>> leases();

  // Kept changes within the range since `from`, by revision. REQUIRES: from > compacted().
  Status history(const KeyRange& range, Revision from, const std::function<void(WatchBatch)>& each);

  [[nodiscard]] Revision revision() const { return revision_; }
  [[nodiscard]] Revision compacted() const { return compacted_; }

  // What was committed since the last call, in order.
  std::vector<WatchBatch> take_committed();

 private:
  struct Statements;

  Database(std::string path, Connection connection, Revision history_revisions);
  Status prepare();
  Status load_counters();
  Result<std::vector<KeyValue>> select(const KeyRange& range, std::size_t limit);
  Result<bool> holds(const Compare& compare);
  Status check_leases(const std::vector<Operation>& operations);
  Result<OperationResult> apply(const Operation& operation);
  Status put(const Put& put);
  Result<std::size_t> remove(const std::vector<KeyValue>& doomed);
  Status record(Event event);
  Status trim_history();

  // Notes a failure of SQLite, and says which file.
  template <typename T>
  Result<T> checked(Result<T> result);

  std::string path_;
  Connection connection_;
  std::unique_ptr<Statements> statements_;  // before connection_ goes
  Revision history_revisions_;

  Revision revision_ = 0;  // with what is not committed yet
  Revision compacted_ = 0;
  LeaseId next_lease_ = 1;
  bool broken_ = false;
  bool counters_changed_ = false;
  WatchBatch current_;  // the changes of the transaction being applied
  std::vector<WatchBatch> uncommitted_;
  std::vector<WatchBatch> committed_;
};

}  // namespace leeward::state
