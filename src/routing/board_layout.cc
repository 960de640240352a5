// SPDX-License-Identifier: Apache-2.0
#include "routing/board_layout.h"

namespace leeward::routing {
namespace {

template <typename Id>
std::optional<BoardSlot> find(const std::map<Id, BoardSlot>& slots, const Id& id) {
  const auto found = slots.find(id);
  if (found == slots.end()) {
    return std::nullopt;
  }
  return found->second;
}

}  // namespace

BoardLayout::BoardLayout(std::span<const Application> applications,
                         std::span<const HealthCheckId> more_checks) {
  // An id that occurs twice (config refuses it) keeps its first word.
  for (const Application& application : applications) {
    if (applications_.try_emplace(application.id, static_cast<BoardSlot>(names_.size())).second) {
      names_.push_back("application " + application.id.str());
    }
    for (const ApplicationRegion& region : application.regions) {
      if (checks_.try_emplace(region.check.id, static_cast<BoardSlot>(names_.size())).second) {
        names_.push_back("check " + region.check.id.str());
      }
    }
  }
  for (const HealthCheckId& check : more_checks) {
    if (checks_.try_emplace(check, static_cast<BoardSlot>(names_.size())).second) {
      names_.push_back("check " + check.str());
    }
  }
}

std::optional<BoardSlot> BoardLayout::application(const ApplicationId& id) const {
  return find(applications_, id);
}

std::optional<BoardSlot> BoardLayout::check(const HealthCheckId& id) const {
  return find(checks_, id);
}

}  // namespace leeward::routing
