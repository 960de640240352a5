// SPDX-License-Identifier: Apache-2.0
#include "detect/gray_watch.h"

#include <algorithm>

namespace leeward::detect {
namespace {

bool compares(const HealthCheck& check) {
  return !check.disabled && !check.inverted;
}

// What was counted since `seen`; all of it where the check began anew meanwhile, nothing where it
// is read for the first time.
GrayCounts since(const std::optional<GrayCounts>& seen, const GrayCounts& total) {
  if (!seen) {
    return {};
  }
  if (total.all < seen->all || total.bad < seen->bad) {
    return total;
  }
  return {.all = total.all - seen->all, .bad = total.bad - seen->bad};
}

}  // namespace

void GrayWatch::watch(std::span<const Application> applications, MonoTime now) {
  std::map<ApplicationId, Group> groups;
  places_.clear();
  for (const Application& application : applications) {
    const auto same = [](const ApplicationRegion& region, const Member& member) {
      return region.check == member.check;
    };
    const auto old = groups_.find(application.id);
    Group group;
    if (old != groups_.end() && std::ranges::equal(application.regions, old->second, same)) {
      group = std::move(old->second);
    } else {
      const bool alone = std::ranges::count_if(application.regions, [](const auto& region) {
                           return compares(region.check);
                         }) < 2;
      for (const ApplicationRegion& region : application.regions) {
        const GrayPolicy& policy = region.check.timing.gray;
        Member member{.check = region.check, .seen = std::nullopt, .lane = std::nullopt};
        if (!alone && compares(region.check) && policy.action != GrayAction::kNone) {
          member.lane.emplace(policy, now);
        }
        group.push_back(std::move(member));
      }
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      places_.insert_or_assign(group[i].check.id, std::pair(application.id, i));
    }
    groups.insert_or_assign(application.id, std::move(group));
  }
  groups_ = std::move(groups);
}

std::vector<HealthCheckId> GrayWatch::counted(
    std::span<const std::pair<HealthCheckId, GrayCounts>> totals, MonoTime now) {
  for (const auto& [id, total] : totals) {
    const auto place = places_.find(id);
    if (place == places_.end()) {
      continue;
    }
    Group& group = groups_.at(place->second.first);
    Member& member = group[place->second.second];
    const GrayCounts fresh = since(member.seen, total);
    member.seen = total;
    if (fresh.all == 0 || !compares(member.check)) {
      continue;
    }
    for (Member& each : group) {
      if (!each.lane) {
        continue;
      }
      if (&each == &member) {
        each.lane->region_counted(fresh, now);
      } else {
        each.lane->cohort_counted(fresh, now);
      }
    }
  }
  std::vector<HealthCheckId> changed;
  for (auto& [id, group] : groups_) {
    for (Member& member : group) {
      if (member.lane && member.lane->judge(now)) {
        changed.push_back(member.check.id);
      }
    }
  }
  return changed;
}

const GrayStatus* GrayWatch::status(const HealthCheckId& check) const {
  const auto place = places_.find(check);
  if (place == places_.end()) {
    return nullptr;
  }
  const Member& member = groups_.at(place->second.first)[place->second.second];
  return member.lane ? &member.lane->status() : nullptr;
}

}  // namespace leeward::detect
