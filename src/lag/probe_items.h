// SPDX-License-Identifier: Apache-2.0
//
// The items that heartbeats and drain barriers are made of: ordinary items of the application's own
// table, under keys that no application uses, with one attribute
//
//     _hb: {M: {seq: {N}, from: {S: region} [, barrier: {BOOL: true}]}}
//
// Leeward's gateway hides them from queries and scans; its replicator carries a barrier only after
// everything before it.
//
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.h"
#include "model/ids.h"

namespace leeward::lag {

inline constexpr const char* kProbeAttribute = "_hb";

struct KeyAttribute {
  std::string name;
  char type = 'S';  // 'S', 'N' or 'B'
};

// Hash key, then range key, of a DescribeTable answer. kDataCorrupt where it says none.
Result<std::vector<KeyAttribute>> key_schema_of(const boost::json::value& described);

enum class ProbeKind : std::uint8_t { kHeartbeat, kBarrier };

// The item's key: `lane` and `from` make it one of its own.
[[nodiscard]] boost::json::object probe_key(const std::vector<KeyAttribute>& schema, ProbeKind kind,
                                            const RegionId& from, int lane);
[[nodiscard]] boost::json::object probe_item(const std::vector<KeyAttribute>& schema,
                                             ProbeKind kind, const RegionId& from, int lane,
                                             std::uint64_t sequence);
// Of a GetItem answer; nullopt: no item, or none of ours.
[[nodiscard]] std::optional<std::uint64_t> sequence_of(const boost::json::value& answer);

}  // namespace leeward::lag
