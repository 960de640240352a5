// SPDX-License-Identifier: Apache-2.0
//
// Record sets of stories (scenario_test.cc), one a line:
//
//   NAME TYPE [option ...] [value ...]
//
//   www A id=eu weight=10 check=c1 192.0.2.1 192.0.2.2
//   @ A alias=www evaluate
//
// Options: ttl=60 (the default), id=, check=, weight=, region=, failover=primary|secondary,
// multivalue, geo=CONTINENT:EU|FR|US-CA|*, cidr=COLLECTION/LOCATION,
// near=REGION|LATITUDE,LONGITUDE, bias=, alias=NAME, evaluate. Names without trailing dot are
// relative to the zone. The first word that is no option begins the values: of A and AAAA one a
// word, of other types the rest is one.
#pragma once

#include <optional>
#include <string>

#include "model/resource_record_set.h"

namespace leeward::dns {

// nullopt: the line is none.
[[nodiscard]] std::optional<ResourceRecordSet> parse_story_record(const std::string& line,
                                                                  const std::string& zone);

}  // namespace leeward::dns
