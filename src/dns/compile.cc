// SPDX-License-Identifier: Apache-2.0
#include "dns/compile.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "dns/application_zones.h"
#include "dns/hosted_zone_draft.h"
#include "dns/layout.h"
#include "dns/protocol.h"
#include "dns/table_builder.h"
#include "dns/zone_draft.h"

namespace leeward::dns {
namespace {

std::vector<ZoneDraft> draft_zones(const CompileInput& input, Findings& findings) {
  std::vector<ZoneDraft> zones;
  std::map<Name, std::string> sources;
  for (const ZoneText& text : input.zones) {
    std::optional<ZoneDraft> zone = draft_zone(text, findings);
    if (!zone) {
      continue;
    }
    const auto [first, is_new] = sources.try_emplace(zone->apex, text.file_name);
    if (is_new) {
      zones.push_back(*std::move(zone));
    } else {
      findings.problem(
          text.file_name, 0,
          fmt::format("zone {} is already loaded from {}", zone->apex.text(), first->second));
    }
  }
  return zones;
}

// What the config serves goes before what the API has.
void add_hosted_zones(const CompileInput& input, std::vector<ZoneDraft>& zones,
                      Findings& findings) {
  std::map<Name, std::string> sources;
  for (const ZoneDraft& zone : zones) {
    sources.emplace(zone.apex, zone.source);
  }
  for (const HostedZone& hosted : input.hosted_zones) {
    std::optional<ZoneDraft> zone = draft_hosted_zone(hosted, findings);
    if (!zone) {
      continue;
    }
    const auto [first, is_new] = sources.try_emplace(zone->apex, zone->source);
    if (is_new) {
      zones.push_back(*std::move(zone));
    } else {
      findings.note(zone->source, 0,
                    fmt::format("zone {} is already served from {}; this one is not",
                                zone->apex.text(), first->second));
    }
  }
}

// The DNSKEY RRset of each zone that is signed, in place of what its text has of DNSSEC.
void add_signing_keys(const CompileInput& input, std::vector<ZoneDraft>& zones,
                      Findings& findings) {
  constexpr std::array kMadeHere{type::kRrsig, type::kNsec, type::kDnskey, type::kNsec3,
                                 type::kNsec3Param};
  for (ZoneDraft& zone : zones) {
    const auto signing = input.signing.find(zone.apex);
    if (signing == input.signing.end()) {
      continue;
    }
    if (!is_signed(signing->second)) {
      findings.note(
          zone.source, 0,
          fmt::format("zone {} is not signed: none of its keys is active", zone.apex.text()));
      continue;
    }
    std::size_t dropped = 0;
    for (auto& [name, node] : zone.nodes) {
      dropped += std::erase_if(node.sets, [&](const SetDraft& set) {
        return std::ranges::find(kMadeHere, set.type) != kMadeHere.end();
      });
    }
    if (dropped > 0) {
      findings.note(zone.source, 0,
                    fmt::format("zone {} is signed here: {} RRsets of DNSSEC in it are left out",
                                zone.apex.text(), dropped));
    }
    SetDraft keys{.type = type::kDnskey, .ttl = signing->second.dnskey_ttl_seconds, .rdatas = {}};
    for (const ZoneKey& key : signing->second.keys) {
      keys.rdatas.push_back(key.key.dnskey_rdata());
    }
    zone.nodes[zone.apex].sets.push_back(std::move(keys));
  }
}

// Files in the order in which they first had a problem; within a file, by line.
std::vector<Problem> in_file_order(std::vector<Problem> problems) {
  std::map<std::string, std::size_t> first;
  for (const Problem& problem : problems) {
    first.try_emplace(problem.file, first.size());
  }
  std::vector<std::pair<std::pair<std::size_t, int>, std::size_t>> order;
  order.reserve(problems.size());
  for (std::size_t i = 0; i < problems.size(); ++i) {
    order.push_back({{first[problems[i].file], problems[i].line}, i});
  }
  std::ranges::sort(order);
  std::vector<Problem> sorted;
  sorted.reserve(problems.size());
  for (const auto& [key, index] : order) {
    sorted.push_back(std::move(problems[index]));
  }
  return sorted;
}

}  // namespace

std::string format_problem(const Problem& problem) {
  return problem.line > 0 ? fmt::format("{}:{}: {}", problem.file, problem.line, problem.message)
                          : fmt::format("{}: {}", problem.file, problem.message);
}

std::expected<Tables, std::vector<Problem>> compile(const CompileInput& input) {
  Findings findings;
  std::vector<ZoneDraft> zones = draft_zones(input, findings);
  add_hosted_zones(input, zones, findings);
  add_applications(input, zones, findings);
  for (const ZoneDraft& zone : zones) {
    if (!zone.is_hosted) {
      check_zone(zone, findings);
    }
  }
  if (!findings.problems.empty()) {
    return std::unexpected(in_file_order(std::move(findings.problems)));
  }
  add_signing_keys(input, zones, findings);
  std::ranges::sort(zones, {}, &ZoneDraft::apex);
  std::unique_ptr<Layout> layout = build_layout(input, zones, findings);
  if (!findings.problems.empty()) {
    return std::unexpected(in_file_order(std::move(findings.problems)));
  }
  layout->notes = std::move(findings.notes);
  return Tables(std::move(layout));
}

}  // namespace leeward::dns
