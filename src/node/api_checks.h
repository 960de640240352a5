// SPDX-License-Identifier: Apache-2.0
//
// The health checks of the Route 53 API, as the checker and the health tree want them. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "detect/health_tree.h"
#include "model/health_check.h"
#include "route53/catalog.h"

namespace leeward::node {

// Those that are probed, with the settings of their tags.
[[nodiscard]] std::vector<HealthCheck> probes_of(const route53::Catalog& catalog);

[[nodiscard]] std::map<HealthCheckId, detect::HealthNode> health_nodes_of(
    const route53::Catalog& catalog);

[[nodiscard]] std::vector<HealthCheckId> check_ids_of(const route53::Catalog& catalog);

// "panel/control" of a routing control's ARN; the text itself where it is none.
[[nodiscard]] std::string control_key(const std::string& arn);

}  // namespace leeward::node
