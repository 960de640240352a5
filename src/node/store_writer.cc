// SPDX-License-Identifier: Apache-2.0
#include "node/store_writer.h"

#include <algorithm>
#include <utility>

namespace leeward::node {
namespace {

// Leaves room for a commit's own operations within the store's limit.
constexpr std::size_t kOperationsPerTransaction = state::kOperationsMax - 8;

Duration retry_delay(int failures) {
  return std::min<Duration>(std::chrono::milliseconds(100) * (1 << std::min(failures, 6)),
                            std::chrono::seconds(5));
}

}  // namespace

void StoreWriter::put(std::string key, std::string value, std::function<void()> stored) {
  Write write;
  write.stored = std::move(stored);
  write.puts.push_back({std::move(key), std::move(value), 0});
  push(std::move(write));
}

void StoreWriter::remove(std::string begin, std::string end) {
  Write write;
  write.removal = state::KeyRange{std::move(begin), std::move(end)};
  push(std::move(write));
}

void StoreWriter::commit(const ApplicationId& application, const AssignmentRecord& record,
                         std::vector<state::Put> with, CommitHandler handler) {
  Write write;
  write.puts = std::move(with);
  write.application = application;
  write.assignment = {assignment_key(application), format_assignment(record), 0};
  write.handler = std::move(handler);
  push(std::move(write));
}

void StoreWriter::push(Write write) {
  queue_.push_back(std::move(write));
  if (queue_.size() > kWaitingMax && !under_way_ && !queue_.front().application) {
    queue_.pop_front();
    ++errors_;
  }
  // A new commit does not wait for the retry of older writes: somebody's users do.
  if (queue_.back().application) {
    waiting_to_retry_ = false;
  }
  pump();
}

void StoreWriter::add_plain(const Write& write, state::Transaction& transaction) const {
  for (const state::Put& put : write.puts) {
    // The store allows one put per key and transaction; the newer one is the one to keep.
    for (auto* branch : {&transaction.then, &transaction.otherwise}) {
      std::erase_if(*branch, [&](const state::Operation& operation) {
        const auto* earlier = std::get_if<state::Put>(&operation);
        return earlier != nullptr && earlier->key == put.key;
      });
      branch->emplace_back(put);
    }
  }
  if (write.removal) {
    transaction.then.emplace_back(state::Delete{*write.removal});
    transaction.otherwise.emplace_back(state::Delete{*write.removal});
  }
}

void StoreWriter::pump() {
  if (under_way_ || waiting_to_retry_ || queue_.empty()) {
    return;
  }
  state::Transaction transaction;
  std::size_t taken = 0;
  bool with_commit = false;
  while (taken < queue_.size() && !with_commit &&
         transaction.then.size() + queue_[taken].puts.size() + 2 < kOperationsPerTransaction) {
    const Write& write = queue_[taken++];
    add_plain(write, transaction);
    if (write.application) {
      const auto known = revisions_.find(*write.application);
      transaction.compares.push_back(
          known == revisions_.end()
              ? state::Compare::absent(write.assignment.key)
              : state::Compare::unchanged_since(write.assignment.key, known->second));
      transaction.then.emplace_back(write.assignment);
      transaction.otherwise.emplace_back(
          state::Range{state::KeyRange::one(write.assignment.key), 1});
      with_commit = true;
    }
  }
  if (transaction.compares.empty()) {
    transaction.otherwise.clear();
  }
  under_way_ = true;
  store_.transact(std::move(transaction),
                  [this, taken, with_commit](Result<state::TransactionResult> result) {
                    finished(taken, with_commit, std::move(result));
                  });
}

void StoreWriter::finished(std::size_t taken, bool with_commit,
                           Result<state::TransactionResult> result) {
  under_way_ = false;
  if (!result) {
    failed(with_commit ? taken : 0, result.error());
    return;
  }
  failures_in_a_row_ = 0;
  std::vector<std::function<void()>> stored;
  for (std::size_t i = 0; i < taken; ++i) {
    if (queue_[i].stored) {
      stored.push_back(std::move(queue_[i].stored));
    }
  }
  Write last = std::move(queue_[taken - 1]);
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(taken));
  if (with_commit) {
    commit_done(std::move(last), *result);
  }
  for (const auto& tell : stored) {
    tell();
  }
  pump();
}

void StoreWriter::commit_done(Write write, const state::TransactionResult& result) {
  if (result.succeeded) {
    revisions_[*write.application] = result.revision;
    write.handler({});
    return;
  }
  CommitResult outcome{fail(ErrorCode::kAborted, "the store holds another assignment"), {}};
  const auto& values = result.results.back().range.values;
  if (values.empty()) {
    revisions_.erase(*write.application);
  } else {
    revisions_[*write.application] = values.front().mod_revision;
    auto found = parse_assignment(values.front().value);
    if (found) {
      outcome.found = std::move(*found);
    } else {
      outcome.status = fail(found.error());
    }
  }
  write.handler(std::move(outcome));
}

void StoreWriter::failed(std::size_t commit_position, const Error& error) {
  ++errors_;
  ++failures_in_a_row_;
  on_error_(error);
  CommitHandler handler;
  if (commit_position > 0) {
    // The decision failed; its journal line goes on as a plain write.
    Write& commit = queue_[commit_position - 1];
    handler = std::move(commit.handler);
    commit.application.reset();
    commit.handler = nullptr;
  }
  waiting_to_retry_ = true;
  retry_later_(retry_delay(failures_in_a_row_), [this] {
    waiting_to_retry_ = false;
    pump();
  });
  if (handler) {
    handler({fail(error), {}});
  }
}

}  // namespace leeward::node
