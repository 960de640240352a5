// SPDX-License-Identifier: Apache-2.0
//
// <ResourceRecordSet> in both directions. Reading checks form and bounds (InvalidInput); what the
// members mean together is record_rules.h's.
#pragma once

#include <expected>

#include "model/resource_record_set.h"
#include "route53/api_error.h"
#include "route53/xml.h"

namespace leeward::route53 {

std::expected<ResourceRecordSet, ApiError> read_record(pugi::xml_node node);
void write_record(XmlWriter& xml, const ResourceRecordSet& set);

}  // namespace leeward::route53
