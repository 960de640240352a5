// SPDX-License-Identifier: Apache-2.0
//
// Hosted zones to master files and back, without loss.
//
// Simple record sets are ordinary lines (RFC 1035 section 5). What a master file has no words for
// - routing policies, health checks, aliases, values written otherwise than they would be read
// back - stands in comments that other programs pass over:
//
//   ;@leeward zone {"Id":"Z1","Name":"example.com."}
//   ;@leeward record {"Name":"www.example.com.","Type":"A","SetIdentifier":"eu","Weight":10,...}
//
// with the members that Route 53's API has (record_json.h). A record set from a comment goes before
// the ordinary lines of its name and type.
//
// Thread-safety: pure functions.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "dns/compile.h"
#include "model/record_table.h"

namespace leeward::dns {

// zone_import() of it gives an equal zone.
[[nodiscard]] std::string zone_export(const HostedZone& zone);

struct ImportedZone {
  HostedZone zone;  // without an id where the text names none
  // What a hosted zone cannot hold (DNSSEC records: they are made anew; types that Route 53 does
  // not have) and was left out, TTLs that were made equal.
  std::vector<std::string> notes;
};

// Of text that zone_export() wrote, or any zone file: BIND's, Knot's, NSD's. The zone's name is the
// one that the zone comment says, else the SOA record's owner. At most kProblemsMax problems.
[[nodiscard]] std::expected<ImportedZone, std::vector<Problem>> zone_import(const ZoneText& text);

}  // namespace leeward::dns
