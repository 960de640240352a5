// SPDX-License-Identifier: Apache-2.0
#include "state/sqlite_store.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <iterator>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "state/sqlite_database.h"
#include "state/sqlite_request.h"

namespace leeward::state {
namespace {

constexpr Duration kTtlMin = std::chrono::milliseconds(100);
constexpr Duration kTtlMax = std::chrono::hours(24);

// Shared by the owner's handle, the store's thread and posted tasks.
struct WatchState {
  KeyRange range;
  WatchHandler handler;  // used on the handlers' thread only
  Revision next = 0;     // store's thread only: what is older was told or not asked for
  std::atomic<bool> stopped = false;
};

class WatchHandle : public Watch {
 public:
  explicit WatchHandle(std::shared_ptr<WatchState> state) : state_(std::move(state)) {}
  WatchHandle(const WatchHandle&) = delete;
  WatchHandle& operator=(const WatchHandle&) = delete;
  ~WatchHandle() override { state_->stopped = true; }

 private:
  std::shared_ptr<WatchState> state_;
};

void tell(const Post& post, const std::shared_ptr<WatchState>& watch, Result<WatchBatch> news) {
  post([watch, news = std::move(news)]() mutable {
    if (!watch->stopped) {
      watch->handler(std::move(news));
    }
  });
}

class SqliteStore : public Store {
 public:
  SqliteStore(std::unique_ptr<Database> database, const SqliteOptions& options, Post post,
              const std::vector<std::pair<LeaseId, Duration>>& leases)
      : options_(options), post_(std::move(post)), database_(std::move(database)) {
    for (const auto& [lease, ttl] : leases) {
      leases_[lease] = {.ttl = ttl, .deadline = {}};
    }
    worker_ = std::thread([this] { work(); });
  }
  ~SqliteStore() override { SqliteStore::close(); }

  Result<RangeResult> read_now(const Range& range) override;
  void read(Range range, Handler<RangeResult> handler) override;
  void transact(Transaction transaction, Handler<TransactionResult> handler) override;
  std::unique_ptr<Watch> watch(KeyRange range, Revision from, WatchHandler handler) override;
  void compact(Revision revision, Handler<Revision> handler) override;
  void grant(Duration ttl, Handler<LeaseId> handler) override;
  void keep_alive(LeaseId lease, Handler<LeaseId> handler) override;
  void revoke(LeaseId lease, Handler<LeaseId> handler) override;
  void tick(MonoTime now) override;
  void close() override;

 private:
  struct Lease {
    Duration ttl{};
    std::optional<MonoTime> deadline;  // set by the first tick after it was kept alive
  };
  using Group = std::vector<std::unique_ptr<Request>>;

  template <typename T>
  void submit(bool writes, RequestOf<T>::Work work, Handler<T> handler,
              RequestOf<T>::Committed committed = {}) {
    enqueue(std::make_unique<RequestOf<T>>(writes, std::move(work), std::move(handler),
                                           std::move(committed)),
            post_);
  }
  bool enqueue(std::unique_ptr<Request> request, const Post& refusal);

  void work();
  void run_group(Group group);
  Status attempt(Group& group);
  void announce();
  void start_watch(const std::shared_ptr<WatchState>& watch, Revision from);
  void expire_leases(MonoTime now);
  void end_watches();

  SqliteOptions options_;
  Post post_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Request>> queue_;  // guarded by mutex_, like the next two
  std::optional<MonoTime> tick_;
  bool closing_ = false;

  // The store's thread only, once it runs.
  std::unique_ptr<Database> database_;
  std::map<LeaseId, Lease> leases_;
  std::list<std::shared_ptr<WatchState>> watches_;

  std::once_flag closed_;
  std::thread worker_;
};

Result<RangeResult> SqliteStore::read_now(const Range& range) {
  std::promise<Result<RangeResult>> promise;
  auto future = promise.get_future();
  // Its handler runs on the store's thread, where the caller waits for it anyway.
  class Direct : public RequestOf<RangeResult> {
   public:
    using RequestOf::RequestOf;
    void settle(const Post&) override {
      RequestOf::settle([](std::move_only_function<void()> task) { task(); });
    }
  };
  enqueue(std::make_unique<Direct>(
              false, [&range](Database& database) { return database.read(range); },
              [&promise](Result<RangeResult> result) { promise.set_value(std::move(result)); }),
          post_);
  return future.get();
}

void SqliteStore::read(Range range, Handler<RangeResult> handler) {
  submit<RangeResult>(
      false, [range = std::move(range)](Database& database) { return database.read(range); },
      std::move(handler));
}

void SqliteStore::transact(Transaction transaction, Handler<TransactionResult> handler) {
  submit<TransactionResult>(
      true,
      [transaction = std::move(transaction)](Database& database) {
        return database.transact(transaction);
      },
      std::move(handler));
}

std::unique_ptr<Watch> SqliteStore::watch(KeyRange range, Revision from, WatchHandler handler) {
  auto state = std::make_shared<WatchState>();
  state->range = std::move(range);
  state->handler = std::move(handler);
  // What "from now on" means is known in its turn; it starts when its group is committed, so that
  // it neither misses nor repeats a revision of the group.
  submit<Revision>(
      false, [](Database& database) { return Result<Revision>(database.revision()); },
      [state](Result<Revision> started) {
        if (!started && !state->stopped) {
          state->handler(fail(started.error()));
        }
      },
      [this, state, from](Revision now) { start_watch(state, from == 0 ? now + 1 : from); });
  return std::make_unique<WatchHandle>(state);
}

void SqliteStore::compact(Revision revision, Handler<Revision> handler) {
  submit<Revision>(
      true, [revision](Database& database) { return database.compact(revision); },
      std::move(handler));
}

void SqliteStore::grant(Duration ttl, Handler<LeaseId> handler) {
  submit<LeaseId>(
      true,
      [ttl](Database& database) -> Result<LeaseId> {
        if (ttl < kTtlMin || ttl > kTtlMax) {
          return fail(ErrorCode::kInvalidArgument, "a lease lives from 100ms to 24h");
        }
        return database.grant(ttl);
      },
      std::move(handler),
      [this, ttl](LeaseId lease) { leases_[lease] = {.ttl = ttl, .deadline = {}}; });
}

void SqliteStore::keep_alive(LeaseId lease, Handler<LeaseId> handler) {
  submit<LeaseId>(
      false, [lease](Database& database) { return database.find_lease(lease); }, std::move(handler),
      [this](LeaseId kept) { leases_[kept].deadline.reset(); });
}

void SqliteStore::revoke(LeaseId lease, Handler<LeaseId> handler) {
  submit<LeaseId>(
      true, [lease](Database& database) { return database.revoke(lease); }, std::move(handler),
      [this](LeaseId gone) { leases_.erase(gone); });
}

void SqliteStore::tick(MonoTime now) {
  const std::lock_guard lock(mutex_);
  tick_ = now;
  wake_.notify_one();
}

void SqliteStore::close() {
  std::call_once(closed_, [this] {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
      wake_.notify_one();
    }
    worker_.join();
    database_.reset();
  });
}

bool SqliteStore::enqueue(std::unique_ptr<Request> request, const Post& refusal) {
  Error error;
  {
    const std::lock_guard lock(mutex_);
    if (!closing_ && queue_.size() < options_.queue_max) {
      queue_.push_back(std::move(request));
      wake_.notify_one();
      return true;
    }
    error = closing_ ? Error{ErrorCode::kUnavailable, "the state store is closed"}
                     : Error{ErrorCode::kResourceExhausted,
                             fmt::format("the state store is {} requests behind; the disk is too "
                                         "slow for this load",
                                         queue_.size())};
  }
  request->refuse(std::move(error));
  request->settle(refusal);
  return false;
}

void SqliteStore::work() {
  for (;;) {
    Group group;
    std::optional<MonoTime> now;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closing_ || tick_ || !queue_.empty(); });
      while (!queue_.empty() && group.size() < options_.group_max) {
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      if (queue_.empty()) {  // after the keep-alives that were asked for before it
        now = std::exchange(tick_, std::nullopt);
      }
      if (closing_ && group.empty() && !now) {
        break;
      }
    }
    if (!group.empty()) {
      run_group(std::move(group));
    }
    if (now) {
      expire_leases(*now);
    }
  }
  end_watches();
}

// Together; if that fails each alone, so that one request's trouble is not another's, and reads
// still work while the disk is full.
void SqliteStore::run_group(Group group) {
  Status done = attempt(group);
  if (!done && group.size() > 1) {
    for (auto& request : group) {
      Group alone;
      alone.push_back(std::move(request));
      run_group(std::move(alone));
    }
    return;
  }
  if (!done) {
    group.front()->refuse(std::move(done).error());
  }
  announce();
  for (auto& request : group) {
    request->settle(post_);
  }
}

Status SqliteStore::attempt(Group& group) {
  if (std::ranges::none_of(group, [](const auto& request) { return request->writes(); })) {
    for (auto& request : group) {
      request->run(*database_);  // holds its own result or error
    }
    if (database_->broken()) {
      database_->rollback();
    }
    return {};
  }
  Status status = database_->begin();
  for (auto& request : group) {
    if (status && !database_->broken()) {
      request->run(*database_);
    }
  }
  if (status && !database_->broken()) {
    status = database_->commit();
    if (status) {
      return status;
    }
  }
  const bool alone_and_knows_why = status && group.size() == 1;
  database_->rollback();
  if (alone_and_knows_why) {
    return {};
  }
  return status ? fail(ErrorCode::kUnavailable, "a transaction of the group failed") : status;
}

// Tells the watches what was committed.
void SqliteStore::announce() {
  const std::vector<WatchBatch> batches = database_->take_committed();
  if (batches.empty()) {
    return;
  }
  watches_.remove_if([](const auto& watch) { return watch->stopped.load(); });
  for (const auto& watch : watches_) {
    for (const WatchBatch& batch : batches) {
      WatchBatch seen{.revision = batch.revision, .events = {}};
      if (batch.revision >= watch->next) {
        std::ranges::copy_if(
            batch.events, std::back_inserter(seen.events),
            [&](const Event& event) { return watch->range.contains(event.change.key); });
      }
      if (!seen.events.empty()) {
        tell(post_, watch, std::move(seen));
      }
    }
  }
}

void SqliteStore::start_watch(const std::shared_ptr<WatchState>& watch, Revision from) {
  const Revision next = database_->revision() + 1;
  watch->next = std::max(from, next);
  if (from <= database_->compacted()) {
    tell(post_, watch,
         fail(ErrorCode::kFailedPrecondition,
              fmt::format("revision {} is compacted, the oldest kept is {}; read everything again "
                          "and watch from there",
                          from, database_->compacted() + 1)));
    return;
  }
  if (from < next) {
    const Status told = database_->history(
        watch->range, from, [&](WatchBatch batch) { tell(post_, watch, std::move(batch)); });
    if (!told) {
      tell(post_, watch, fail(told.error()));
      return;
    }
  }
  watches_.push_back(watch);
}

void SqliteStore::expire_leases(MonoTime now) {
  for (auto& [lease, state] : leases_) {
    if (!state.deadline) {
      state.deadline = now + state.ttl;
    }
  }
  Group group;
  for (const auto& [lease, state] : leases_) {
    if (*state.deadline <= now) {
      group.push_back(std::make_unique<RequestOf<LeaseId>>(
          true, [lease](Database& database) { return database.revoke(lease); },
          [](const Result<LeaseId>&) {},  // a failure is tried again at the next tick
          [this](LeaseId gone) { leases_.erase(gone); }));
    }
  }
  if (!group.empty()) {
    run_group(std::move(group));
  }
}

void SqliteStore::end_watches() {
  for (const auto& watch : watches_) {
    tell(post_, watch, fail(ErrorCode::kUnavailable, "the state store is closed"));
  }
  watches_.clear();
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path,
                                                 const SqliteOptions& options, Post post) {
  ASSIGN_OR_RETURN(auto database, Database::open(path, options.history_revisions));
  ASSIGN_OR_RETURN(const auto leases, database->leases());
  return std::make_unique<SqliteStore>(std::move(database), options, std::move(post), leases);
}

}  // namespace leeward::state
