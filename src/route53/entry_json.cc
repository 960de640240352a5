// SPDX-License-Identifier: Apache-2.0
#include "route53/entry_json.h"

#include <string_view>

#include <boost/json.hpp>

namespace leeward::route53 {
namespace {

namespace json = boost::json;

std::string text(const json::object& object, std::string_view key) {
  return std::string(object.at(key).as_string());
}

std::optional<std::string> optional_text(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  return found == nullptr ? std::nullopt
                          : std::optional<std::string>(std::string(found->as_string()));
}

json::array texts_json(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& each : texts) {
    array.emplace_back(each);
  }
  return array;
}

std::vector<std::string> texts(const json::object& object, std::string_view key) {
  std::vector<std::string> result;
  for (const json::value& each : object.at(key).as_array()) {
    result.emplace_back(each.as_string());
  }
  return result;
}

template <typename Number>
Number number(const json::object& object, std::string_view key) {
  return object.at(key).to_number<Number>();
}

std::int64_t to_ns(WallTime time) {
  return time.time_since_epoch().count();
}

WallTime time(const json::object& object, std::string_view key) {
  return WallTime(WallTime::duration(number<std::int64_t>(object, key)));
}

}  // namespace

json::object to_json(const ZoneEntry& entry) {
  json::object object{{"id", entry.zone.id},
                      {"name", entry.zone.name},
                      {"caller_reference", entry.caller_reference},
                      {"delegation_set", entry.delegation_set_id},
                      {"name_servers", texts_json(entry.name_servers)},
                      {"dnssec", entry.dnssec}};
  if (entry.comment) {
    object.emplace("comment", *entry.comment);
  }
  return object;
}

void from_json(const json::object& object, ZoneEntry& entry) {
  entry.zone.id = text(object, "id");
  entry.zone.name = text(object, "name");
  entry.caller_reference = text(object, "caller_reference");
  entry.delegation_set_id = text(object, "delegation_set");
  entry.name_servers = texts(object, "name_servers");
  entry.dnssec = object.at("dnssec").as_bool();
  entry.comment = optional_text(object, "comment");
}

json::object to_json(const ChangeEntry& entry) {
  return {
      {"id", entry.id}, {"comment", entry.comment}, {"submitted_at_ns", to_ns(entry.submitted_at)}};
}

void from_json(const json::object& object, ChangeEntry& entry) {
  entry.id = text(object, "id");
  entry.comment = text(object, "comment");
  entry.submitted_at = time(object, "submitted_at_ns");
}

json::object to_json(const DelegationSetEntry& entry) {
  return {{"id", entry.id},
          {"caller_reference", entry.caller_reference},
          {"name_servers", texts_json(entry.name_servers)}};
}

void from_json(const json::object& object, DelegationSetEntry& entry) {
  entry.id = text(object, "id");
  entry.caller_reference = text(object, "caller_reference");
  entry.name_servers = texts(object, "name_servers");
}

json::object to_json(const QueryLoggingEntry& entry) {
  return {{"id", entry.id}, {"zone", entry.zone_id}, {"log_group", entry.log_group_arn}};
}

void from_json(const json::object& object, QueryLoggingEntry& entry) {
  entry.id = text(object, "id");
  entry.zone_id = text(object, "zone");
  entry.log_group_arn = text(object, "log_group");
}

json::object to_json(const KeyEntry& entry) {
  return {{"zone", entry.zone_id},
          {"name", entry.name},
          {"kms_arn", entry.kms_arn},
          {"active", entry.active},
          {"private_key", entry.private_key.reveal()},
          {"created_at_ns", to_ns(entry.created_at)},
          {"modified_at_ns", to_ns(entry.modified_at)}};
}

void from_json(const json::object& object, KeyEntry& entry) {
  entry.zone_id = text(object, "zone");
  entry.name = text(object, "name");
  entry.kms_arn = text(object, "kms_arn");
  entry.active = object.at("active").as_bool();
  entry.private_key = Secret(text(object, "private_key"));
  entry.created_at = time(object, "created_at_ns");
  entry.modified_at = time(object, "modified_at_ns");
}

json::object to_json(const HealthCheckEntry& entry) {
  json::object object{{"id", entry.id},
                      {"caller_reference", entry.caller_reference},
                      {"version", entry.version},
                      {"type", entry.type},
                      {"ip_address", entry.ip_address},
                      {"resource_path", entry.resource_path},
                      {"fqdn", entry.fqdn},
                      {"search_string", entry.search_string},
                      {"request_interval", entry.request_interval},
                      {"failure_threshold", entry.failure_threshold},
                      {"measure_latency", entry.measure_latency},
                      {"inverted", entry.inverted},
                      {"disabled", entry.disabled},
                      {"children", texts_json(entry.children)},
                      {"regions", texts_json(entry.regions)},
                      {"alarm_region", entry.alarm_region},
                      {"alarm_name", entry.alarm_name},
                      {"insufficient_data_status", entry.insufficient_data_status},
                      {"routing_control_arn", entry.routing_control_arn}};
  if (entry.port) {
    object.emplace("port", *entry.port);
  }
  if (entry.health_threshold) {
    object.emplace("health_threshold", *entry.health_threshold);
  }
  if (entry.enable_sni) {
    object.emplace("enable_sni", *entry.enable_sni);
  }
  return object;
}

void from_json(const json::object& object, HealthCheckEntry& entry) {
  entry.id = text(object, "id");
  entry.caller_reference = text(object, "caller_reference");
  entry.version = number<std::uint64_t>(object, "version");
  entry.type = text(object, "type");
  entry.ip_address = text(object, "ip_address");
  entry.resource_path = text(object, "resource_path");
  entry.fqdn = text(object, "fqdn");
  entry.search_string = text(object, "search_string");
  entry.request_interval = number<int>(object, "request_interval");
  entry.failure_threshold = number<int>(object, "failure_threshold");
  entry.measure_latency = object.at("measure_latency").as_bool();
  entry.inverted = object.at("inverted").as_bool();
  entry.disabled = object.at("disabled").as_bool();
  entry.children = texts(object, "children");
  entry.regions = texts(object, "regions");
  entry.alarm_region = text(object, "alarm_region");
  entry.alarm_name = text(object, "alarm_name");
  entry.insufficient_data_status = text(object, "insufficient_data_status");
  entry.routing_control_arn = text(object, "routing_control_arn");
  if (object.contains("port")) {
    entry.port = number<int>(object, "port");
  }
  if (object.contains("health_threshold")) {
    entry.health_threshold = number<int>(object, "health_threshold");
  }
  if (object.contains("enable_sni")) {
    entry.enable_sni = object.at("enable_sni").as_bool();
  }
}

json::object to_json(const CidrEntry& entry) {
  json::array locations;
  for (const CidrCollection::Location& location : entry.collection.locations) {
    locations.emplace_back(
        json::object{{"name", location.name}, {"blocks", texts_json(location.blocks)}});
  }
  return {{"id", entry.collection.id},
          {"name", entry.collection.name},
          {"caller_reference", entry.caller_reference},
          {"version", entry.version},
          {"locations", std::move(locations)}};
}

void from_json(const json::object& object, CidrEntry& entry) {
  entry.collection.id = text(object, "id");
  entry.collection.name = text(object, "name");
  entry.caller_reference = text(object, "caller_reference");
  entry.version = number<std::uint64_t>(object, "version");
  for (const json::value& each : object.at("locations").as_array()) {
    const json::object& location = each.as_object();
    entry.collection.locations.push_back({text(location, "name"), texts(location, "blocks")});
  }
}

json::object to_json(const TrafficPolicyEntry& entry) {
  json::object object{{"id", entry.id},
                      {"version", entry.version},
                      {"name", entry.name},
                      {"type", entry.type},
                      {"document", entry.document}};
  if (entry.comment) {
    object.emplace("comment", *entry.comment);
  }
  return object;
}

void from_json(const json::object& object, TrafficPolicyEntry& entry) {
  entry.id = text(object, "id");
  entry.version = number<std::uint32_t>(object, "version");
  entry.name = text(object, "name");
  entry.type = text(object, "type");
  entry.document = text(object, "document");
  entry.comment = optional_text(object, "comment");
}

json::object to_json(const InstanceEntry& entry) {
  return {{"id", entry.id},
          {"zone", entry.zone_id},
          {"name", entry.name},
          {"ttl", entry.ttl_seconds},
          {"policy", entry.policy_id},
          {"policy_version", entry.policy_version},
          {"policy_type", entry.policy_type}};
}

void from_json(const json::object& object, InstanceEntry& entry) {
  entry.id = text(object, "id");
  entry.zone_id = text(object, "zone");
  entry.name = text(object, "name");
  entry.ttl_seconds = number<std::uint32_t>(object, "ttl");
  entry.policy_id = text(object, "policy");
  entry.policy_version = number<std::uint32_t>(object, "policy_version");
  entry.policy_type = text(object, "policy_type");
}

json::object to_json(const Tags& tags) {
  json::object object;
  for (const auto& [key, value] : tags) {
    object.emplace(key, value);
  }
  return object;
}

void from_json(const json::object& object, Tags& tags) {
  for (const auto& member : object) {
    tags.emplace(member.key(), std::string(member.value().as_string()));
  }
}

}  // namespace leeward::route53
