// SPDX-License-Identifier: Apache-2.0
#include "dns/zone_draft.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "dns/protocol.h"
#include "dns/rdata.h"

namespace leeward::dns {
namespace {

constexpr std::size_t kNotesMax = 1000;
// An answer has at most 65,535 bytes; its question, SOA and OPT take a share.
constexpr std::size_t kSetBytesMax = 64'000;
constexpr std::size_t kRenderedHeaderBytes = 12;
constexpr std::size_t kSetRecordsMax = kSetBytesMax / kRenderedHeaderBytes;
// Far above what anybody needs, low enough to search one by one.
constexpr std::size_t kTypesPerNameMax = 200;

std::optional<Name> find_apex(const ZoneText& text, const std::vector<ZoneRecord>& records,
                              Findings& findings) {
  std::optional<Name> apex;
  int first_line = 0;
  for (const ZoneRecord& record : records) {
    if (record.type != type::kSoa) {
      continue;
    }
    if (!apex) {
      apex = record.owner;
      first_line = record.line;
    } else {
      findings.problem(
          text.file_name, record.line,
          fmt::format("second SOA record; a zone has one, which is on line {}", first_line));
    }
  }
  if (!apex) {
    findings.problem(text.file_name, 0, "no SOA record: a zone file needs one, at its apex");
  }
  return apex;
}

void add_record(const ZoneText& text, ZoneRecord record, ZoneDraft& zone, Findings& findings) {
  NodeDraft& node = zone.node_at(record.owner);
  const auto found = std::ranges::find(node.sets, record.type, &SetDraft::type);
  if (found == node.sets.end() && node.sets.size() >= kTypesPerNameMax) {
    findings.problem(
        text.file_name, record.line,
        fmt::format("{} has records of more than {} types", record.owner.text(), kTypesPerNameMax));
    return;
  }
  if (found == node.sets.end()) {
    node.sets.push_back({record.type, record.ttl, record.line, {std::move(record.rdata)}});
    return;
  }
  if (found->ttl != record.ttl) {
    found->ttl = std::min(found->ttl, record.ttl);
    findings.note(text.file_name, record.line,
                  fmt::format("{} {} has records of different TTLs (RFC 2181 forbids it); all "
                              "use the lowest, {}",
                              record.owner.text(), type_to_text(record.type), found->ttl));
  }
  if (found->rdatas.size() > kSetRecordsMax) {
    return;  // check_sizes reports it
  }
  if (std::ranges::find(found->rdatas, record.rdata) == found->rdatas.end()) {
    found->rdatas.push_back(std::move(record.rdata));
  }
}

class ZoneChecker {
 public:
  ZoneChecker(const ZoneDraft& zone, Findings& findings) : zone_(zone), findings_(findings) {}

  void check() {
    check_apex();
    for (const auto& [name, node] : zone_.nodes) {
      has_delegations_ =
          has_delegations_ || (node.find(type::kNs) != nullptr && name != zone_.apex);
      has_dnames_ = has_dnames_ || node.find(type::kDname) != nullptr;
    }
    for (const auto& [name, node] : zone_.nodes) {
      check_sizes(name, node);
      check_aliases(name, node);
      check_wildcard(name, node);
      if (has_dnames_ && name != zone_.apex) {
        check_below_dname(name, node);
      }
      if (has_delegations_) {
        check_delegation(name, node);
      }
    }
  }

 private:
  void problem(int line, std::string message) {
    findings_.problem(zone_.source, line, std::move(message));
  }
  void note(int line, const std::string& message) { findings_.note(zone_.source, line, message); }

  [[nodiscard]] static int line_of(const NodeDraft& node) {
    return node.sets.empty() ? 0 : node.sets.front().line;
  }

  void check_apex() {
    const SetDraft* servers = zone_.find(zone_.apex)->find(type::kNs);
    if (servers == nullptr) {
      problem(0, fmt::format("no NS record at the apex, {}", zone_.apex.text()));
      return;
    }
    for (const std::string& rdata : servers->rdatas) {
      const Name server = name_server_of(rdata).lowered();
      if (server.is_within(zone_.apex) && !zone_.cut_above(server) && !has_address(server)) {
        const std::string text =
            fmt::format("name server {} has no address record in the zone", server.text());
        if (zone_.from_application) {
          note(0, text + "; set dns.name_servers, or listen on the server's own address");
        } else {
          problem(servers->line, text);
        }
      }
    }
  }

  [[nodiscard]] bool has_address(const Name& name) const {
    const NodeDraft* node = zone_.find(name);
    return node != nullptr && (node->application || node->find(type::kA) != nullptr ||
                               node->find(type::kAaaa) != nullptr);
  }

  void check_sizes(const Name& name, const NodeDraft& node) {
    for (const SetDraft& set : node.sets) {
      std::size_t bytes = 0;
      for (const std::string& rdata : set.rdatas) {
        bytes += rdata.size() + kRenderedHeaderBytes;
      }
      if (bytes > kSetBytesMax) {
        problem(set.line, fmt::format("{} {} has {} bytes of records; no DNS message could carry "
                                      "more than {}",
                                      name.text(), type_to_text(set.type), bytes, kSetBytesMax));
      }
    }
  }

  void check_aliases(const Name& name, const NodeDraft& node) {
    for (const std::uint16_t alias : {type::kCname, type::kDname}) {
      const SetDraft* set = node.find(alias);
      if (set != nullptr && set->rdatas.size() > 1) {
        problem(set->line, fmt::format("{} has {} {} records; there can be one", name.text(),
                                       set->rdatas.size(), type_to_text(alias)));
      }
    }
    const SetDraft* cname = node.find(type::kCname);
    if (cname == nullptr) {
      return;
    }
    if (name == zone_.apex) {
      problem(cname->line, fmt::format("CNAME at the apex, {}: the SOA and NS records there forbid "
                                       "it (RFC 1034 section 3.6.2)",
                                       name.text()));
      return;
    }
    for (const SetDraft& set : node.sets) {
      if (set.type != type::kCname && set.type != kRrsig && set.type != kNsec) {
        problem(cname->line, fmt::format("{} has a CNAME and {} records: a CNAME stands alone "
                                         "(RFC 1034 section 3.6.2)",
                                         name.text(), type_to_text(set.type)));
        return;
      }
    }
  }

  void check_wildcard(const Name& name, const NodeDraft& node) {
    if (!name.is_wildcard()) {
      return;
    }
    for (const std::uint16_t type : {type::kNs, type::kDname}) {
      if (const SetDraft* set = node.find(type)) {
        problem(set->line, fmt::format("{} at the wildcard {} has no defined meaning (RFC 4592)",
                                       type_to_text(type), name.text()));
      }
    }
  }

  void check_below_dname(const Name& name, const NodeDraft& node) {
    for (Name above = name.parent(); above.is_within(zone_.apex); above = above.parent()) {
      if (const NodeDraft* owner = zone_.find(above);
          owner != nullptr && owner->find(type::kDname) != nullptr) {
        if (!node.sets.empty() || node.application) {
          problem(line_of(node), fmt::format("{} lies below the DNAME at {}, which hides it "
                                             "(RFC 6672)",
                                             name.text(), above.text()));
        }
        return;
      }
      if (above.is_root()) {
        return;
      }
    }
  }

  void check_delegation(const Name& name, const NodeDraft& node) {
    const std::optional<Name> cut = zone_.cut_above(name);
    if (!cut) {
      return;
    }
    for (const SetDraft& set : node.sets) {
      const bool of_the_cut = name == *cut && (set.type == type::kNs || set.type == type::kDs);
      if (!of_the_cut && set.type != type::kA && set.type != type::kAaaa) {
        note(set.line, fmt::format("{} {} is below the delegation of {} and is never answered",
                                   name.text(), type_to_text(set.type), cut->text()));
      }
    }
    if (name != *cut) {
      return;
    }
    const SetDraft* servers = node.find(type::kNs);
    for (const std::string& rdata : servers->rdatas) {
      const Name server = name_server_of(rdata).lowered();
      if (server.is_within(*cut) && !has_address(server)) {
        note(servers->line, fmt::format("delegation of {}: its name server {} needs glue (an "
                                        "address record) here",
                                        cut->text(), server.text()));
      }
    }
  }

  static constexpr std::uint16_t kRrsig = 46;
  static constexpr std::uint16_t kNsec = 47;

  const ZoneDraft& zone_;
  Findings& findings_;
  bool has_delegations_ = false;
  bool has_dnames_ = false;
};

}  // namespace

const SetDraft* NodeDraft::find(std::uint16_t type) const {
  const auto found = std::ranges::find(sets, type, &SetDraft::type);
  return found == sets.end() ? nullptr : &*found;
}

const NodeDraft* ZoneDraft::find(const Name& name) const {
  const auto found = nodes.find(name);
  return found == nodes.end() ? nullptr : &found->second;
}

NodeDraft& ZoneDraft::node_at(const Name& name) {
  const auto [node, is_new] = nodes.try_emplace(name);
  if (is_new) {
    for (Name above = name; above != apex;) {
      above = above.parent();
      if (!nodes.try_emplace(above).second) {
        break;
      }
    }
  }
  return node->second;
}

std::optional<Name> ZoneDraft::cut_above(const Name& name) const {
  std::optional<Name> cut;
  for (Name at = name; at != apex && !at.is_root(); at = at.parent()) {
    const NodeDraft* node = find(at);
    if (node != nullptr && node->find(type::kNs) != nullptr) {
      cut = at;
    }
  }
  return cut;
}

void Findings::problem(const std::string& file, int line, std::string message) {
  if (problems.size() < kProblemsMax) {
    problems.push_back({file, line, std::move(message)});
  }
}

void Findings::note(const std::string& file, int line, const std::string& message) {
  if (notes.size() < kNotesMax) {
    notes.push_back(format_problem({file, line, message}));
  }
}

std::optional<ZoneDraft> draft_zone(const ZoneText& text, Findings& findings) {
  const std::size_t problems_before = findings.problems.size();
  std::vector<ZoneRecord> records = parse_zone_text(text, findings.problems);
  const std::optional<Name> apex = find_apex(text, records, findings);
  if (!apex) {
    return std::nullopt;
  }
  ZoneDraft zone{*apex, text.file_name, false, false, {}};
  for (ZoneRecord& record : records) {
    if (!record.owner.is_within(zone.apex)) {
      findings.problem(text.file_name, record.line,
                       fmt::format("{} is outside the zone {}; is a trailing dot missing, or one "
                                   "too many?",
                                   record.owner.text(), zone.apex.text()));
    } else if (record.type != type::kSoa || record.owner == zone.apex) {
      add_record(text, std::move(record), zone, findings);
    }
  }
  zone.is_broken = findings.problems.size() > problems_before;
  return zone;
}

void check_zone(const ZoneDraft& zone, Findings& findings) {
  if (!zone.is_broken) {
    ZoneChecker(zone, findings).check();
  }
}

}  // namespace leeward::dns
