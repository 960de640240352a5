// SPDX-License-Identifier: Apache-2.0
#include "node/api_checks.h"

#include <utility>

#include "controls/controls.h"
#include "route53/check_timing.h"

namespace leeward::node {

std::vector<HealthCheck> probes_of(const route53::Catalog& catalog) {
  std::vector<HealthCheck> probes;
  for (const auto& [id, entry] : catalog.health_checks) {
    const auto tags = catalog.tags.find({"healthcheck", id});
    if (auto probe =
            route53::probe_of(entry, tags == catalog.tags.end() ? route53::Tags() : tags->second)) {
      probes.push_back(*std::move(probe));
    }
  }
  return probes;
}

std::string control_key(const std::string& arn) {
  const auto id = controls::parse_member_id(arn);
  return id ? controls::to_string(*id) : arn;
}

std::map<HealthCheckId, detect::HealthNode> health_nodes_of(const route53::Catalog& catalog) {
  using Kind = detect::HealthNode::Kind;
  std::map<HealthCheckId, detect::HealthNode> nodes;
  for (const auto& [id, entry] : catalog.health_checks) {
    detect::HealthNode node;
    node.inverted = entry.inverted;
    node.disabled = entry.disabled;
    if (entry.type == "CALCULATED") {
      node.kind = Kind::kCalculated;
      node.threshold = entry.health_threshold.value_or(0);
      for (const std::string& child : entry.children) {
        node.children.emplace_back(child);
      }
    } else if (entry.type == "RECOVERY_CONTROL") {
      node.kind = Kind::kControl;
      node.control = control_key(entry.routing_control_arn);
    } else if (entry.type == "CLOUDWATCH_METRIC") {
      node.kind = Kind::kFixed;
      node.fixed =
          entry.insufficient_data_status == "Unhealthy" ? Health::kUnhealthy : Health::kHealthy;
    }
    nodes.emplace(HealthCheckId(id), std::move(node));
  }
  return nodes;
}

std::vector<HealthCheckId> check_ids_of(const route53::Catalog& catalog) {
  std::vector<HealthCheckId> ids;
  for (const auto& [id, entry] : catalog.health_checks) {
    ids.emplace_back(id);
  }
  return ids;
}

}  // namespace leeward::node
