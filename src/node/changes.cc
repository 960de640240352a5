// SPDX-License-Identifier: Apache-2.0
#include "node/changes.h"

#include <algorithm>

#include <fmt/format.h>

namespace leeward::node {
namespace {

// "application shop: added", "application shop: removed", "application shop: changed".
template <typename Items>
void compare_items(const char* kind, const Items& before, const Items& after,
                   std::vector<std::string>& changes) {
  for (const auto& item : after) {
    const auto old = std::ranges::find(before, item.id, [](const auto& each) { return each.id; });
    if (old == before.end()) {
      changes.push_back(fmt::format("{} {}: added", kind, item.id));
    } else if (!(*old == item)) {
      changes.push_back(fmt::format("{} {}: changed", kind, item.id));
    }
  }
  for (const auto& item : before) {
    if (std::ranges::find(after, item.id, [](const auto& each) { return each.id; }) ==
        after.end()) {
      changes.push_back(fmt::format("{} {}: removed", kind, item.id));
    }
  }
}

}  // namespace

std::vector<std::string> describe_changes(const config::Config& before,
                                          const config::Config& after) {
  std::vector<std::string> changes;
  compare_items("region", before.regions, after.regions, changes);
  compare_items("application", before.applications, after.applications, changes);
  if (!(before.dns == after.dns)) {
    changes.emplace_back("dns: changed");
  }
  if (!(before.api == after.api)) {
    changes.emplace_back("api: changed");
  }
  return changes;
}

std::optional<std::string> fixed_while_running(const config::Config& before,
                                               const config::Config& after) {
  const auto refuse = [](const char* key) {
    return fmt::format(
        "{} cannot change while the daemon runs; restart it, or put the old value back", key);
  };
  if (!(before.node == after.node)) {
    return refuse("node");
  }
  if (!(before.state == after.state)) {
    return refuse("state");
  }
  if (before.dns.listen != after.dns.listen || before.dns.workers != after.dns.workers) {
    return refuse("dns.listen or dns.workers");
  }
  if (!(before.api.listen == after.api.listen)) {
    return refuse("api.listen");
  }
  if (!(before.log == after.log)) {
    return refuse("log");
  }
  return std::nullopt;
}

}  // namespace leeward::node
