// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tables/plan.h"

namespace leeward::tables {
namespace {

// Amazon's region sets for strong consistency.
constexpr std::array<std::array<std::string_view, 4>, 3> kStrongSets = {{
    {"us-east-1", "us-east-2", "us-west-2", ""},
    {"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"},
    {"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", ""},
}};

}  // namespace

std::vector<std::string> check_strong(const TableSpec& spec,
                                      std::span<const ObservedRegion> regions) {
  std::vector<std::string> problems;
  if (spec.consistency != TableConsistency::kStrong) {
    return problems;
  }
  if (spec.global_tables != GlobalTables::kCurrent) {
    problems.emplace_back("strong consistency needs 'global_tables: current'");
  }
  std::vector<std::string> names;
  for (const ObservedRegion& region : regions) {
    names.push_back(region.dynamodb_region);
  }
  if (!spec.witness.empty()) {
    if (std::ranges::find(names, spec.witness) != names.end()) {
      problems.push_back(fmt::format("the witness {} is also a replica", spec.witness));
    }
    names.push_back(spec.witness);
  }
  if (names.size() != 3 || regions.size() < 2) {
    problems.push_back(
        fmt::format("strong consistency takes exactly three replicas, or two and a witness; here "
                    "are {} replicas and {} witness",
                    regions.size(), spec.witness.empty() ? "no" : "one"));
  }
  const auto holds_all = [&](const auto& set) {
    return std::ranges::all_of(names, [&](const std::string& name) {
      return !name.empty() && std::ranges::find(set, name) != set.end();
    });
  };
  if (std::ranges::none_of(kStrongSets, holds_all)) {
    problems.push_back(fmt::format(
        "strong consistency takes regions of one set: us-east-1, us-east-2, us-west-2; or "
        "eu-west-1, eu-west-2, eu-west-3, eu-central-1; or ap-northeast-1, -2, -3; here: {}",
        fmt::join(names, ", ")));
  }
  if (!spec.ttl_attribute.empty()) {
    problems.emplace_back("strong consistency does without TTL: remove 'ttl'");
  }
  if (std::ranges::any_of(spec.indexes, [](const TableIndex& index) {
        return index.scope == IndexScope::kLocal;
      })) {
    problems.emplace_back("strong consistency does without local indexes: make them global");
  }
  return problems;
}

}  // namespace leeward::tables
