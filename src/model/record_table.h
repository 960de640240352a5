// SPDX-License-Identifier: Apache-2.0
//
// The record sets of one hosted zone in Route 53's order: by name with its labels reversed, then
// type, then set identifier. A persistent sorted array: a copy costs a few pointers per thousand
// record sets and shares everything, so that a zone of a million can be handed to the compiler's
// thread while the API goes on changing it; a change copies one block.
//
// Thread-safety: a value; copies may be used from different threads.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "model/resource_record_set.h"

namespace leeward {

// "www.example.com." -> "com.example.www."; escapes stay as they are. What the order is by.
[[nodiscard]] std::string reversed_labels(std::string_view name);

struct RecordKey {
  std::string reversed_name;
  std::string type;
  std::string set_identifier;

  [[nodiscard]] static RecordKey of(const ResourceRecordSet& set);
  [[nodiscard]] static RecordKey of(std::string_view name, std::string_view type = {},
                                    std::string_view set_identifier = {});

  friend auto operator<=>(const RecordKey&, const RecordKey&) = default;
};

class RecordTable {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  // nullptr: none. Valid as long as this table, or a copy of it, holds the record set.
  [[nodiscard]] const ResourceRecordSet* find(const RecordKey& key) const;

  void insert_or_assign(ResourceRecordSet set);
  // False: there was none.
  bool erase(const RecordKey& key);

  // In order, from the first that is not before `from`, until `visit` returns false.
  void visit_from(const RecordKey& from,
                  const std::function<bool(const ResourceRecordSet&)>& visit) const;
  void visit_all(const std::function<bool(const ResourceRecordSet&)>& visit) const {
    visit_from({}, visit);
  }

 private:
  using KeyView = std::tuple<std::string_view, std::string_view, std::string_view>;
  [[nodiscard]] static KeyView view_of(const RecordKey& key) {
    return {key.reversed_name, key.type, key.set_identifier};
  }
  struct Entry {
    std::string reversed_name;  // the rest of its key is in the set
    ResourceRecordSet set;

    [[nodiscard]] KeyView key() const { return {reversed_name, set.type, set.set_identifier}; }
  };
  using Block = std::vector<std::shared_ptr<const Entry>>;  // sorted, never empty
  static constexpr std::size_t kBlockMax = 512;

  // The block that holds `key` or would; 0 of an empty table.
  [[nodiscard]] std::size_t block_of(const KeyView& key) const;
  template <typename AnyBlock>
  [[nodiscard]] static auto position_of(AnyBlock& block, const KeyView& key) {
    return std::ranges::lower_bound(block, key, {}, [](const auto& entry) { return entry->key(); });
  }

  // That block, for changing: copied first where another table shares it.
  Block& own(std::size_t index);

  std::vector<std::shared_ptr<Block>> blocks_;
  std::size_t size_ = 0;
};

// What DNS has to know of a hosted zone.
struct HostedZone {
  std::string id;    // "Z…"
  std::string name;  // as ResourceRecordSet::name
  RecordTable records;
};

// Named blocks of client addresses, for IP-based routing (Route 53 "CidrCollection").
struct CidrCollection {
  struct Location {
    std::string name;
    std::vector<std::string> blocks;  // "192.0.2.0/24", "2001:db8::/32"

    friend bool operator==(const Location&, const Location&) = default;
  };

  std::string id;
  std::string name;
  std::vector<Location> locations;

  friend bool operator==(const CidrCollection&, const CidrCollection&) = default;
};

}  // namespace leeward
