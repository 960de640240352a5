// SPDX-License-Identifier: Apache-2.0
//
// One zone file -> its records. Syntax only; what a zone must and must not contain is compile.cc's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dns/compile.h"
#include "dns/name.h"

namespace leeward::dns {

struct ZoneRecord {
  Name owner;  // lower case
  std::uint16_t type = 0;
  std::uint32_t ttl = 0;  // 0 to 2^31 - 1 (RFC 2181 section 8)
  std::string rdata;      // wire form, names uncompressed
  int line = 0;           // 0: not from a file
};

// "example.test" for "zones/example.test.zone"; the root where the file's name is not a name.
[[nodiscard]] Name origin_from_file_name(const std::string& file_name);

// Every record that can be read; what cannot is appended to `problems`.
std::vector<ZoneRecord> parse_zone_text(const ZoneText& zone, std::vector<Problem>& problems);

}  // namespace leeward::dns
