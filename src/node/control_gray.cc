// SPDX-License-Identifier: Apache-2.0
//
// What the control loop makes of gray regions: it says so, and where the config asks for it they
// count as unhealthy.
#include <utility>

#include "node/control.h"
#include "probe/clock.h"

namespace leeward::node {

void Control::gray_counted(std::span<const std::pair<HealthCheckId, detect::GrayCounts>> totals) {
  const MonoTime now = probe::mono_now();
  std::set<HealthCheckId> stale = held_gray_;  // a reload may have ended what held them
  for (const HealthCheckId& check : gray_.counted(totals, now)) {
    announce_gray(check, *place_of(check), *gray_.status(check));
    stale.insert(check);
  }
  for (const HealthCheckId& check : stale) {
    const Place place = *place_of(check);
    const GrayStatus* gray = gray_.status(check);
    const bool holds =
        gray != nullptr && gray->suspect &&
        place.application->regions[place.region].check.timing.gray.action == GrayAction::kUnhealthy;
    if (holds == held_gray_.contains(check)) {
      continue;
    }
    // A saved health that no probe has contradicted came without a verdict.
    const HealthStatus& status = statuses_.at(check);
    verdicts_.try_emplace(check, Verdict{.health = status.health,
                                         .since = status.since,
                                         .suspect = false,
                                         .time_to_flip = {},
                                         .evidence = {}});
    use_verdict(check, place);
  }
}

// Only a healthy region is made unhealthy; where the probes alone say worse, they are the reason.
Verdict Control::with_gray(const HealthCheckId& check, const Place& place, Verdict verdict) {
  held_gray_.erase(check);
  const GrayStatus* gray = gray_.status(check);
  const GrayPolicy& policy = place.application->regions[place.region].check.timing.gray;
  if (policy.action == GrayAction::kUnhealthy && gray != nullptr && gray->suspect &&
      verdict.health == Health::kHealthy) {
    verdict.health = Health::kUnhealthy;
    verdict.since = gray->since;
    verdict.evidence.reason = "gray: " + gray->reason;
    held_gray_.insert(check);
  }
  return verdict;
}

void Control::announce_gray(const HealthCheckId& check, const Place& place,
                            const GrayStatus& status) {
  with_.events.publish(admin::GrayEvent{check, place.application->id,
                                        place.application->regions[place.region].region, status},
                       {probe::mono_now(), probe::wall_now()});
  with_.log.write(status.suspect ? config::LogLevel::kWarning : config::LogLevel::kInfo, "gray",
                  {{"check", check.str()},
                   {"is", status.suspect ? "gray" : "not gray"},
                   {"reason", status.reason}});
}

}  // namespace leeward::node
