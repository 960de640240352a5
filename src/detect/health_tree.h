// SPDX-License-Identifier: Apache-2.0
//
// Health of checks that depend on other things than a probe of their own: calculated ones on their
// children, recovery-control ones on a routing control; and what inverting and disabling make of
// any of them. Route 53's rules ("How Amazon Route 53 determines whether a health check is
// healthy", developer guide), with these words made exact:
//   - A probed check without data is healthy; an inverted one unhealthy.
//   - A calculated check is healthy when at least `threshold` children are; 0: always; more than it
//     has children: never.
//   - A disabled check counts as healthy, and an inverted one as unhealthy.
//   - A recovery-control check is healthy while its control is on; one whose control is not there
//     keeps nobody away: healthy.
//   - A fixed check has the status that it is given (metrics that nobody measures here).
//
// Thread-safety: none; pure, no clock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/health.h"
#include "model/ids.h"

namespace leeward::detect {

struct HealthNode {
  enum class Kind : std::uint8_t { kProbed, kCalculated, kControl, kFixed };
  Kind kind = Kind::kProbed;
  int threshold = 0;                    // of kCalculated
  std::vector<HealthCheckId> children;  // of kCalculated; unknown ids count as healthy
  std::string control;                  // of kControl: what set_control() names
  Health fixed = Health::kHealthy;      // of kFixed
  bool inverted = false;
  bool disabled = false;

  friend bool operator==(const HealthNode&, const HealthNode&) = default;
};

class HealthTree {
 public:
  // Keeps what is known of probes and controls that are still there. REQUIRES: children do not lead
  // in circles (the API refuses them).
  void define(std::map<HealthCheckId, HealthNode> nodes);

  // What a probe or a control says now. Returns every check whose health changed by it.
  std::vector<HealthCheckId> set_probe(const HealthCheckId& check, Health health);
  std::vector<HealthCheckId> set_control(const std::string& control, std::optional<bool> on);

  // kHealthy or kUnhealthy; of an unknown check kHealthy.
  [[nodiscard]] Health health(const HealthCheckId& check) const;
  // What the probe itself said, before inverting; kUnknown without data.
  [[nodiscard]] Health probed(const HealthCheckId& check) const;

 private:
  [[nodiscard]] Health computed(const HealthNode& node, const HealthCheckId& id) const;
  void refresh(const HealthCheckId& check, std::vector<HealthCheckId>& changed);

  std::map<HealthCheckId, HealthNode> nodes_;
  std::map<HealthCheckId, std::set<HealthCheckId>> parents_;
  std::map<std::string, std::set<HealthCheckId>> followers_;  // of controls
  std::map<HealthCheckId, Health> probes_;
  std::map<std::string, bool> controls_;
  std::map<HealthCheckId, Health> healths_;
};

}  // namespace leeward::detect
