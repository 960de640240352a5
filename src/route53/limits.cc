// SPDX-License-Identifier: Apache-2.0
//
// Limits: this program's own, where Amazon has theirs.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/result.h"
#include "route53/operations.h"

namespace leeward::route53 {
namespace {

// As many as fit into memory; clients want a number.
constexpr std::uint64_t kMany = 1'000'000;

std::string limit_xml(std::string_view root, std::string_view type, std::uint64_t value,
                      std::uint64_t count) {
  XmlWriter xml(root);
  xml.open("Limit").text("Type", type).number("Value", value).close().number("Count", count);
  return xml.finish();
}

ApiError unknown_type(const std::string& type) {
  return invalid_input(fmt::format("'{}' is no type of limit", type.substr(0, 64)));
}

}  // namespace

OperationResult get_account_limit(const Call& call) {
  const std::string& type = call.parameters[0];
  const Catalog& catalog = call.catalog;
  const std::pair<std::string_view, std::uint64_t> counts[] = {
      {"MAX_HEALTH_CHECKS_BY_OWNER", catalog.health_checks.size()},
      {"MAX_HOSTED_ZONES_BY_OWNER", catalog.zones.size()},
      {"MAX_TRAFFIC_POLICY_INSTANCES_BY_OWNER", catalog.instances.size()},
      {"MAX_REUSABLE_DELEGATION_SETS_BY_OWNER", catalog.delegation_sets.size()},
      {"MAX_TRAFFIC_POLICIES_BY_OWNER", catalog.traffic_policies.size()}};
  for (const auto& [name, count] : counts) {
    if (name == type) {
      return Outcome{{200, limit_xml("GetAccountLimitResponse", type, kMany, count)}};
    }
  }
  return std::unexpected(unknown_type(type));
}

OperationResult get_hosted_zone_limit(const Call& call) {
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_zone(call, call.parameters[0]));
  const std::string& type = call.parameters[1];
  if (type == "MAX_VPCS_ASSOCIATED_BY_ZONE") {
    return std::unexpected(ApiError{400, "HostedZoneNotPrivate", "the hosted zone is public"});
  }
  if (type != "MAX_RRSETS_BY_ZONE") {
    return std::unexpected(unknown_type(type));
  }
  return Outcome{
      {200, limit_xml("GetHostedZoneLimitResponse", type, kMany, zone->zone.records.size())}};
}

OperationResult get_delegation_set_limit(const Call& call) {
  const std::string id(bare_id(call.parameters[0]));
  if (!call.catalog.delegation_sets.contains(id)) {
    return std::unexpected(not_found("NoSuchDelegationSet", "no such reusable delegation set"));
  }
  if (call.parameters[1] != "MAX_ZONES_BY_REUSABLE_DELEGATION_SET") {
    return std::unexpected(unknown_type(call.parameters[1]));
  }
  const auto count = std::ranges::count_if(
      call.catalog.zones, [&](const auto& each) { return each.second.delegation_set_id == id; });
  return Outcome{{200, limit_xml("GetReusableDelegationSetLimitResponse", call.parameters[1], kMany,
                                 static_cast<std::uint64_t>(count))}};
}

}  // namespace leeward::route53
