// SPDX-License-Identifier: Apache-2.0
//
// A gray lane for every region of every application: the region's probes against those of the
// application's other regions at the same time. Regions whose check is disabled or inverted, or
// says `gray: { action: none }`, are not judged, and disabled and inverted ones are nobody's
// measure. Where an application has only one region there is nothing to compare with.
//
// Thread-safety: none; one owner. Time never decreases between calls.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/time.h"
#include "detect/gray.h"
#include "model/application.h"
#include "model/ids.h"

namespace leeward::detect {

class GrayWatch {
 public:
  // From now on these. Applications whose checks are the same as before keep what they learned.
  void watch(std::span<const Application> applications, MonoTime now);

  // The checks' counts since each began, sorted or not; call about every second. A check that
  // began anew counts from 0. Returns the checks whose suspicion began or ended.
  std::vector<HealthCheckId> counted(std::span<const std::pair<HealthCheckId, GrayCounts>> totals,
                                     MonoTime now);

  // nullptr: it is not judged.
  [[nodiscard]] const GrayStatus* status(const HealthCheckId& check) const;

 private:
  struct Member {
    HealthCheck check;
    std::optional<GrayCounts> seen;  // its totals when they were last read
    std::optional<GrayLane> lane;    // none: not judged
  };
  using Group = std::vector<Member>;  // of one application

  std::map<ApplicationId, Group> groups_;
  std::map<HealthCheckId, std::pair<ApplicationId, std::size_t>> places_;
};

}  // namespace leeward::detect
