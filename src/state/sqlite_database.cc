// SPDX-License-Identifier: Apache-2.0
#include "state/sqlite_database.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <variant>

#include <fmt/format.h>

#include "base/overloaded.h"
#include "state/sqlite_open.h"

namespace leeward::state {
namespace {

// After every key: one byte longer than the longest, all ones.
const std::string& after_all() {
  static const std::string key(kKeyBytesMax + 1, '\xFF');
  return key;
}
const std::string& end_of(const KeyRange& range) {
  return range.end ? *range.end : after_all();
}

template <typename T>
bool related(const T& have, Compare::Relation relation, const T& given) {
  switch (relation) {
    case Compare::Relation::kEqual:
      return have == given;
    case Compare::Relation::kNotEqual:
      return have != given;
    case Compare::Relation::kLess:
      return have < given;
    case Compare::Relation::kGreater:
      return have > given;
  }
  return false;
}

std::int64_t number_of(const KeyValue& current, Compare::Target target) {
  switch (target) {
    case Compare::Target::kVersion:
      return current.version;
    case Compare::Target::kCreateRevision:
      return current.create_revision;
    case Compare::Target::kModRevision:
    case Compare::Target::kValue:
      return current.mod_revision;
  }
  return 0;
}

KeyValue row_of(const Statement& row) {
  return {.key = row.bytes(0),
          .value = row.bytes(1),
          .create_revision = row.number(2),
          .mod_revision = row.number(3),
          .version = row.number(4),
          .lease = row.number(5)};
}

}  // namespace

struct Database::Statements {
  Statement select, count, put, remove, record, counters, set_counter, trim, history, by_lease,
      add_lease, find_lease, drop_lease, all_leases;
};

Database::Database(std::string path, Connection connection, Revision history_revisions)
    : path_(std::move(path)),
      connection_(std::move(connection)),
      history_revisions_(history_revisions) {}

Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const std::string& path,
                                                 Revision history_revisions) {
  ASSIGN_OR_RETURN(Connection connection, open_checked(path));
  std::unique_ptr<Database> database(new Database(path, std::move(connection), history_revisions));
  const Status prepared = database->prepare();
  if (!prepared) {
    return fail(with_context(prepared.error(), "state file " + path));
  }
  RETURN_IF_ERROR(database->load_counters());
  return database;
}

Status Database::prepare() {
  constexpr std::array<const char*, 14> kSql = {
      "SELECT key, value, create_revision, mod_revision, version, lease FROM kv "
      "WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3",
      "SELECT count(*) FROM kv WHERE key >= ?1 AND key < ?2",
      "INSERT OR REPLACE INTO kv VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      "DELETE FROM kv WHERE key = ?1",
      "INSERT INTO change VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      "SELECT name, value FROM counter",
      "UPDATE counter SET value = ?2 WHERE name = CAST(?1 AS TEXT)",
      "DELETE FROM change WHERE revision <= ?1",
      "SELECT revision, key, deleted, value, create_revision, version, lease FROM change "
      "WHERE revision >= ?1 AND key >= ?2 AND key < ?3 ORDER BY revision, ordinal",
      "SELECT key, value, create_revision, mod_revision, version, lease FROM kv "
      "WHERE lease = ?1 AND lease != 0 ORDER BY key",
      "INSERT INTO lease VALUES (?1, ?2)",
      "SELECT id FROM lease WHERE id = ?1",
      "DELETE FROM lease WHERE id = ?1",
      "SELECT id, ttl_ns FROM lease ORDER BY id"};
  std::vector<Statement> made;
  made.reserve(kSql.size());
  for (const char* sql : kSql) {
    ASSIGN_OR_RETURN(Statement statement, Statement::prepare(connection_.get(), sql));
    made.push_back(std::move(statement));
  }
  auto next = std::make_move_iterator(made.begin());
  // A braced list is evaluated in order.
  statements_ = std::make_unique<Statements>(Statements{*next++, *next++, *next++, *next++, *next++,
                                                        *next++, *next++, *next++, *next++, *next++,
                                                        *next++, *next++, *next++, *next++});
  return {};
}

template <typename T>
Result<T> Database::checked(Result<T> result) {
  if (!result) {
    broken_ = true;
    return fail(with_context(std::move(result).error(), "state file " + path_));
  }
  return result;
}

Status Database::load_counters() {
  Statement& counters = statements_->counters;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, checked(counters.step()));
    if (!row) {
      return {};
    }
    const std::string name = counters.bytes(0);
    (name == "revision"    ? revision_
     : name == "compacted" ? compacted_
                           : next_lease_) = counters.number(1);
  }
}

Status Database::begin() {
  broken_ = false;
  uncommitted_.clear();
  counters_changed_ = false;
  return checked(execute(connection_.get(), "BEGIN IMMEDIATE"));
}

Status Database::commit() {
  RETURN_IF_ERROR(trim_history());
  if (counters_changed_) {
    Statement& set = statements_->set_counter;
    RETURN_IF_ERROR(checked(set.bind(1, "revision").bind(2, revision_).run()));
    RETURN_IF_ERROR(checked(set.bind(1, "compacted").bind(2, compacted_).run()));
    RETURN_IF_ERROR(checked(set.bind(1, "next_lease").bind(2, next_lease_).run()));
  }
  RETURN_IF_ERROR(checked(execute(connection_.get(), "COMMIT")));
  std::ranges::move(uncommitted_, std::back_inserter(committed_));
  uncommitted_.clear();
  return {};
}

void Database::rollback() {
  if (sqlite3_get_autocommit(connection_.get()) == 0) {  // some errors roll back by themselves
    (void)execute(connection_.get(), "ROLLBACK");
  }
  uncommitted_.clear();
  current_ = {};
  counters_changed_ = false;
  // A failed fsync leaves open whether the commit happened: believe the file, not memory.
  (void)load_counters();
  broken_ = false;
}

std::vector<WatchBatch> Database::take_committed() {
  return std::exchange(committed_, {});
}

Result<std::vector<KeyValue>> Database::select(const KeyRange& range, std::size_t limit) {
  Statement& select = statements_->select;
  select.bind(1, range.begin).bind(2, end_of(range));
  select.bind(3, limit == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(limit));
  std::vector<KeyValue> values;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, checked(select.step()));
    if (!row) {
      return values;
    }
    values.push_back(row_of(select));
  }
}

Result<RangeResult> Database::read(const Range& range) {
  RangeResult result{.revision = revision_, .values = {}, .count = 0};
  ASSIGN_OR_RETURN(result.values, select(range.range, range.limit));
  result.count = result.values.size();
  if (range.limit != 0 && result.count == range.limit) {
    Statement& count = statements_->count;
    count.bind(1, range.range.begin).bind(2, end_of(range.range));
    ASSIGN_OR_RETURN(const bool row, checked(count.step()));
    result.count = row ? static_cast<std::size_t>(count.number(0)) : 0;
    count.reset();
  }
  return result;
}

Result<bool> Database::holds(const Compare& compare) {
  ASSIGN_OR_RETURN(const auto found, select(KeyRange::one(compare.key), 1));
  if (compare.target == Compare::Target::kValue) {
    return !found.empty() && related(found.front().value, compare.relation, compare.value);
  }
  const KeyValue current = found.empty() ? KeyValue{} : found.front();
  return related(number_of(current, compare.target), compare.relation, compare.number);
}

Status Database::check_leases(const std::vector<Operation>& operations) {
  for (const Operation& operation : operations) {
    const auto* put = std::get_if<Put>(&operation);
    if (put != nullptr && put->lease != 0) {
      RETURN_IF_ERROR(find_lease(put->lease));
    }
  }
  return {};
}

Result<TransactionResult> Database::transact(const Transaction& transaction) {
  RETURN_IF_ERROR(validate(transaction));
  TransactionResult result{.revision = 0, .succeeded = true, .results = {}};
  for (const Compare& compare : transaction.compares) {
    ASSIGN_OR_RETURN(const bool held, holds(compare));
    result.succeeded = result.succeeded && held;
  }
  const auto& branch = result.succeeded ? transaction.then : transaction.otherwise;
  RETURN_IF_ERROR(check_leases(branch));
  current_ = {.revision = revision_ + 1, .events = {}};
  for (const Operation& operation : branch) {
    ASSIGN_OR_RETURN(OperationResult applied, apply(operation));
    result.results.push_back(std::move(applied));
  }
  if (!current_.events.empty()) {
    revision_ = current_.revision;
    uncommitted_.push_back(std::exchange(current_, {}));
  }
  result.revision = revision_;
  return result;
}

Result<OperationResult> Database::apply(const Operation& operation) {
  return std::visit(overloaded{[this](const Put& change) -> Result<OperationResult> {
                                 RETURN_IF_ERROR(put(change));
                                 return OperationResult{};
                               },
                               [this](const Delete& removal) -> Result<OperationResult> {
                                 ASSIGN_OR_RETURN(const auto doomed, select(removal.range, 0));
                                 ASSIGN_OR_RETURN(const std::size_t deleted, remove(doomed));
                                 return OperationResult{.range = {}, .deleted = deleted};
                               },
                               [this](const Range& range) -> Result<OperationResult> {
                                 ASSIGN_OR_RETURN(RangeResult found, read(range));
                                 found.revision =
                                     current_.events.empty() ? revision_ : current_.revision;
                                 return OperationResult{.range = std::move(found), .deleted = 0};
                               }},
                    operation);
}

Status Database::put(const Put& put) {
  ASSIGN_OR_RETURN(const auto found, select(KeyRange::one(put.key), 1));
  KeyValue changed{.key = put.key,
                   .value = put.value,
                   .create_revision = current_.revision,
                   .mod_revision = current_.revision,
                   .version = 1,
                   .lease = put.lease};
  if (!found.empty()) {
    changed.create_revision = found.front().create_revision;
    changed.version = found.front().version + 1;
  }
  RETURN_IF_ERROR(checked(statements_->put.bind(1, changed.key)
                              .bind(2, changed.value)
                              .bind(3, changed.create_revision)
                              .bind(4, changed.mod_revision)
                              .bind(5, changed.version)
                              .bind(6, changed.lease)
                              .run()));
  return record({.kind = Event::Kind::kPut, .change = std::move(changed)});
}

Result<std::size_t> Database::remove(const std::vector<KeyValue>& doomed) {
  for (const KeyValue& value : doomed) {
    RETURN_IF_ERROR(checked(statements_->remove.bind(1, value.key).run()));
    KeyValue gone;
    gone.key = value.key;
    gone.mod_revision = current_.revision;
    RETURN_IF_ERROR(record({.kind = Event::Kind::kDelete, .change = std::move(gone)}));
  }
  return doomed.size();
}

Status Database::record(Event event) {
  counters_changed_ = true;
  const KeyValue& change = event.change;
  RETURN_IF_ERROR(checked(statements_->record.bind(1, change.mod_revision)
                              .bind(2, static_cast<std::int64_t>(current_.events.size()))
                              .bind(3, change.key)
                              .bind(4, std::int64_t{event.kind == Event::Kind::kDelete})
                              .bind(5, change.value)
                              .bind(6, change.create_revision)
                              .bind(7, change.version)
                              .bind(8, change.lease)
                              .run()));
  current_.events.push_back(std::move(event));
  return {};
}

Result<LeaseId> Database::grant(Duration ttl) {
  const LeaseId lease = next_lease_;
  RETURN_IF_ERROR(
      checked(statements_->add_lease.bind(1, lease).bind(2, std::int64_t{ttl.count()}).run()));
  ++next_lease_;
  counters_changed_ = true;
  return lease;
}

Result<LeaseId> Database::find_lease(LeaseId lease) {
  Statement& find = statements_->find_lease;
  ASSIGN_OR_RETURN(const bool row, checked(find.bind(1, lease).step()));
  find.reset();
  if (!row) {
    return fail(ErrorCode::kNotFound,
                fmt::format("lease {} does not exist; it expired or was revoked", lease));
  }
  return lease;
}

Result<LeaseId> Database::revoke(LeaseId lease) {
  ASSIGN_OR_RETURN(const LeaseId found, find_lease(lease));
  std::vector<KeyValue> doomed;
  Statement& held = statements_->by_lease;
  held.bind(1, found);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, checked(held.step()));
    if (!row) {
      break;
    }
    doomed.push_back(row_of(held));
  }
  current_ = {.revision = revision_ + 1, .events = {}};
  RETURN_IF_ERROR(remove(doomed));
  if (!current_.events.empty()) {
    revision_ = current_.revision;
    uncommitted_.push_back(std::exchange(current_, {}));
  }
  RETURN_IF_ERROR(checked(statements_->drop_lease.bind(1, lease).run()));
  return lease;
}

Result<Revision> Database::compact(Revision revision) {
  if (revision > revision_) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("revision {} is in the future; the store is at {}", revision, revision_));
  }
  if (revision > compacted_) {
    RETURN_IF_ERROR(checked(statements_->trim.bind(1, revision).run()));
    compacted_ = revision;
    counters_changed_ = true;
  }
  return compacted_ + 1;
}

Status Database::trim_history() {
  // Not at each commit: a tenth more than asked for may lie around.
  const Revision slack = history_revisions_ / 10;
  if (revision_ - compacted_ <= history_revisions_ + slack) {
    return {};
  }
  RETURN_IF_ERROR(compact(revision_ - history_revisions_));
  return {};
}

Result<std::vector<std::pair<LeaseId, Duration>>> Database::leases() {
  Statement& all = statements_->all_leases;
  std::vector<std::pair<LeaseId, Duration>> leases;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, checked(all.step()));
    if (!row) {
      return leases;
    }
    leases.emplace_back(all.number(0), Duration(all.number(1)));
  }
}

Status Database::history(const KeyRange& range, Revision from,
                         const std::function<void(WatchBatch)>& each) {
  Statement& history = statements_->history;
  history.bind(1, from).bind(2, range.begin).bind(3, end_of(range));
  WatchBatch batch;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, checked(history.step()));
    const Revision revision = row ? history.number(0) : 0;
    if (revision != batch.revision && !batch.events.empty()) {
      each(std::exchange(batch, {}));
    }
    if (!row) {
      return {};
    }
    batch.revision = revision;
    batch.events.push_back(
        {.kind = history.number(2) != 0 ? Event::Kind::kDelete : Event::Kind::kPut,
         .change = {.key = history.bytes(1),
                    .value = history.bytes(3),
                    .create_revision = history.number(4),
                    .mod_revision = revision,
                    .version = history.number(5),
                    .lease = history.number(6)}});
  }
}

}  // namespace leeward::state
