// SPDX-License-Identifier: Apache-2.0
//
// A hosted zone of the API as a zone draft. The API checks what users send; what gets here and is
// wrong all the same is left out with a note, because no zone may keep the others from being
// answered.
#pragma once

#include <optional>

#include "dns/zone_draft.h"
#include "model/record_table.h"

namespace leeward::dns {

// nullopt: no zone can be made of it (its name is no name, it has no SOA); a note says so.
std::optional<ZoneDraft> draft_hosted_zone(const HostedZone& zone, Findings& findings);

}  // namespace leeward::dns
