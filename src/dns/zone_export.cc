// SPDX-License-Identifier: Apache-2.0
#include "dns/zone_export.h"

#include <optional>
#include <string_view>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "dns/octal.h"
#include "dns/rdata.h"
#include "dns/record_json.h"
#include "dns/zone_records.h"
#include "dns/zone_text.h"

namespace leeward::dns {
namespace {

// A name, a number, a type and values are all there is to it.
bool is_plain(const ResourceRecordSet& set) {
  ResourceRecordSet plain;
  plain.name = set.name;
  plain.type = set.type;
  plain.ttl_seconds = set.ttl_seconds;
  plain.values = set.values;
  return set == plain && set.ttl_seconds && !set.values.empty();
}

// The record set as ordinary lines; empty: it has values that are none of its type.
std::string ordinary_lines(const ResourceRecordSet& set) {
  const Result<Name> name = parse_route53_name(set.name);
  const std::optional<std::uint16_t> type = parse_type(set.type);
  if (!name || !type) {
    return {};
  }
  const std::string owner = name->is_root() ? "." : name->text() + ".";
  std::string lines;
  for (const std::string& value : set.values) {
    const Result<std::string> rdata = parse_rdata(*type, octal_to_decimal(value), Name());
    if (!rdata) {
      return {};
    }
    lines += fmt::format("{} {} IN {} {}\n", owner, *set.ttl_seconds, set.type,
                         rdata_to_text(*type, as_bytes(*rdata)));
  }
  return lines;
}

// What zone_import() makes of these lines; nullopt: not a record set.
std::optional<ResourceRecordSet> read_back(const std::string& lines) {
  std::vector<Problem> problems;
  std::vector<std::string> notes;
  std::vector<ResourceRecordSet> read =
      to_record_sets(parse_zone_text({"", lines}, problems), "", notes);
  return problems.empty() && read.size() == 1 ? std::optional(std::move(read.front()))
                                              : std::nullopt;
}

}  // namespace

std::string zone_export(const HostedZone& zone) {
  boost::json::object head;
  head["Id"] = zone.id;
  head["Name"] = zone.name;
  std::string text = fmt::format("{}{}\n", kZoneComment, boost::json::serialize(head));
  // Master files begin with the SOA record; Route 53's order has NS before it.
  std::string body;
  std::string soa;
  zone.records.visit_all([&](const ResourceRecordSet& set) {
    std::string& to = set.type == "SOA" && set.name == zone.name ? soa : body;
    const std::string lines = is_plain(set) ? ordinary_lines(set) : std::string();
    const std::optional<ResourceRecordSet> read = read_back(lines);
    if (read != set) {
      to += fmt::format("{}{}\n", kRecordComment, boost::json::serialize(to_json(set)));
    }
    to += read ? lines : std::string();
    return true;
  });
  return text + soa + body;
}

}  // namespace leeward::dns
