// SPDX-License-Identifier: Apache-2.0
#include "route53/routes.h"

#include <array>
#include <charconv>

#include "route53/operations.h"

namespace leeward::route53 {
namespace {

constexpr std::string_view kVersion = "/2013-04-01";
constexpr std::size_t kSegmentsMax = 8;

constexpr bool kWrites = true;

constexpr std::array kRoutes = {
    Route{"POST", "/hostedzone", "CreateHostedZone", create_hosted_zone, kWrites},
    Route{"GET", "/hostedzone", "ListHostedZones", list_hosted_zones},
    Route{"GET", "/hostedzone/{}", "GetHostedZone", get_hosted_zone},
    Route{"POST", "/hostedzone/{}", "UpdateHostedZoneComment", update_hosted_zone_comment, kWrites},
    Route{"DELETE", "/hostedzone/{}", "DeleteHostedZone", delete_hosted_zone, kWrites},
    Route{"GET", "/hostedzonesbyname", "ListHostedZonesByName", list_hosted_zones_by_name},
    Route{"GET", "/hostedzonesbyvpc", "ListHostedZonesByVPC", list_hosted_zones_by_vpc},
    Route{"GET", "/hostedzonecount", "GetHostedZoneCount", get_hosted_zone_count},
    Route{"POST", "/hostedzone/{}/rrset", "ChangeResourceRecordSets", change_record_sets, kWrites},
    Route{"GET", "/hostedzone/{}/rrset", "ListResourceRecordSets", list_record_sets},
    Route{"GET", "/change/{}", "GetChange", get_change},
    Route{"GET", "/testdnsanswer", "TestDNSAnswer", test_dns_answer},

    Route{"POST", "/hostedzone/{}/associatevpc", "AssociateVPCWithHostedZone", associate_vpc,
          kWrites},
    Route{"POST", "/hostedzone/{}/disassociatevpc", "DisassociateVPCFromHostedZone",
          disassociate_vpc, kWrites},
    Route{"POST", "/hostedzone/{}/authorizevpcassociation", "CreateVPCAssociationAuthorization",
          create_vpc_authorization, kWrites},
    Route{"GET", "/hostedzone/{}/authorizevpcassociation", "ListVPCAssociationAuthorizations",
          list_vpc_authorizations},
    Route{"POST", "/hostedzone/{}/deauthorizevpcassociation", "DeleteVPCAssociationAuthorization",
          delete_vpc_authorization, kWrites},

    Route{"GET", "/hostedzone/{}/dnssec", "GetDNSSEC", get_dnssec},
    Route{"POST", "/hostedzone/{}/enable-dnssec", "EnableHostedZoneDNSSEC", enable_dnssec, kWrites},
    Route{"POST", "/hostedzone/{}/disable-dnssec", "DisableHostedZoneDNSSEC", disable_dnssec,
          kWrites},
    Route{"POST", "/keysigningkey", "CreateKeySigningKey", create_key, kWrites},
    Route{"POST", "/keysigningkey/{}/{}/activate", "ActivateKeySigningKey", activate_key, kWrites},
    Route{"POST", "/keysigningkey/{}/{}/deactivate", "DeactivateKeySigningKey", deactivate_key,
          kWrites},
    Route{"DELETE", "/keysigningkey/{}/{}", "DeleteKeySigningKey", delete_key_operation, kWrites},

    Route{"POST", "/tags/{}/{}", "ChangeTagsForResource", change_tags, kWrites},
    Route{"GET", "/tags/{}/{}", "ListTagsForResource", list_tags},
    Route{"POST", "/tags/{}", "ListTagsForResources", list_tags_of_many},

    Route{"POST", "/delegationset", "CreateReusableDelegationSet", create_delegation_set, kWrites},
    Route{"GET", "/delegationset", "ListReusableDelegationSets", list_delegation_sets},
    Route{"GET", "/delegationset/{}", "GetReusableDelegationSet", get_delegation_set},
    Route{"DELETE", "/delegationset/{}", "DeleteReusableDelegationSet",
          delete_delegation_set_operation, kWrites},

    Route{"POST", "/queryloggingconfig", "CreateQueryLoggingConfig", create_query_logging, kWrites},
    Route{"GET", "/queryloggingconfig", "ListQueryLoggingConfigs", list_query_logging},
    Route{"GET", "/queryloggingconfig/{}", "GetQueryLoggingConfig", get_query_logging},
    Route{"DELETE", "/queryloggingconfig/{}", "DeleteQueryLoggingConfig",
          delete_query_logging_operation, kWrites},

    Route{"GET", "/accountlimit/{}", "GetAccountLimit", get_account_limit},
    Route{"GET", "/hostedzonelimit/{}/{}", "GetHostedZoneLimit", get_hosted_zone_limit},
    Route{"GET", "/reusabledelegationsetlimit/{}/{}", "GetReusableDelegationSetLimit",
          get_delegation_set_limit},
    Route{"GET", "/geolocation", "GetGeoLocation", get_geolocation},
    Route{"GET", "/geolocations", "ListGeoLocations", list_geolocations},

    Route{"POST", "/healthcheck", "CreateHealthCheck", create_health_check, kWrites},
    Route{"GET", "/healthcheck", "ListHealthChecks", list_health_checks},
    Route{"GET", "/healthcheck/{}", "GetHealthCheck", get_health_check},
    Route{"POST", "/healthcheck/{}", "UpdateHealthCheck", update_health_check, kWrites},
    Route{"DELETE", "/healthcheck/{}", "DeleteHealthCheck", delete_health_check_operation, kWrites},
    Route{"GET", "/healthcheck/{}/status", "GetHealthCheckStatus", get_health_check_status},
    Route{"GET", "/healthcheck/{}/lastfailurereason", "GetHealthCheckLastFailureReason",
          get_health_check_last_failure},
    Route{"GET", "/healthcheckcount", "GetHealthCheckCount", get_health_check_count},
    Route{"GET", "/checkeripranges", "GetCheckerIpRanges", get_checker_ranges},

    Route{"POST", "/cidrcollection", "CreateCidrCollection", create_cidr_collection, kWrites},
    Route{"GET", "/cidrcollection", "ListCidrCollections", list_cidr_collections},
    Route{"POST", "/cidrcollection/{}", "ChangeCidrCollection", change_cidr_collection, kWrites},
    Route{"GET", "/cidrcollection/{}", "ListCidrLocations", list_cidr_locations},
    Route{"GET", "/cidrcollection/{}/cidrblocks", "ListCidrBlocks", list_cidr_blocks},
    Route{"DELETE", "/cidrcollection/{}", "DeleteCidrCollection", delete_cidr_collection_operation,
          kWrites},

    Route{"POST", "/trafficpolicy", "CreateTrafficPolicy", create_traffic_policy, kWrites},
    Route{"POST", "/trafficpolicy/{}", "CreateTrafficPolicyVersion", create_traffic_policy_version,
          kWrites},
    Route{"GET", "/trafficpolicies", "ListTrafficPolicies", list_traffic_policies},
    Route{"GET", "/trafficpolicies/{}/versions", "ListTrafficPolicyVersions",
          list_traffic_policy_versions},
    Route{"GET", "/trafficpolicy/{}/{}", "GetTrafficPolicy", get_traffic_policy},
    Route{"POST", "/trafficpolicy/{}/{}", "UpdateTrafficPolicyComment",
          update_traffic_policy_comment, kWrites},
    Route{"DELETE", "/trafficpolicy/{}/{}", "DeleteTrafficPolicy", delete_traffic_policy_operation,
          kWrites},
    Route{"POST", "/trafficpolicyinstance", "CreateTrafficPolicyInstance", create_instance,
          kWrites},
    Route{"GET", "/trafficpolicyinstance/{}", "GetTrafficPolicyInstance", get_instance},
    Route{"POST", "/trafficpolicyinstance/{}", "UpdateTrafficPolicyInstance", update_instance,
          kWrites},
    Route{"DELETE", "/trafficpolicyinstance/{}", "DeleteTrafficPolicyInstance",
          delete_instance_operation, kWrites},
    Route{"GET", "/trafficpolicyinstances", "ListTrafficPolicyInstances", list_instances},
    Route{"GET", "/trafficpolicyinstances/hostedzone", "ListTrafficPolicyInstancesByHostedZone",
          list_instances_by_zone},
    Route{"GET", "/trafficpolicyinstances/trafficpolicy", "ListTrafficPolicyInstancesByPolicy",
          list_instances_by_policy},
    Route{"GET", "/trafficpolicyinstancecount", "GetTrafficPolicyInstanceCount",
          get_instance_count},
};

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::size_t end = path.find('/');
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end == std::string_view::npos ? path.size() : end);
  }
  while (!segments.empty() && segments.back().empty()) {
    segments.pop_back();
  }
  return segments;
}

std::optional<std::vector<std::string>> match(std::string_view pattern,
                                              const std::vector<std::string_view>& segments) {
  const std::vector<std::string_view> parts = segments_of(pattern);
  if (parts.size() != segments.size()) {
    return std::nullopt;
  }
  std::vector<std::string> parameters;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == "{}") {
      parameters.push_back(percent_decode(segments[i]));
    } else if (parts[i] != segments[i]) {
      return std::nullopt;
    }
  }
  return parameters;
}

}  // namespace

std::string percent_decode(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr ==
            text.data() + i + 3) {
      result += static_cast<char>(value);
      i += 2;
    } else {
      result += text[i] == '+' ? ' ' : text[i];
    }
  }
  return result;
}

std::optional<Match> find_route(std::string_view method, std::string_view path, bool& known) {
  known = false;
  if (!path.starts_with(kVersion) ||
      (path.size() > kVersion.size() && path[kVersion.size()] != '/')) {
    return std::nullopt;
  }
  const std::vector<std::string_view> segments = segments_of(path.substr(kVersion.size()));
  if (segments.size() > kSegmentsMax) {
    return std::nullopt;
  }
  for (const Route& route : kRoutes) {
    if (auto parameters = match(route.path, segments)) {
      known = true;
      if (route.method == method) {
        return Match{&route, *std::move(parameters)};
      }
    }
  }
  return std::nullopt;
}

}  // namespace leeward::route53
