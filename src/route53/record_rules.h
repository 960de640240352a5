// SPDX-License-Identifier: Apache-2.0
//
// What makes a record set good, alone and among the others of its zone. Each rule that is broken is
// one message, worded as Route 53 words it where its words are known.
//
// Thread-safety: pure functions.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "route53/catalog.h"

namespace leeward::route53 {

// By itself: type and values, TTL or alias, routing policy, identifier, health check and
// collection.
void check_record(const Catalog& catalog, const ZoneEntry& zone, const ResourceRecordSet& set,
                  std::vector<std::string>& messages);

// The names that a batch touched, as the zone would be after it: one policy per name and type, a
// CNAME alone, SOA and NS of the zone still there, aliases that lead somewhere and not in circles.
// `after` is the zone's record table then.
void check_names(const Catalog& catalog, const ZoneEntry& zone, const RecordTable& after,
                 const std::set<std::string>& names, std::vector<std::string>& messages);

}  // namespace leeward::route53
