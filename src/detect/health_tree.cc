// SPDX-License-Identifier: Apache-2.0
#include "detect/health_tree.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace leeward::detect {

void HealthTree::define(std::map<HealthCheckId, HealthNode> nodes) {
  nodes_ = std::move(nodes);
  parents_.clear();
  followers_.clear();
  healths_.clear();
  std::erase_if(probes_, [&](const auto& each) { return !nodes_.contains(each.first); });
  for (const auto& [id, node] : nodes_) {
    for (const HealthCheckId& child : node.children) {
      parents_[child].insert(id);
    }
    if (node.kind == HealthNode::Kind::kControl) {
      followers_[node.control].insert(id);
    }
  }
  // Children before parents, each once.
  const std::function<void(const HealthCheckId&)> visit = [&](const HealthCheckId& id) {
    const auto node = nodes_.find(id);
    if (node == nodes_.end() || healths_.contains(id)) {
      return;
    }
    healths_[id] = Health::kHealthy;  // ends a circle, should there be one after all
    for (const HealthCheckId& child : node->second.children) {
      visit(child);
    }
    healths_[id] = computed(node->second, id);
  };
  for (const auto& [id, node] : nodes_) {
    visit(id);
  }
}

Health HealthTree::computed(const HealthNode& node, const HealthCheckId& id) const {
  const bool healthy = [&] {
    if (node.disabled) {
      return true;
    }
    switch (node.kind) {
      case HealthNode::Kind::kProbed:
        return probed(id) != Health::kUnhealthy;
      case HealthNode::Kind::kCalculated:
        return std::ranges::count_if(node.children, [&](const HealthCheckId& child) {
                 return health(child) == Health::kHealthy;
               }) >= node.threshold;
      case HealthNode::Kind::kControl: {
        const auto found = controls_.find(node.control);
        return found == controls_.end() || found->second;
      }
      case HealthNode::Kind::kFixed:
        return node.fixed != Health::kUnhealthy;
    }
    return true;
  }();
  return healthy != node.inverted ? Health::kHealthy : Health::kUnhealthy;
}

Health HealthTree::health(const HealthCheckId& check) const {
  const auto found = healths_.find(check);
  return found == healths_.end() ? Health::kHealthy : found->second;
}

Health HealthTree::probed(const HealthCheckId& check) const {
  const auto found = probes_.find(check);
  return found == probes_.end() ? Health::kUnknown : found->second;
}

void HealthTree::refresh(const HealthCheckId& check, std::vector<HealthCheckId>& changed) {
  const auto node = nodes_.find(check);
  if (node == nodes_.end()) {
    return;
  }
  const Health now = computed(node->second, check);
  Health& before = healths_[check];
  if (now == before) {
    return;
  }
  before = now;
  changed.push_back(check);
  if (const auto parents = parents_.find(check); parents != parents_.end()) {
    for (const HealthCheckId& parent : parents->second) {
      refresh(parent, changed);
    }
  }
}

std::vector<HealthCheckId> HealthTree::set_probe(const HealthCheckId& check, Health health) {
  std::vector<HealthCheckId> changed;
  probes_[check] = health;
  refresh(check, changed);
  return changed;
}

std::vector<HealthCheckId> HealthTree::set_control(const std::string& control,
                                                   std::optional<bool> on) {
  if (on) {
    controls_[control] = *on;
  } else {
    controls_.erase(control);
  }
  std::vector<HealthCheckId> changed;
  if (const auto followers = followers_.find(control); followers != followers_.end()) {
    for (const HealthCheckId& check : followers->second) {
      refresh(check, changed);
    }
  }
  return changed;
}

}  // namespace leeward::detect
