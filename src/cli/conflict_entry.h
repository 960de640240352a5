// SPDX-License-Identifier: Apache-2.0
//
// Entries of the conflict ledger, as `leeward tables conflicts` shows, merges and re-applies them.
// They come from a table that others write: what is missing or of another kind is left empty.
//
// Thread-safety: pure functions on values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/result.h"
#include "base/time.h"

namespace leeward::cli {

struct ConflictEntry {
  std::string id;
  std::string table;
  boost::json::object key;    // DynamoDB JSON, as all images
  boost::json::object loser;  // empty: kept elsewhere, see images_file
  boost::json::object winner;
  std::string loser_region, winner_region;
  std::string loser_stamp, winner_stamp, base_stamp;
  std::string detected_at, evidence, reapplied_at, images_file;
  bool certain = false;
  std::vector<std::string> seen_in;  // regions whose ledgers have it
};

// Of one item of the table leeward-conflicts. kDataCorrupt where it has no id or table.
Result<ConflictEntry> parse_conflict(const boost::json::object& item, const std::string& region);

// One loss per id, the most certain word on it, oldest first.
[[nodiscard]] std::vector<ConflictEntry> merge_conflicts(std::vector<ConflictEntry> entries);

[[nodiscard]] boost::json::object to_json(const ConflictEntry& entry);
[[nodiscard]] std::string to_csv(const std::vector<ConflictEntry>& entries);
[[nodiscard]] std::string render_conflicts(const std::vector<ConflictEntry>& entries);
// Both images side by side, attribute by attribute.
[[nodiscard]] std::string render_conflict(const ConflictEntry& entry);

// The image without what is Leeward's own.
[[nodiscard]] boost::json::object application_image(const boost::json::object& image);
[[nodiscard]] bool is_delete(const boost::json::object& image);  // a tombstone

// The request that writes the losing image again, if `current` (what GetItem shows; empty: nothing)
// still stands: by its stamp, or through a gateway by its attributes, 60 at most; one that somebody
// adds at the same moment is not seen. `stamp`: for a store without a gateway, which takes stamps
// as they come; empty otherwise. The operation is PutItem or DeleteItem.
struct Reapply {
  std::string operation;
  boost::json::object body;
};
[[nodiscard]] Reapply make_reapply(const ConflictEntry& entry, const boost::json::object& current,
                                   const std::string& stamp);

// Now, but above every stamp given. Those that are none are left out.
[[nodiscard]] std::string stamp_above(const std::vector<std::string>& stamps, WallTime now,
                                      const std::string& region);

}  // namespace leeward::cli
