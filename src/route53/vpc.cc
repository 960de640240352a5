// SPDX-License-Identifier: Apache-2.0
//
// What belongs to private hosted zones: this server has no VPCs, and says so in the API's words.
#include <fmt/format.h>

#include "base/result.h"
#include "route53/operations.h"

namespace leeward::route53 {
namespace {

// Every hosted zone here is public.
OperationResult refuse_public(const Call& call, std::string_view body) {
  ASSIGN_OR_RETURN([[maybe_unused]] const pugi::xml_node root, body_named(call, body));
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_zone(call, call.parameters[0]));
  return std::unexpected(ApiError{
      400, "PublicZoneVPCAssociation",
      fmt::format("{} is a public hosted zone: only private ones are associated with VPCs, and "
                  "this server has none",
                  zone->zone.id)});
}

}  // namespace

OperationResult list_hosted_zones_by_vpc(const Call& call) {
  if (!call.parameter("vpcid") || !call.parameter("vpcregion")) {
    return std::unexpected(invalid_input("VPCId and VPCRegion are required"));
  }
  XmlWriter xml("ListHostedZonesByVPCResponse");
  xml.open("HostedZoneSummaries").close().number("MaxItems", 100);
  return Outcome{{200, xml.finish()}};
}

OperationResult associate_vpc(const Call& call) {
  return refuse_public(call, "AssociateVPCWithHostedZoneRequest");
}

OperationResult disassociate_vpc(const Call& call) {
  ASSIGN_OR_RETURN([[maybe_unused]] const pugi::xml_node root,
                   body_named(call, "DisassociateVPCFromHostedZoneRequest"));
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_zone(call, call.parameters[0]));
  return std::unexpected(not_found("VPCAssociationNotFound",
                                   fmt::format("no VPC is associated with {}", zone->zone.id)));
}

OperationResult create_vpc_authorization(const Call& call) {
  return refuse_public(call, "CreateVPCAssociationAuthorizationRequest");
}

OperationResult list_vpc_authorizations(const Call& call) {
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_zone(call, call.parameters[0]));
  XmlWriter xml("ListVPCAssociationAuthorizationsResponse");
  xml.text("HostedZoneId", zone->zone.id).open("VPCs").close();
  return Outcome{{200, xml.finish()}};
}

OperationResult delete_vpc_authorization(const Call& call) {
  ASSIGN_OR_RETURN([[maybe_unused]] const pugi::xml_node root,
                   body_named(call, "DeleteVPCAssociationAuthorizationRequest"));
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_zone(call, call.parameters[0]));
  return std::unexpected(not_found("VPCAssociationAuthorizationNotFound",
                                   fmt::format("no VPC may be associated with {}", zone->zone.id)));
}

}  // namespace leeward::route53
