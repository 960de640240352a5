// SPDX-License-Identifier: Apache-2.0
//
// Reusable delegation sets: on one server they all name the same servers.
#include <fmt/format.h>

#include "base/result.h"
#include "route53/operations.h"

namespace leeward::route53 {
namespace {

void write_set(XmlWriter& xml, const DelegationSetEntry& set) {
  xml.open("DelegationSet")
      .text("Id", "/delegationset/" + set.id)
      .text("CallerReference", set.caller_reference)
      .open("NameServers");
  for (const std::string& server : set.name_servers) {
    xml.text("NameServer", server.substr(0, server.size() - 1));
  }
  xml.close().close();
}

std::expected<const DelegationSetEntry*, ApiError> find_set(const Call& call) {
  const auto found = call.catalog.delegation_sets.find(bare_id(call.parameters[0]));
  if (found == call.catalog.delegation_sets.end()) {
    return std::unexpected(not_found(
        "NoSuchDelegationSet",
        fmt::format("no reusable delegation set has the id {}", call.parameters[0].substr(0, 64))));
  }
  return &found->second;
}

}  // namespace

OperationResult create_delegation_set(const Call& call) {
  ASSIGN_OR_RETURN(const pugi::xml_node root,
                   body_named(call, "CreateReusableDelegationSetRequest"));
  DelegationSetEntry set;
  ASSIGN_OR_RETURN(set.caller_reference, required_text(root, "CallerReference", 128));
  for (const auto& [id, other] : call.catalog.delegation_sets) {
    if (other.caller_reference == set.caller_reference) {
      return std::unexpected(
          ApiError{400, "DelegationSetAlreadyCreated",
                   fmt::format("delegation set {} was created with this caller reference", id)});
    }
  }
  set.name_servers = call.name_servers;
  if (const auto zone_id = text_of(root, "HostedZoneId")) {
    const ZoneEntry* zone = call.catalog.zone(*zone_id);
    if (zone == nullptr) {
      return std::unexpected(
          not_found("HostedZoneNotFound",
                    fmt::format("no hosted zone has the id {}", zone_id->substr(0, 64))));
    }
    if (!zone->delegation_set_id.empty()) {
      return std::unexpected(ApiError{400, "DelegationSetAlreadyReusable",
                                      "the hosted zone's delegation set is reusable already"});
    }
    if (!zone->name_servers.empty()) {
      set.name_servers = zone->name_servers;
    }
  }
  set.id = random_id(call.rng, "N");
  XmlWriter xml("CreateReusableDelegationSetResponse");
  write_set(xml, set);
  return Outcome{{201, xml.finish(), "/2013-04-01/delegationset/" + set.id},
                 {put_delegation_set(set)}};
}

OperationResult get_delegation_set(const Call& call) {
  ASSIGN_OR_RETURN(const DelegationSetEntry* const set, find_set(call));
  XmlWriter xml("GetReusableDelegationSetResponse");
  write_set(xml, *set);
  return Outcome{{200, xml.finish()}};
}

OperationResult list_delegation_sets(const Call& call) {
  ASSIGN_OR_RETURN(const std::size_t most, max_items(call));
  const std::string marker = call.parameter("marker").value_or("");
  XmlWriter xml("ListReusableDelegationSetsResponse");
  xml.open("DelegationSets");
  std::size_t count = 0;
  std::string next;
  for (auto at = call.catalog.delegation_sets.lower_bound(bare_id(marker));
       at != call.catalog.delegation_sets.end(); ++at, ++count) {
    if (count == most) {
      next = at->first;
      break;
    }
    write_set(xml, at->second);
  }
  xml.close().text("Marker", marker).flag("IsTruncated", !next.empty());
  xml.optional_text("NextMarker", next).number("MaxItems", most);
  return Outcome{{200, xml.finish()}};
}

OperationResult delete_delegation_set_operation(const Call& call) {
  ASSIGN_OR_RETURN(const DelegationSetEntry* const set, find_set(call));
  for (const auto& [id, zone] : call.catalog.zones) {
    if (zone.delegation_set_id == set->id) {
      return std::unexpected(ApiError{400, "DelegationSetInUse",
                                      fmt::format("hosted zone {} uses the delegation set", id)});
    }
  }
  return Outcome{{200, XmlWriter("DeleteReusableDelegationSetResponse").finish()},
                 {delete_delegation_set(set->id)}};
}

}  // namespace leeward::route53
