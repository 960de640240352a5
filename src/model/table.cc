// SPDX-License-Identifier: Apache-2.0
#include "model/table.h"

#include <array>
#include <cstddef>
#include <utility>

#include "base/check.h"

namespace leeward {
namespace {

template <typename Enum, std::size_t kSize>
using Names = std::array<std::pair<Enum, std::string_view>, kSize>;

constexpr Names<KeyType, 3> kKeyTypes = {
    {{KeyType::kString, "S"}, {KeyType::kNumber, "N"}, {KeyType::kBinary, "B"}}};
constexpr Names<IndexScope, 2> kScopes = {
    {{IndexScope::kGlobal, "global"}, {IndexScope::kLocal, "local"}}};
constexpr Names<Projection, 3> kProjections = {{{Projection::kAll, "all"},
                                                {Projection::kKeysOnly, "keys-only"},
                                                {Projection::kInclude, "include"}}};
constexpr Names<Billing, 2> kBillings = {
    {{Billing::kOnDemand, "on-demand"}, {Billing::kProvisioned, "provisioned"}}};
constexpr Names<TableConsistency, 2> kConsistencies = {
    {{TableConsistency::kEventual, "eventual"}, {TableConsistency::kStrong, "strong"}}};
constexpr Names<GlobalTables, 3> kGlobalTables = {{{GlobalTables::kCurrent, "current"},
                                                   {GlobalTables::kLegacy, "legacy"},
                                                   {GlobalTables::kNone, "none"}}};

template <typename Enum, std::size_t kSize>
std::string_view name_in(const Names<Enum, kSize>& names, Enum value) {
  for (const auto& [entry, name] : names) {
    if (entry == value) {
      return name;
    }
  }
  check_failed("name_in", "an enumerator has no name in its table", __FILE__, __LINE__);
}

template <typename Enum, std::size_t kSize>
std::optional<Enum> value_in(const Names<Enum, kSize>& names, std::string_view text) {
  for (const auto& [value, name] : names) {
    if (name == text) {
      return value;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(KeyType type) {
  return name_in(kKeyTypes, type);
}
std::string_view to_string(IndexScope scope) {
  return name_in(kScopes, scope);
}
std::string_view to_string(Projection projection) {
  return name_in(kProjections, projection);
}
std::string_view to_string(Billing billing) {
  return name_in(kBillings, billing);
}
std::string_view to_string(TableConsistency consistency) {
  return name_in(kConsistencies, consistency);
}
std::string_view to_string(GlobalTables calls) {
  return name_in(kGlobalTables, calls);
}

std::optional<KeyType> parse_key_type(std::string_view text) {
  return value_in(kKeyTypes, text);
}
std::optional<IndexScope> parse_index_scope(std::string_view text) {
  return value_in(kScopes, text);
}
std::optional<Projection> parse_projection(std::string_view text) {
  return value_in(kProjections, text);
}
std::optional<Billing> parse_billing(std::string_view text) {
  return value_in(kBillings, text);
}
std::optional<TableConsistency> parse_table_consistency(std::string_view text) {
  return value_in(kConsistencies, text);
}
std::optional<GlobalTables> parse_global_tables(std::string_view text) {
  return value_in(kGlobalTables, text);
}

}  // namespace leeward
