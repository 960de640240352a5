// SPDX-License-Identifier: Apache-2.0
//
// The records of a zone file as Route 53's record sets, and the comments that carry what they
// cannot. Internal to zone_export.cc and zone_import.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dns/zone_text.h"
#include "model/resource_record_set.h"

namespace leeward::dns {

inline constexpr std::string_view kZoneComment = ";@leeward zone ";
inline constexpr std::string_view kRecordComment = ";@leeward record ";
inline constexpr std::string_view kAnyComment = ";@leeward";

// Records of the same name and type become one set, with the least of their TTLs. In order of their
// first records.
[[nodiscard]] std::vector<ResourceRecordSet> to_record_sets(const std::vector<ZoneRecord>& records,
                                                            const std::string& file_name,
                                                            std::vector<std::string>& notes);

}  // namespace leeward::dns
