// SPDX-License-Identifier: Apache-2.0
//
// Zone files and applications -> tables. All or nothing: either every zone compiles, or the caller
// keeps its old tables and shows the problems.
//
// Zone text: RFC 1035 section 5 master files, parsed with ldns; $ORIGIN and $TTL (RFC 2308) are
// understood, $INCLUDE and $GENERATE refused. The zone's name is the owner of its SOA record; until
// $ORIGIN is given, relative names are relative to the file's name without ".zone" ("db." before
// and ".db" or ".txt" after it are dropped, too).
//
// Applications: a hostname inside a loaded zone becomes record sets there; a hostname in no zone
// becomes a zone of its own, with SOA and NS made up.
#pragma once

#include <expected>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "dns/name.h"
#include "dns/signing.h"
#include "dns/tables.h"
#include "model/application.h"
#include "model/record_table.h"
#include "routing/board_layout.h"
#include "routing/latency_text.h"
#include "routing/location.h"

namespace leeward::dns {

// `file_name` is for messages and for the initial origin; nothing is opened.
struct ZoneText {
  std::string file_name;
  std::string text;
};

struct Settings {
  // NS names of the zones made from applications, absolute; empty: ns1.<zone>.
  std::vector<std::string> name_servers;
  // Where this server can be reached: addresses of name servers that lie inside such a zone. IPv4
  // and IPv6; unspecified ones (0.0.0.0, ::) are ignored.
  std::vector<std::string> server_addresses;
  // version.bind and version.server, class CHAOS; empty: refused. At most 255 bytes.
  std::string version;
};

// What routing by distance and latency goes by.
struct Geography {
  // Of regions that routing/regions.h does not know, or knows elsewhere; by name.
  std::map<std::string, routing::GeoPoint, std::less<>> regions;
  routing::LatencyMeasurements latencies;
};

struct CompileInput {
  std::vector<ZoneText> zones;
  std::vector<Application> applications;
  routing::BoardLayout layout;  // of the same applications, and of the hosted zones' health checks
  Settings settings;
  // Zones of the API. One whose name a zone above has is left out, and so is what is wrong in them;
  // Tables::notes() tell.
  std::vector<HostedZone> hosted_zones{};
  std::vector<CidrCollection> cidr_collections{};
  Geography geography{};
  // Zones to sign, by apex in lower case. DNSSEC records in their texts are replaced.
  std::map<Name, ZoneSigning> signing{};
};

// What is wrong and where. For an application, `file` is "applications.shop" and `line` 0.
struct Problem {
  std::string file;
  int line = 0;  // from 1; 0: the whole file
  std::string message;

  friend bool operator==(const Problem&, const Problem&) = default;
};

// "example.zone:12: ..."
[[nodiscard]] std::string format_problem(const Problem& problem);

// At most kProblemsMax problems, in order of input.
inline constexpr std::size_t kProblemsMax = 100;
[[nodiscard]] std::expected<Tables, std::vector<Problem>> compile(const CompileInput& input);

}  // namespace leeward::dns
