// SPDX-License-Identifier: Apache-2.0
//
// Which writes last-writer-wins discarded in tables that replicate by themselves, such as Amazon's
// global tables, from nothing but the streams of all regions. Items carry no stamps there, so a
// version is known by its content (a hash of its image), or by an attribute of the application that
// names versions.
//
// The rule: a region's stream says which version each write replaced. The region whose stream shows
// a version first is its home, and what it replaced there is what it was written on. Elsewhere the
// same version arrives by replication; if what it displaces there was written there, and is not
// among what the version was written on, then that was lost: its author was told that it is stored,
// and nobody has seen it.
//
// Which region was first is told by the order in which records reach the reader. Where that is too
// close to call (within `jitter`), where contents repeat, and for deletes, which have no content, a
// loss is reported as uncertain.
//
// Verdicts wait `settle`, so that the other regions' records are in. Memory is bounded: keys that
// were quiet for `window` are forgotten, and beyond `keys_max` the quietest.
//
// Not thread-safe. Pure.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/json/object.hpp>

#include "base/time.h"
#include "model/ids.h"

namespace leeward::replica {

struct JoinOptions {
  Duration settle = std::chrono::seconds(5);
  Duration jitter = std::chrono::milliseconds(50);
  Duration window = std::chrono::hours(1);
  std::size_t keys_max = 100'000;
  std::string version_attribute;  // empty: by content
};

// One record of one region's stream.
struct JoinRecord {
  RegionId region;
  std::string key;           // canonical
  boost::json::object old;   // empty: there was none
  boost::json::object item;  // empty: a removal
  MonoTime arrival;
  bool live = true;  // false: history that was read at start, whose order says nothing
};

struct JoinLoss {
  std::string key;
  boost::json::object loser;
  boost::json::object winner;  // empty: a delete
  std::string loser_version, winner_version, base_version;
  RegionId loser_region;
  RegionId winner_region;  // empty: not known
  bool certain = true;
};

// "h:" and 16 hexadecimal digits, or "v:" and the attribute's value. "" for an empty image.
[[nodiscard]] std::string version_of(const boost::json::object& image,
                                     const std::string& version_attribute);

class StreamJoin {
 public:
  explicit StreamJoin(JoinOptions options) : options_(std::move(options)) {}

  void add(JoinRecord record);
  // Losses that have settled by `now`.
  [[nodiscard]] std::vector<JoinLoss> settle(MonoTime now);

  [[nodiscard]] std::size_t keys() const { return keys_.size(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Seen {  // of one version in one region
    RegionId region;
    std::string base;  // what it replaced there
    MonoTime arrival;
    bool live = true;
  };
  struct Version {
    boost::json::object image;
    std::vector<Seen> seen;  // in order of arrival; the first is home
    bool repeated = false;   // the same content was written twice in one region
  };
  struct Key {
    std::map<std::string, Version> versions;
    std::vector<Seen> removals;  // `base`: what was removed
    MonoTime touched;
  };
  struct Displacement {
    std::string key;
    RegionId region;
    std::string displaced;
    std::string by;  // empty: a removal
    MonoTime at;
    boost::json::object image;  // of what was displaced
  };

  [[nodiscard]] std::optional<JoinLoss> judge(const Displacement& each) const;
  [[nodiscard]] std::optional<JoinLoss> judge_removal(const Key& key,
                                                      const Displacement& each) const;
  [[nodiscard]] static const Seen* in_region(const Version& version, const RegionId& region);
  [[nodiscard]] static bool is_ancestor(const Key& key, const std::string& version,
                                        const std::string& of);
  void forget(MonoTime now);

  JoinOptions options_;
  std::unordered_map<std::string, Key> keys_;
  std::deque<std::pair<MonoTime, std::string>> touched_;  // may name what was touched later again
  std::deque<Displacement> waiting_;
};

}  // namespace leeward::replica
