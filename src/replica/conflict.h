// SPDX-License-Identifier: Apache-2.0
//
// Which versions last-writer-wins discarded without anybody having seen them: the decisions behind
// the conflict ledger. Pure; the caller keeps the images, asks the store and writes the ledger.
//
// A version is *lost* when, in the region where it was written (its home), a version of another
// region displaced it that was not written on top of it. In every store an item's stamps only grow,
// so the versions that one was written on (its base, the base's base, ...) have falling stamps, and
// a version between two of them in time is not among them.
//
// One tracker sees what is put into one region, `here`, in the order of each key:
//
// - overwritten: version v took and displaced o, which was written here. o is lost unless it is
//   among what v was written on. With two regions the answer is exact: whatever v was written on
//   that came from v's own region arrived here before v. With more, v may stand on a third region's
//   version that is still on its way; then the tracker waits a little for it, and if it does not
//   come in time calls the loss uncertain.
// - rejected: version v, never seen here before, is refused because c stands, which was written
//   here. v is lost if its home gets c (or something on top of it) before it writes over v itself.
//   That takes a moment, so the tracker waits: the home's stream tells that v was displaced (lost,
//   certain) or overwritten there by its own (not lost). Where nothing comes, v is called lost, and
//   taken back should its home turn out to have written over it after all. This is how a home that
//   died before it heard of c cannot hide the loss.
// - scan: in a resync there is no base; what a put displaced is called lost, uncertain.
//
// Both homes come to the same loser, so entries whose id derives from it are written once.
//
// Not thread-safe. Memory is bounded by ConflictLimits; beyond it the oldest is decided early.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/ids.h"

namespace leeward::replica {

struct ConflictLimits {
  Duration wait = std::chrono::seconds(2);
  std::size_t waiting_max = 4096;
  std::size_t waiting_bytes_max = std::size_t{8} << 20;
  std::size_t remembered_max = 4096;  // uncertain losses that may be taken back
  std::size_t links_max = 8192;       // version -> base, only with three or more regions
};

enum class Evidence : std::uint8_t { kOverwritten, kRejected, kScan };
[[nodiscard]] std::string_view to_string(Evidence evidence);

// A version that was put into `here`, with what is known of its past.
struct Arrival {
  std::string_view key{};
  std::string_view stamp{};
  std::string_view base{};                          // of the first of `chain`; empty: none
  const std::vector<std::string>* chain = nullptr;  // coalesced into it, oldest first
  bool fresh = false;                               // never delivered here before, for sure
  bool scanned = false;                             // of a scan: base unknown
  std::size_t bytes = 0;  // of the images that the caller keeps while this waits
};

struct Verdict {
  enum class Kind : std::uint8_t { kNothing, kLost, kWait };
  Kind kind = Kind::kNothing;
  Evidence evidence = Evidence::kOverwritten;
  bool certain = true;
};

// What became of one that waited, or had been called lost before.
struct Settled {
  enum class Kind : std::uint8_t { kLost, kNotLost, kTakeBack };
  Kind kind = Kind::kLost;
  std::string key;
  std::string loser;
  bool certain = true;
};

class ConflictTracker {
 public:
  // `regions`: how many there are in all.
  ConflictTracker(RegionId here, std::size_t regions, ConflictLimits limits = {});

  // The store took it over `displaced` (a stamp; empty: nothing stood there).
  // kWait: the loser is `displaced`.
  Verdict took(const Arrival& arrival, std::string_view displaced, MonoTime now);
  // The store refused it because `standing` is as new. kWait: the loser is the arrival.
  Verdict refused(const Arrival& arrival, std::string_view standing, MonoTime now);
  // The loser's home says so itself, in its stream. Empty winner: its home wrote over it.
  void displaced_at_home(std::string_view key, std::string_view loser, std::string_view winner);

  // What was settled since the last time; moves what has waited long enough.
  [[nodiscard]] std::vector<Settled> settle(MonoTime now);
  // When settle() has something to do at the latest.
  [[nodiscard]] std::optional<MonoTime> deadline() const;
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  using Id = std::pair<std::string, std::string>;  // key, loser

  struct Waiting {
    Evidence evidence;
    std::string from;  // overwritten: the oldest known version below the winner
    MonoTime until;
    std::size_t bytes;
  };
  enum class Walk : std::uint8_t { kAncestor, kNot, kUnknown };

  void arrived(const Arrival& arrival);
  void built_upon(std::string_view key, std::string_view version);
  void add_link(std::string_view key, std::string_view version, std::string_view base);
  [[nodiscard]] Walk walk(std::string_view key, std::string_view from, std::string_view to) const;
  void wait(Id id, Waiting waiting);
  void remove_waiting(std::map<Id, Waiting>::iterator place);
  void give_up(std::map<Id, Waiting>::iterator place);
  void rewalk(std::string_view key);

  RegionId here_;
  bool mesh_;
  ConflictLimits limits_;
  std::map<Id, Waiting> waiting_;
  std::deque<std::pair<MonoTime, Id>> order_;  // of `waiting_`; may name what is gone
  std::size_t waiting_bytes_ = 0;
  std::map<Id, Waiting> remembered_;
  std::deque<Id> remembered_order_;
  std::unordered_map<std::string, std::string> links_;  // key + version -> base
  std::deque<std::string> links_order_;
  std::unordered_map<std::string, int> bases_;  // key + version built upon by another region
  std::deque<std::string> bases_order_;
  std::vector<Settled> settled_;
};

}  // namespace leeward::replica
