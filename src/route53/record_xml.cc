// SPDX-License-Identifier: Apache-2.0
#include "route53/record_xml.h"

#include <fmt/format.h>

#include "base/result.h"
#include "dns/octal.h"
#include "route53/call.h"

namespace leeward::route53 {
namespace {

constexpr std::size_t kValueBytesMax = 4000;
constexpr std::size_t kValuesMax = 400;
constexpr long kTtlMax = 0x7FFFFFFF;

std::expected<std::vector<std::string>, ApiError> read_values(pugi::xml_node node) {
  std::vector<std::string> values;
  for (const pugi::xml_node each : child(node, "ResourceRecords").children()) {
    if (each.type() != pugi::node_element) {
      continue;
    }
    ASSIGN_OR_RETURN(std::string value, required_text(each, "Value", kValueBytesMax));
    values.push_back(std::move(value));
    if (values.size() > kValuesMax) {
      return std::unexpected(
          invalid_input(fmt::format("a record set has at most {} resource records", kValuesMax)));
    }
  }
  return values;
}

std::expected<std::string, ApiError> read_name(pugi::xml_node node, std::string_view element) {
  ASSIGN_OR_RETURN(const std::string text, required_text(node, element, 1024));
  const auto name = dns::parse_route53_name(text);
  if (!name) {
    return std::unexpected(
        ApiError{400, "InvalidInput", fmt::format("{}: {}", element, name.error().message)});
  }
  return dns::route53_text(*name);
}

std::expected<void, ApiError> read_alias(pugi::xml_node node, ResourceRecordSet& set) {
  const pugi::xml_node alias = child(node, "AliasTarget");
  if (!alias) {
    return {};
  }
  AliasTarget target;
  ASSIGN_OR_RETURN(const std::string zone, required_text(alias, "HostedZoneId", 64));
  target.hosted_zone_id = bare_id(zone);
  ASSIGN_OR_RETURN(target.dns_name, read_name(alias, "DNSName"));
  ASSIGN_OR_RETURN(const auto evaluate, flag_of(alias, "EvaluateTargetHealth"));
  if (!evaluate) {
    return std::unexpected(invalid_input("AliasTarget needs EvaluateTargetHealth"));
  }
  target.evaluate_target_health = *evaluate;
  set.alias = std::move(target);
  return {};
}

std::expected<void, ApiError> read_failover(pugi::xml_node node, ResourceRecordSet& set) {
  const auto role = text_of(node, "Failover");
  if (!role) {
    return {};
  }
  if (*role != "PRIMARY" && *role != "SECONDARY") {
    return std::unexpected(invalid_input("Failover must be PRIMARY or SECONDARY"));
  }
  set.failover = *role == "PRIMARY" ? FailoverRole::kPrimary : FailoverRole::kSecondary;
  return {};
}

std::expected<void, ApiError> read_places(pugi::xml_node node, ResourceRecordSet& set) {
  if (const pugi::xml_node geo = child(node, "GeoLocation")) {
    set.geo_location = GeoLocation{text_of(geo, "ContinentCode").value_or(""),
                                   text_of(geo, "CountryCode").value_or(""),
                                   text_of(geo, "SubdivisionCode").value_or("")};
  }
  if (const pugi::xml_node cidr = child(node, "CidrRoutingConfig")) {
    CidrRouting routing;
    ASSIGN_OR_RETURN(routing.collection_id, required_text(cidr, "CollectionId", 64));
    ASSIGN_OR_RETURN(routing.location_name, required_text(cidr, "LocationName", 16));
    set.cidr = std::move(routing);
  }
  if (const pugi::xml_node near = child(node, "GeoProximityLocation")) {
    GeoProximityLocation place;
    place.aws_region = text_of(near, "AWSRegion").value_or("");
    place.local_zone_group = text_of(near, "LocalZoneGroup").value_or("");
    if (const pugi::xml_node at = child(near, "Coordinates")) {
      Coordinates coordinates;
      ASSIGN_OR_RETURN(coordinates.latitude, required_text(at, "Latitude", 6));
      ASSIGN_OR_RETURN(coordinates.longitude, required_text(at, "Longitude", 7));
      place.coordinates = std::move(coordinates);
    }
    ASSIGN_OR_RETURN(const auto bias, number_of(near, "Bias", -99, 99));
    if (bias) {
      place.bias = static_cast<int>(*bias);
    }
    set.geo_proximity = std::move(place);
  }
  return {};
}

}  // namespace

std::expected<ResourceRecordSet, ApiError> read_record(pugi::xml_node node) {
  ResourceRecordSet set;
  ASSIGN_OR_RETURN(set.name, read_name(node, "Name"));
  ASSIGN_OR_RETURN(set.type, required_text(node, "Type", 16));
  set.set_identifier = text_of(node, "SetIdentifier").value_or("");
  if (set.set_identifier.size() > 128) {
    return std::unexpected(invalid_input("SetIdentifier has at most 128 characters"));
  }
  ASSIGN_OR_RETURN(const auto weight, number_of(node, "Weight", 0, 255));
  if (weight) {
    set.weight = static_cast<std::uint32_t>(*weight);
  }
  set.region = text_of(node, "Region").value_or("");
  if (set.region.size() > 64) {
    return std::unexpected(invalid_input("Region has at most 64 characters"));
  }
  ASSIGN_OR_RETURN(const auto multivalue, flag_of(node, "MultiValueAnswer"));
  set.multivalue_answer = multivalue.value_or(false);
  ASSIGN_OR_RETURN(const auto ttl, number_of(node, "TTL", 0, kTtlMax));
  if (ttl) {
    set.ttl_seconds = static_cast<std::uint32_t>(*ttl);
  }
  ASSIGN_OR_RETURN(set.values, read_values(node));
  set.health_check_id = text_of(node, "HealthCheckId").value_or("");
  set.traffic_policy_instance_id = text_of(node, "TrafficPolicyInstanceId").value_or("");
  if (set.health_check_id.size() > 64 || set.traffic_policy_instance_id.size() > 36) {
    return std::unexpected(invalid_input("HealthCheckId has at most 64 characters"));
  }
  RETURN_IF_ERROR(read_failover(node, set));
  RETURN_IF_ERROR(read_alias(node, set));
  RETURN_IF_ERROR(read_places(node, set));
  return set;
}

void write_record(XmlWriter& xml, const ResourceRecordSet& set) {
  xml.open("ResourceRecordSet").text("Name", set.name).text("Type", set.type);
  xml.optional_text("SetIdentifier", set.set_identifier);
  if (set.weight) {
    xml.number("Weight", *set.weight);
  }
  xml.optional_text("Region", set.region);
  if (set.geo_location) {
    xml.open("GeoLocation")
        .optional_text("ContinentCode", set.geo_location->continent)
        .optional_text("CountryCode", set.geo_location->country)
        .optional_text("SubdivisionCode", set.geo_location->subdivision)
        .close();
  }
  if (set.failover) {
    xml.text("Failover", *set.failover == FailoverRole::kPrimary ? "PRIMARY" : "SECONDARY");
  }
  if (set.multivalue_answer) {
    xml.flag("MultiValueAnswer", true);
  }
  if (set.ttl_seconds) {
    xml.number("TTL", *set.ttl_seconds);
  }
  if (!set.values.empty()) {
    xml.open("ResourceRecords");
    for (const std::string& value : set.values) {
      xml.open("ResourceRecord").text("Value", value).close();
    }
    xml.close();
  }
  if (set.alias) {
    xml.open("AliasTarget")
        .text("HostedZoneId", set.alias->hosted_zone_id)
        .text("DNSName", set.alias->dns_name)
        .flag("EvaluateTargetHealth", set.alias->evaluate_target_health)
        .close();
  }
  xml.optional_text("HealthCheckId", set.health_check_id);
  xml.optional_text("TrafficPolicyInstanceId", set.traffic_policy_instance_id);
  if (set.cidr) {
    xml.open("CidrRoutingConfig")
        .text("CollectionId", set.cidr->collection_id)
        .text("LocationName", set.cidr->location_name)
        .close();
  }
  if (set.geo_proximity) {
    xml.open("GeoProximityLocation")
        .optional_text("AWSRegion", set.geo_proximity->aws_region)
        .optional_text("LocalZoneGroup", set.geo_proximity->local_zone_group);
    if (set.geo_proximity->coordinates) {
      xml.open("Coordinates")
          .text("Latitude", set.geo_proximity->coordinates->latitude)
          .text("Longitude", set.geo_proximity->coordinates->longitude)
          .close();
    }
    if (set.geo_proximity->bias) {
      xml.text("Bias", std::to_string(*set.geo_proximity->bias));
    }
    xml.close();
  }
  xml.close();
}

}  // namespace leeward::route53
