// SPDX-License-Identifier: Apache-2.0
//
// Hosted zones.
#include <algorithm>

#include <fmt/format.h>

#include "base/result.h"
#include "dns/octal.h"
#include "route53/operations.h"

namespace leeward::route53 {
namespace {

constexpr std::uint32_t kServerTtl = 172'800;
constexpr std::uint32_t kSoaTtl = 900;
constexpr std::size_t kFirstRecordSets = 2;  // NS and SOA

void write_zone(XmlWriter& xml, const ZoneEntry& entry, std::size_t record_sets) {
  xml.open("HostedZone")
      .text("Id", "/hostedzone/" + entry.zone.id)
      .text("Name", entry.zone.name)
      .text("CallerReference", entry.caller_reference)
      .open("Config");
  xml.optional_text("Comment", entry.comment.value_or(""))
      .flag("PrivateZone", false)
      .close()
      .number("ResourceRecordSetCount", record_sets);
  if (!entry.managed_by.empty()) {
    xml.open("LinkedService")
        .text("ServicePrincipal", "leeward")
        .text("Description", "managed by " + entry.managed_by)
        .close();
  }
  xml.close();
}

void write_zone(XmlWriter& xml, const ZoneEntry& entry) {
  write_zone(xml, entry, entry.zone.records.size());
}

void write_delegation_set(XmlWriter& xml, const Catalog& catalog, const ZoneEntry& entry) {
  const auto reusable = catalog.delegation_sets.find(entry.delegation_set_id);
  const auto& servers = reusable == catalog.delegation_sets.end() ? entry.name_servers
                                                                  : reusable->second.name_servers;
  xml.open("DelegationSet");
  if (reusable != catalog.delegation_sets.end()) {
    xml.text("Id", "/delegationset/" + reusable->first)
        .text("CallerReference", reusable->second.caller_reference);
  }
  xml.open("NameServers");
  for (const std::string& server : servers) {
    xml.text("NameServer", server.substr(0, server.size() - 1));  // without its trailing dot
  }
  xml.close().close();
}

std::vector<Mutation> first_records(const ZoneEntry& entry,
                                    const std::vector<std::string>& servers) {
  ResourceRecordSet ns;
  ns.name = entry.zone.name;
  ns.type = "NS";
  ns.ttl_seconds = kServerTtl;
  ns.values = servers;
  ResourceRecordSet soa;
  soa.name = entry.zone.name;
  soa.type = "SOA";
  soa.ttl_seconds = kSoaTtl;
  soa.values = {fmt::format("{} hostmaster.{} 1 7200 900 1209600 86400", servers.front(),
                            entry.zone.name == "." ? "" : entry.zone.name)};
  return {put_record(entry.zone.id, ns), put_record(entry.zone.id, soa)};
}

std::expected<std::string, ApiError> new_zone_name(const Call& call, pugi::xml_node root) {
  ASSIGN_OR_RETURN(const std::string text, required_text(root, "Name"));
  const auto parsed = dns::parse_route53_name(text);
  if (!parsed || parsed->is_root() || parsed->is_wildcard()) {
    return std::unexpected(ApiError{
        400, "InvalidDomainName",
        fmt::format("{} is not a domain name that can be a hosted zone's", text.substr(0, 256))});
  }
  std::string name = dns::route53_text(*parsed);
  if (const ZoneEntry* other = call.catalog.zone_named(name)) {
    return std::unexpected(ApiError{
        400, "ConflictingDomainExists",
        fmt::format("{} is served already, as hosted zone {}: one server cannot give two answers "
                    "to one question",
                    name, other->zone.id)});
  }
  return name;
}

// Zones in order of id, which is how they are listed.
std::vector<const ZoneEntry*> zones_from(const Call& call, std::string_view marker) {
  std::vector<const ZoneEntry*> zones;
  for (auto at = call.catalog.zones.lower_bound(marker); at != call.catalog.zones.end(); ++at) {
    zones.push_back(&at->second);
  }
  return zones;
}

}  // namespace

OperationResult create_hosted_zone(const Call& call) {
  ASSIGN_OR_RETURN(const pugi::xml_node root, body_named(call, "CreateHostedZoneRequest"));
  ZoneEntry entry;
  ASSIGN_OR_RETURN(entry.caller_reference, required_text(root, "CallerReference", 128));
  for (const auto& [id, other] : call.catalog.zones) {
    if (other.managed_by.empty() && other.caller_reference == entry.caller_reference) {
      return std::unexpected(
          ApiError{409, "HostedZoneAlreadyExists",
                   fmt::format("A hosted zone has already been created with the specified caller "
                               "reference: {}",
                               id)});
    }
  }
  const pugi::xml_node config = child(root, "HostedZoneConfig");
  ASSIGN_OR_RETURN(const auto is_private, flag_of(config, "PrivateZone"));
  if (is_private.value_or(false) || child(root, "VPC")) {
    return std::unexpected(
        ApiError{400, "InvalidVPCId",
                 "this server has no VPCs: only public hosted zones can be created here"});
  }
  entry.comment = text_of(config, "Comment");
  if (entry.comment && entry.comment->size() > 256) {
    return std::unexpected(invalid_input("Comment has at most 256 characters"));
  }
  ASSIGN_OR_RETURN(entry.zone.name, new_zone_name(call, root));
  std::vector<std::string> servers = call.name_servers;
  if (const auto set = text_of(root, "DelegationSetId")) {
    const auto found = call.catalog.delegation_sets.find(bare_id(*set));
    if (found == call.catalog.delegation_sets.end()) {
      return std::unexpected(
          not_found("NoSuchDelegationSet",
                    fmt::format("no reusable delegation set has the id {}", set->substr(0, 64))));
    }
    entry.delegation_set_id = found->first;
    servers = found->second.name_servers;
  }
  entry.name_servers = servers;
  entry.zone.id = random_id(call.rng, "Z");
  std::vector<Mutation> mutations{put_zone(entry)};
  std::ranges::move(first_records(entry, servers), std::back_inserter(mutations));
  const ChangeEntry change = new_change(call, "", mutations);
  XmlWriter xml("CreateHostedZoneResponse");
  write_zone(xml, entry, kFirstRecordSets);
  write_change(xml, change);
  write_delegation_set(xml, call.catalog, entry);
  return Outcome{{201, xml.finish(), "/2013-04-01/hostedzone/" + entry.zone.id},
                 std::move(mutations),
                 change.id};
}

OperationResult get_hosted_zone(const Call& call) {
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_zone(call, call.parameters[0]));
  XmlWriter xml("GetHostedZoneResponse");
  write_zone(xml, *zone);
  write_delegation_set(xml, call.catalog, *zone);
  return Outcome{{200, xml.finish()}};
}

OperationResult list_hosted_zones(const Call& call) {
  ASSIGN_OR_RETURN(const std::size_t most, max_items(call));
  const std::string marker = call.parameter("marker").value_or("");
  if (!marker.empty() && !call.catalog.zones.contains(bare_id(marker))) {
    return std::unexpected(invalid_input("Marker is not the id of a hosted zone"));
  }
  const std::string of_set = call.parameter("delegationsetid").value_or("");
  if (!of_set.empty() && !call.catalog.delegation_sets.contains(bare_id(of_set))) {
    return std::unexpected(not_found("NoSuchDelegationSet", "no such reusable delegation set"));
  }
  const bool only_private = call.parameter("hostedzonetype") == "PrivateHostedZone";
  XmlWriter xml("ListHostedZonesResponse");
  xml.open("HostedZones");
  std::size_t count = 0;
  std::string next;
  for (const ZoneEntry* zone : zones_from(call, bare_id(marker))) {
    if (only_private || (!of_set.empty() && zone->delegation_set_id != bare_id(of_set))) {
      continue;
    }
    if (count == most) {
      next = zone->zone.id;
      break;
    }
    write_zone(xml, *zone);
    ++count;
  }
  xml.close();
  xml.optional_text("Marker", marker).flag("IsTruncated", !next.empty());
  xml.optional_text("NextMarker", next).number("MaxItems", most);
  return Outcome{{200, xml.finish()}};
}

OperationResult list_hosted_zones_by_name(const Call& call) {
  ASSIGN_OR_RETURN(const std::size_t most, max_items(call));
  const std::string name = call.parameter("dnsname").value_or("");
  const std::string id = call.parameter("hostedzoneid").value_or("");
  if (!id.empty() && name.empty()) {
    return std::unexpected(invalid_input("HostedZoneId needs DNSName"));
  }
  std::pair<std::string, std::string> from;
  if (!name.empty()) {
    const auto parsed = dns::parse_route53_name(name);
    if (!parsed) {
      return std::unexpected(ApiError{400, "InvalidDomainName", parsed.error().message});
    }
    from = {reversed_labels(dns::route53_text(*parsed)), std::string(bare_id(id))};
  }
  std::map<std::pair<std::string, std::string>, const ZoneEntry*> ordered;
  for (const auto& [zone_id, zone] : call.catalog.zones) {
    ordered.emplace(std::pair(reversed_labels(zone.zone.name), zone_id), &zone);
  }
  XmlWriter xml("ListHostedZonesByNameResponse");
  xml.open("HostedZones");
  std::size_t count = 0;
  const ZoneEntry* next = nullptr;
  for (auto at = ordered.lower_bound(from); at != ordered.end(); ++at, ++count) {
    if (count == most) {
      next = at->second;
      break;
    }
    write_zone(xml, *at->second);
  }
  xml.close().optional_text("DNSName", name).optional_text("HostedZoneId", id);
  xml.flag("IsTruncated", next != nullptr);
  if (next != nullptr) {
    xml.text("NextDNSName", next->zone.name).text("NextHostedZoneId", next->zone.id);
  }
  xml.number("MaxItems", most);
  return Outcome{{200, xml.finish()}};
}

OperationResult get_hosted_zone_count(const Call& call) {
  XmlWriter xml("GetHostedZoneCountResponse");
  xml.number("HostedZoneCount", call.catalog.zones.size());
  return Outcome{{200, xml.finish()}};
}

OperationResult delete_hosted_zone(const Call& call) {
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_own_zone(call, call.parameters[0]));
  std::vector<Mutation> mutations;
  bool only_its_own = true;
  zone->zone.records.visit_all([&](const ResourceRecordSet& set) {
    only_its_own = set.name == zone->zone.name && (set.type == "NS" || set.type == "SOA");
    mutations.push_back(delete_record(zone->zone.id, set));
    return only_its_own;
  });
  if (!only_its_own) {
    return std::unexpected(ApiError{
        400, "HostedZoneNotEmpty",
        "The specified hosted zone contains non-required resource record sets and so cannot be "
        "deleted."});
  }
  for (const auto& [key, entry] : call.catalog.keys) {
    if (key.first == zone->zone.id) {
      return std::unexpected(
          ApiError{400, "HostedZoneNotEmpty",
                   fmt::format("key-signing key {} still belongs to the hosted zone", key.second)});
    }
  }
  for (const auto& [id, config] : call.catalog.query_logging) {
    if (config.zone_id == zone->zone.id) {
      mutations.push_back(delete_query_logging(id));
    }
  }
  mutations.push_back(put_tags("hostedzone", zone->zone.id, {}));
  mutations.push_back(delete_zone(zone->zone.id));
  const ChangeEntry change = new_change(call, "", mutations);
  XmlWriter xml("DeleteHostedZoneResponse");
  write_change(xml, change);
  return Outcome{{200, xml.finish()}, std::move(mutations), change.id};
}

OperationResult update_hosted_zone_comment(const Call& call) {
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_own_zone(call, call.parameters[0]));
  ASSIGN_OR_RETURN(const pugi::xml_node root, body_named(call, "UpdateHostedZoneCommentRequest"));
  ZoneEntry changed = *zone;
  changed.comment = text_of(root, "Comment");
  if (changed.comment && changed.comment->size() > 256) {
    return std::unexpected(invalid_input("Comment has at most 256 characters"));
  }
  XmlWriter xml("UpdateHostedZoneCommentResponse");
  write_zone(xml, changed);
  return Outcome{{200, xml.finish()}, {put_zone(changed)}};
}

}  // namespace leeward::route53
