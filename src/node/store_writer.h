// SPDX-License-Identifier: Apache-2.0
//
// Writes to the state store in the order in which they were decided. One transaction is under way
// at a time; what comes meanwhile waits and goes out together. A plain write is repeated until the
// store takes it, so a full disk delays the journal and loses none of it; a commit is tried once,
// because a decision that could not be made durable at once is reconsidered, not forced through.
//
// A commit carries its journal line whatever comes of it: the line stands in both branches of the
// transaction, and stays queued when the store fails.
//
// Thread-safety: none; the control thread's, where the store's handlers run.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/ids.h"
#include "node/store_keys.h"
#include "state/store.h"

namespace leeward::node {

// What became of a commit. `found` where another assignment stands in the store.
struct CommitResult {
  Status status;
  std::optional<AssignmentRecord> found;
};
using CommitHandler = std::function<void(CommitResult)>;

class StoreWriter {
 public:
  // `retry_later` runs its argument after a delay, on the control thread.
  using RetryLater = std::function<void(Duration, std::function<void()>)>;
  using OnError = std::function<void(const Error&)>;

  StoreWriter(state::Store& store, RetryLater retry_later, OnError on_error)
      : store_(store), retry_later_(std::move(retry_later)), on_error_(std::move(on_error)) {}

  // An assignment that was read at start, with the revision that wrote it.
  void know(const ApplicationId& application, state::Revision mod_revision) {
    revisions_[application] = mod_revision;
  }

  // `stored` is called when it is durable.
  void put(std::string key, std::string value, std::function<void()> stored = {});
  void remove(std::string begin, std::string end);

  // Sets the application's assignment if it is still the one that this writer last saw.
  void commit(const ApplicationId& application, const AssignmentRecord& record,
              std::vector<state::Put> with, CommitHandler handler);

  [[nodiscard]] std::uint64_t errors() const { return errors_; }
  [[nodiscard]] std::size_t waiting() const { return queue_.size(); }
  [[nodiscard]] bool busy() const { return under_way_ || !queue_.empty(); }
  // The last transaction failed, and none succeeded since.
  [[nodiscard]] bool failing() const { return failures_in_a_row_ > 0; }

  // Beyond this the oldest plain writes are dropped, and counted as errors: the store has been
  // failing for a very long time, and memory is not endless.
  static constexpr std::size_t kWaitingMax = 20'000;

 private:
  struct Write {
    std::vector<state::Put> puts;
    std::optional<state::KeyRange> removal;
    std::optional<ApplicationId> application;  // of a commit
    state::Put assignment;                     // of a commit
    CommitHandler handler;                     // of a commit
    std::function<void()> stored;              // of a plain put
  };

  void push(Write write);
  void pump();
  void add_plain(const Write& write, state::Transaction& transaction) const;
  void finished(std::size_t taken, bool with_commit, Result<state::TransactionResult> result);
  void commit_done(Write write, const state::TransactionResult& result);
  // `commit_position`: where in the queue the commit of the failed transaction stands, from 1; 0:
  // it had none.
  void failed(std::size_t commit_position, const Error& error);

  state::Store& store_;
  RetryLater retry_later_;
  OnError on_error_;
  std::deque<Write> queue_;
  bool under_way_ = false;
  bool waiting_to_retry_ = false;
  int failures_in_a_row_ = 0;
  std::uint64_t errors_ = 0;
  std::map<ApplicationId, state::Revision> revisions_;
};

}  // namespace leeward::node
