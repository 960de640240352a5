// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/named.h"

namespace leeward {

using RegionId = Named<struct RegionIdTag>;            // "GRA11"
using ApplicationId = Named<struct ApplicationIdTag>;  // "shop"
using HealthCheckId = Named<struct HealthCheckIdTag>;  // "shop/GRA11"; derived by config
using NodeId = Named<struct NodeIdTag>;                // "gra-1"; a node is a vantage point

// Fencing token: which assignment a writer acts under. Starts at 1, only grows.
using Epoch = std::uint64_t;

}  // namespace leeward
