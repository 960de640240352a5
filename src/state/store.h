// SPDX-License-Identifier: Apache-2.0
//
// The state store: keys and values with etcd's semantics, so that one node on SQLite and many on
// etcd v3 are the same to everything above.
//
// - Every change of the store has a revision, a number that only grows, by one per transaction that
//   changed something. A key knows the revision that created it, the one that changed it last, and
//   its version: 1 when created, +1 per change, gone with a delete.
// - transact() is compare-and-set: if all compares hold then `then` else `otherwise`, at once or
// not
//   at all. One key may be put once per transaction, and not put and deleted in one (etcd's rule).
// - watch() tells every change of a range from a revision on, in order, none twice, those of one
//   transaction together. Old revisions are compacted; a watch from before that fails and its owner
//   reads everything again.
// - A lease holds keys while it is kept alive; when it expires they are deleted, as one revision.
//
// Model: etcd v3 (etcd.io/docs/v3.5/learning/api). Left out: reads at old revisions.
//
// Asynchronous: a call returns at once, and its handler runs exactly once, where the implementation
// was told to run handlers, never inside the call. Handlers of one store run in the order of calls.
// A change that was reported done survives kill -9 and power loss. An error of code kUnavailable,
// kResourceExhausted or kDeadlineExceeded leaves open whether the change happened: read again.
// Thread-safety: any thread may call; one that is refused at once is told so without waiting its
// turn. Ownership: handlers are owned until they ran, and a watch's may be destroyed on any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace leeward::state {

using Revision = std::int64_t;  // 0: an empty store, or "does not exist"
using LeaseId = std::int64_t;   // 0: no lease

inline constexpr std::size_t kKeyBytesMax = 1024;
inline constexpr std::size_t kValueBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kOperationsMax =
    4096;  // per branch, and compares; etcd: --max-txn-ops

struct KeyValue {
  std::string key;  // any bytes, not empty; ordered by unsigned bytes
  std::string value;
  Revision create_revision = 0;
  Revision mod_revision = 0;
  std::int64_t version = 0;
  LeaseId lease = 0;

  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

// Keys k with begin <= k < end; without `end` all from begin on.
struct KeyRange {
  std::string begin;
  std::optional<std::string> end;

  [[nodiscard]] static KeyRange one(std::string_view key);
  [[nodiscard]] static KeyRange prefix(std::string_view prefix);  // of "": all
  [[nodiscard]] static KeyRange all() { return {}; }
  [[nodiscard]] bool contains(std::string_view key) const;

  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// What must hold for the `then` branch. A key that does not exist has version, create and mod
// revision 0; its value compares false with everything.
struct Compare {
  enum class Target : std::uint8_t { kVersion, kCreateRevision, kModRevision, kValue };
  enum class Relation : std::uint8_t { kEqual, kNotEqual, kLess, kGreater };  // key's R given

  std::string key;
  Target target = Target::kModRevision;
  Relation relation = Relation::kEqual;
  std::int64_t number = 0;  // for the revisions and the version
  std::string value;        // for kValue; bytewise

  [[nodiscard]] static Compare absent(std::string_view key);
  [[nodiscard]] static Compare unchanged_since(std::string_view key, Revision mod_revision);
  [[nodiscard]] static Compare value_is(std::string_view key, std::string_view value);
};

struct Put {
  std::string key;
  std::string value;
  LeaseId lease = 0;  // replaces the key's earlier one
};
struct Delete {
  KeyRange range;
};
struct Range {
  KeyRange range;
  std::size_t limit = 0;  // 0: all
};
using Operation = std::variant<Put, Delete, Range>;

struct Transaction {
  std::vector<Compare> compares;
  std::vector<Operation> then;
  std::vector<Operation> otherwise;
};

struct RangeResult {
  Revision revision = 0;         // of the store when it was read
  std::vector<KeyValue> values;  // by key
  std::size_t count = 0;         // in the range, whatever the limit

  friend bool operator==(const RangeResult&, const RangeResult&) = default;
};
struct OperationResult {
  RangeResult range;        // of a Range; it sees what earlier operations of its transaction did
  std::size_t deleted = 0;  // of a Delete: how many keys

  friend bool operator==(const OperationResult&, const OperationResult&) = default;
};
struct TransactionResult {
  Revision revision = 0;   // of the store after it
  bool succeeded = false;  // all compares held
  std::vector<OperationResult> results;

  friend bool operator==(const TransactionResult&, const TransactionResult&) = default;
};

struct Event {
  enum class Kind : std::uint8_t { kPut, kDelete };
  Kind kind = Kind::kPut;
  KeyValue change;  // of a delete: key and mod_revision only

  friend bool operator==(const Event&, const Event&) = default;
};
// All changes of one revision within the watched range.
struct WatchBatch {
  Revision revision = 0;
  std::vector<Event> events;
};

template <typename T>
using Handler = std::move_only_function<void(Result<T>)>;
using WatchHandler = std::function<void(Result<WatchBatch>)>;

// Stops the watch when destroyed. On the thread that runs handlers, none follows the destruction.
class Watch {
 public:
  virtual ~Watch() = default;
};

class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  // Blocks; for start-up, before the thread that runs handlers does.
  virtual Result<RangeResult> read_now(const Range& range) = 0;

  virtual void read(Range range, Handler<RangeResult> handler) = 0;
  virtual void transact(Transaction transaction, Handler<TransactionResult> handler) = 0;

  // `from` 0: what changes after this call. An error ends the watch: kFailedPrecondition when
  // `from` is compacted (the message names the oldest that is not), kUnavailable when the store
  // closes.
  [[nodiscard]] virtual std::unique_ptr<Watch> watch(KeyRange range, Revision from,
                                                     WatchHandler handler) = 0;

  // Revisions up to this one may be forgotten. The result is the oldest that can be watched.
  virtual void compact(Revision revision, Handler<Revision> handler) = 0;

  // ttl: 100ms to 1 day. A lease lives at least its ttl after grant, keep_alive or a restart.
  virtual void grant(Duration ttl, Handler<LeaseId> handler) = 0;
  virtual void keep_alive(LeaseId lease, Handler<LeaseId> handler) = 0;  // kNotFound: expired
  virtual void revoke(LeaseId lease, Handler<LeaseId> handler) = 0;

  // A store within this process has no clock: call this regularly (every 100ms or so) and leases
  // expire by it. A networked store ignores it.
  virtual void tick(MonoTime now) = 0;

  // Refuses new work, finishes what was asked for, hands over its handlers and returns. The
  // destructor calls it.
  virtual void close() = 0;
};

// kInvalidArgument with what is wrong: sizes, counts, a key put twice.
[[nodiscard]] Status validate(const Transaction& transaction);

}  // namespace leeward::state
