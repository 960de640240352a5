// SPDX-License-Identifier: Apache-2.0
//
// Application hostnames -> names in zones. Internal to compile().
#pragma once

#include <span>
#include <vector>

#include "dns/compile.h"
#include "dns/zone_draft.h"

namespace leeward::dns {

// Adds each hostname to the zone that it lies in, or makes a zone for it. Hostnames of fewer labels
// go first, so that one application's zone can hold another's hostname whatever their order.
void add_applications(const CompileInput& input, std::vector<ZoneDraft>& zones, Findings& findings);

// "applications.shop"
[[nodiscard]] std::string application_source(const Application& application);

}  // namespace leeward::dns
