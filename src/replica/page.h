// SPDX-License-Identifier: Apache-2.0
//
// What to carry of one page of stream records. Pure.
//
// - A record that did not originate in the source region came there by replication: carrying it
//   again would loop. In a full mesh its origin carries it to everybody. Where it displaced a
//   version written in the source, that is told (the conflict ledger wants to know).
// - A record without a new image is a removal (also those whose event name is not understood, which
//   some stores give to expired items). Removals are not carried: deletes travel as tombstones,
//   which are ordinary versions, and a removed tombstone or expired item means nothing elsewhere.
// - Of several versions of a key within a page only the newest is carried.
// - A version stamped too far ahead of our clock would win for ever: it is refused, counted and
//   handed back, so that the caller can keep it for a person.
//
// Items without a stamp, written by something else. In the source S such an item counts as stamped
// `zero_stamp(S)`: older than anything stamped, and of two regions' the greater name's wins. It is
// carried with that stamp in it, so no region takes a copy for a write of its own, and later
// changes in S follow. Where the carried copy of region D's item was changed in S without a stamp,
// the change goes back to D if D still has what it replaced (Version::replaced); otherwise the
// order of names decides. Both rules give the same in both regions, except where programs without
// stamps write one item in two regions at once and return it to an earlier content.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.h"
#include "base/time.h"
#include "model/ids.h"
#include "replica/stamp.h"

namespace leeward::replica {

struct StreamRecord {
  std::string sequence;      // of the shard, increasing
  std::string key;           // canonical text of the key attributes
  boost::json::object item;  // the new image; empty: a removal
  boost::json::object old;   // the old image; empty: there was none
};

// A page of the GetRecords answer. kDataCorrupt with the place of what is wrong.
struct StreamPage {
  std::vector<StreamRecord> records;
  std::string next_iterator;  // empty: the shard is closed and was read to its end
};
Result<StreamPage> parse_stream_page(boost::json::value answer);

// Attributes in the order of their names, as compact JSON: {"id":{"S":"a"},"n":{"N":"1"}}. Equal
// keys give equal text in every region.
[[nodiscard]] std::string canonical_key(const boost::json::object& keys);

struct Version {
  std::string key;
  boost::json::object item;
  std::string stamp;                 // the item's, or zero_stamp(source)
  bool stamped = true;               // false: `item` has it only since the plan
  std::string base{};                // what it (or the first of `chain`) replaced at home
  std::vector<std::string> chain{};  // coalesced into it; each written on the one before
  boost::json::object replaced{};    // unstamped over a carried copy: that copy's content
};

// In the source, `winner` came by replication and displaced `loser`, which was written there. Empty
// winner: the source itself wrote over it, in a version that is not carried.
struct Displacement {
  std::string key;
  std::string loser;
  std::string winner;
};

struct PagePlan {
  std::vector<Version> ship;  // one per key, in order of the keys' last records
  std::vector<Displacement> displaced;
  std::string last_sequence;  // of the page; the checkpoint once all of `ship` is applied
  std::uint64_t foreign = 0;  // came here by replication
  std::uint64_t removals = 0;
  std::vector<Version> refused;  // stamped in the future
  std::uint64_t superseded = 0;  // an older version of a key that is shipped
};

inline constexpr Duration kFutureMax = std::chrono::seconds(5);

[[nodiscard]] PagePlan plan_page(std::vector<StreamRecord> records, const RegionId& source,
                                 WallTime now);

// A drain barrier's item: to be carried only after everything before it in the stream.
[[nodiscard]] bool is_barrier(const boost::json::object& item);

enum class Fate : std::uint8_t { kShip, kForeign, kRefused };

// For an item as such, of a stream or of a scan. Sets `stamp` to the item's own, or empty.
[[nodiscard]] Fate fate_of(const boost::json::object& item, const RegionId& source, WallTime now,
                           std::string& stamp);

// The version that a scanned item is: without base. REQUIRES: its fate was kShip.
[[nodiscard]] Version scanned_version(boost::json::object item, std::string key, std::string stamp,
                                      const RegionId& source);

// The stamp in an image, as text; empty where it has none.
[[nodiscard]] std::string_view stamp_in(const boost::json::object& item);

}  // namespace leeward::replica
