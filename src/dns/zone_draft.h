// SPDX-License-Identifier: Apache-2.0
//
// Zones while they are being compiled: names, record sets, and the checks that make them sound.
// Internal to compile().
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/compile.h"
#include "dns/name.h"
#include "dns/zone_text.h"
#include "model/resource_record_set.h"
#include "routing/policy.h"

namespace leeward::dns {

// An RRset of a zone file.
struct SetDraft {
  std::uint16_t type = 0;
  std::uint32_t ttl = 0;
  int line = 0;  // of its first record; 0: made up
  std::vector<std::string> rdatas;
};

// A record set of several members, of which a policy chooses; or one whose health counts, or an
// alias.
struct GroupDraft {
  struct Member {
    const ResourceRecordSet* set = nullptr;  // the hosted zone's own
    std::vector<std::string> rdatas;         // none of an alias
  };

  std::uint16_t type = 0;
  routing::PolicyKind kind = routing::PolicyKind::kSimple;
  std::vector<Member> members;  // of failover: the primary first
};

struct NodeDraft {
  std::vector<SetDraft> sets;
  std::vector<GroupDraft> groups;
  std::optional<std::uint32_t> application;  // index: its sets of addresses answer here, too

  [[nodiscard]] const SetDraft* find(std::uint16_t type) const;
};

struct ZoneDraft {
  Name apex;
  std::string source;  // file name, or "applications.shop"
  bool from_application = false;
  bool is_broken = false;           // records are missing: checking the whole would only add noise
  std::map<Name, NodeDraft> nodes;  // lower case; every name between a node and the apex is there
  bool is_hosted = false;           // of the API: what is wrong in it is left out with a note

  [[nodiscard]] const NodeDraft* find(const Name& name) const;
  // Makes the node and the empty non-terminals above it. REQUIRES: name is within apex.
  NodeDraft& node_at(const Name& name);
  // The topmost delegation at or above `name`, below the apex.
  [[nodiscard]] std::optional<Name> cut_above(const Name& name) const;
};

struct Findings {
  std::vector<Problem> problems;
  std::vector<std::string> notes;

  void problem(const std::string& file, int line, std::string message);
  void note(const std::string& file, int line, const std::string& message);
};

// nullopt: not even a zone (no SOA); findings say so.
std::optional<ZoneDraft> draft_zone(const ZoneText& text, Findings& findings);

// What holds for the zone as a whole, once application hostnames are in: CNAME, DNAME, NS, glue.
void check_zone(const ZoneDraft& zone, Findings& findings);

}  // namespace leeward::dns
