// SPDX-License-Identifier: Apache-2.0
#include "dns/compile.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "dns/application_zones.h"
#include "dns/hosted_zone_draft.h"
#include "dns/layout.h"
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
  std::ranges::sort(zones, {}, &ZoneDraft::apex);
  std::unique_ptr<Layout> layout = build_layout(input, zones, findings);
  if (!findings.problems.empty()) {
    return std::unexpected(in_file_order(std::move(findings.problems)));
  }
  layout->notes = std::move(findings.notes);
  return Tables(std::move(layout));
}

}  // namespace leeward::dns
