// SPDX-License-Identifier: Apache-2.0
//
// What a DynamoDB table and its replicas should be, as `tables:` of leeward.yaml says it. Names of
// choices are DynamoDB's where it has them (S, N, B).
//
// Thread-safety: values; pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"

namespace leeward {

enum class KeyType : std::uint8_t { kString, kNumber, kBinary };

struct KeyAttribute {
  std::string name;  // 1 to 255 bytes
  KeyType type = KeyType::kString;

  friend bool operator==(const KeyAttribute&, const KeyAttribute&) = default;
};

struct TableKey {
  KeyAttribute hash;
  std::optional<KeyAttribute> range;

  friend bool operator==(const TableKey&, const TableKey&) = default;
};

enum class IndexScope : std::uint8_t { kGlobal, kLocal };
enum class Projection : std::uint8_t { kAll, kKeysOnly, kInclude };

struct TableIndex {
  std::string name;  // 3 to 255 of A-Z a-z 0-9 . _ -
  IndexScope scope = IndexScope::kGlobal;
  TableKey key;  // kLocal: the hash is the table's
  Projection projection = Projection::kAll;
  std::vector<std::string> include;  // kInclude: besides the keys

  friend bool operator==(const TableIndex&, const TableIndex&) = default;
};

enum class Billing : std::uint8_t { kOnDemand, kProvisioned };

enum class TableConsistency : std::uint8_t {
  kEventual,  // last writer wins, in every region (MREC)
  kStrong,    // three regions, or two and a witness; one region set (MRSC)
};

// Which calls make one table out of the regions' tables.
enum class GlobalTables : std::uint8_t {
  kCurrent,  // UpdateTable with ReplicaUpdates, version 2019.11.21
  kLegacy,   // CreateGlobalTable, version 2017.11.29: only where an endpoint still has it
  kNone,     // the store has no global tables: a table per region, something else replicates
};

[[nodiscard]] std::string_view to_string(KeyType type);                  // "S"
[[nodiscard]] std::string_view to_string(IndexScope scope);              // "global"
[[nodiscard]] std::string_view to_string(Projection projection);         // "keys-only"
[[nodiscard]] std::string_view to_string(Billing billing);               // "on-demand"
[[nodiscard]] std::string_view to_string(TableConsistency consistency);  // "eventual"
[[nodiscard]] std::string_view to_string(GlobalTables calls);            // "current"
[[nodiscard]] std::optional<KeyType> parse_key_type(std::string_view text);
[[nodiscard]] std::optional<IndexScope> parse_index_scope(std::string_view text);
[[nodiscard]] std::optional<Projection> parse_projection(std::string_view text);
[[nodiscard]] std::optional<Billing> parse_billing(std::string_view text);
[[nodiscard]] std::optional<TableConsistency> parse_table_consistency(std::string_view text);
[[nodiscard]] std::optional<GlobalTables> parse_global_tables(std::string_view text);

struct TableSpec {
  std::string name;
  TableKey key;
  std::vector<TableIndex> indexes;
  std::string ttl_attribute;  // empty: items do not expire
  Billing billing = Billing::kOnDemand;
  std::int64_t read_units = 5;  // kProvisioned: of the table and of each global index
  std::int64_t write_units = 5;
  std::vector<RegionId> replicas;  // the first one is where a new table is made
  TableConsistency consistency = TableConsistency::kEventual;
  std::string witness;  // kStrong with two replicas: a DynamoDB region, "eu-central-1"
  bool deletion_protection = false;
  GlobalTables global_tables = GlobalTables::kCurrent;

  friend bool operator==(const TableSpec&, const TableSpec&) = default;
};

}  // namespace leeward
