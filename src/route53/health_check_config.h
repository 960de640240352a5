// SPDX-License-Identifier: Apache-2.0
//
// <HealthCheckConfig>: read, checked, written.
#pragma once

#include <expected>

#include "route53/call.h"

namespace leeward::route53 {

void write_health_check(XmlWriter& xml, const HealthCheckEntry& entry);  // <HealthCheck>

// Form and bounds of single members.
std::expected<void, ApiError> read_config(pugi::xml_node config, HealthCheckEntry& entry);
// UpdateHealthCheckRequest: the members that are there, after ResetElements.
std::expected<void, ApiError> update_config(pugi::xml_node request, HealthCheckEntry& entry);

// What the type needs and forbids; children that exist and do not lead back.
std::expected<void, ApiError> check_config(const Call& call, const HealthCheckEntry& entry);

}  // namespace leeward::route53
