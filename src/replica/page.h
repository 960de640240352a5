// SPDX-License-Identifier: Apache-2.0
//
// What to ship of one page of stream records. Pure.
//
// - A record that did not originate in the source region came there by replication: shipping it
//   again would loop. In a full mesh its origin ships it to everybody.
// - A record without a new image is a removal (also those whose event name is not understood, which
//   some stores give to expired items). Removals are not shipped: deletes travel as tombstones,
//   which are ordinary versions, and a removed tombstone or expired item means nothing elsewhere.
// - Of several versions of a key within a page only the newest is shipped.
// - A version stamped too far ahead of our clock would win for ever: it is refused, counted and
//   handed back, so that the caller can keep it for a person.
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
  boost::json::object keys;  // attribute values
  boost::json::object item;  // the new image; empty: a removal
};

// A page of the GetRecords answer. kDataCorrupt with the place of what is wrong.
struct StreamPage {
  std::vector<StreamRecord> records;
  std::string next_iterator;  // empty: the shard is closed and was read to its end
};
Result<StreamPage> parse_stream_page(const boost::json::value& answer);

struct Version {
  boost::json::object item;
  std::string stamp;  // empty: unstamped, older than everything stamped
};

struct PagePlan {
  std::vector<Version> ship;  // one per key, in order of the keys' last records
  std::string last_sequence;  // of the page; the checkpoint once all of `ship` is applied
  std::uint64_t foreign = 0;  // came here by replication
  std::uint64_t removals = 0;
  std::vector<Version> refused;  // stamped in the future
  std::uint64_t superseded = 0;  // an older version of a key that is shipped
};

inline constexpr Duration kFutureMax = std::chrono::seconds(5);

[[nodiscard]] PagePlan plan_page(std::vector<StreamRecord> records, const RegionId& source,
                                 WallTime now);

enum class Fate : std::uint8_t { kShip, kForeign, kRefused };

// For an item as such, of a stream or of a scan. Sets `stamp` to the item's own, or empty.
[[nodiscard]] Fate fate_of(const boost::json::object& item, const RegionId& source, WallTime now,
                           std::string& stamp);

}  // namespace leeward::replica
