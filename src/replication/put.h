// SPDX-License-Identifier: Apache-2.0
//
// Texts for the store: the conditional put of a version, and a ledger entry. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/time.h"
#include "model/ids.h"
#include "replica/conflict.h"
#include "replica/page.h"

namespace leeward::replication {

// The body of PutItem: takes the version if it is newer than what stands in `here`, and returns
// what stood or stands there. `item_text`: the version's item as JSON. `hash_key`: the table's.
[[nodiscard]] std::string put_body(std::string_view table, std::string_view hash_key,
                                   const RegionId& here, const replica::Version& version,
                                   std::string_view item_text);

struct LedgerEntry {
  std::string table;
  boost::json::object key;
  boost::json::object loser;
  std::string loser_stamp;
  boost::json::object winner;
  std::string winner_stamp;
  std::string base_stamp;
  RegionId detected_in;
  WallTime detected_at;
  replica::Evidence evidence = replica::Evidence::kOverwritten;
  bool certain = true;
};

// The same in whichever region the loss is found: the first 32 hexadecimal digits of
// SHA-256(table "\n" canonical key "\n" loser stamp).
[[nodiscard]] std::string ledger_id(std::string_view table, std::string_view canonical_key,
                                    std::string_view loser_stamp);

// The item of the table leeward-conflicts.
[[nodiscard]] boost::json::object ledger_item(const LedgerEntry& entry);

// The key attributes of an item.
[[nodiscard]] boost::json::object key_of(const boost::json::object& item,
                                         const std::vector<std::string>& key_names);

}  // namespace leeward::replication
