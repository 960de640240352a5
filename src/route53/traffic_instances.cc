// SPDX-License-Identifier: Apache-2.0
//
// Traffic policy instances: a document's record sets, in a hosted zone, changed together.
#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "base/result.h"
#include "dns/octal.h"
#include "route53/operations.h"
#include "route53/record_rules.h"
#include "route53/traffic_document.h"

namespace leeward::route53 {
namespace {

void write_instance(XmlWriter& xml, const InstanceEntry& instance) {
  xml.open("TrafficPolicyInstance")
      .text("Id", instance.id)
      .text("HostedZoneId", instance.zone_id)
      .text("Name", instance.name)
      .number("TTL", instance.ttl_seconds)
      .text("State", "Applied")
      .text("Message", "")
      .text("TrafficPolicyId", instance.policy_id)
      .number("TrafficPolicyVersion", instance.policy_version)
      .text("TrafficPolicyType", instance.policy_type)
      .close();
}

std::expected<const InstanceEntry*, ApiError> find_instance(const Call& call) {
  const auto found = call.catalog.instances.find(call.parameters[0]);
  if (found == call.catalog.instances.end()) {
    return std::unexpected(not_found("NoSuchTrafficPolicyInstance",
                                     "No traffic policy instance exists with the specified ID."));
  }
  return &found->second;
}

std::vector<ResourceRecordSet> records_of(const ZoneEntry& zone, const std::string& instance) {
  std::vector<ResourceRecordSet> sets;
  zone.zone.records.visit_all([&](const ResourceRecordSet& set) {
    if (set.traffic_policy_instance_id == instance) {
      sets.push_back(set);
    }
    return true;
  });
  return sets;
}

// Replaces the instance's record sets; refuses where the zone would not be sound after it.
std::expected<void, ApiError> replace_records(const Call& call, const ZoneEntry& zone,
                                              const InstanceEntry& instance,
                                              const std::vector<ResourceRecordSet>& wanted,
                                              std::vector<Mutation>& mutations) {
  RecordTable after = zone.zone.records;
  for (const ResourceRecordSet& set : records_of(zone, instance.id)) {
    after.erase(RecordKey::of(set));
    mutations.push_back(delete_record(zone.zone.id, set));
  }
  std::vector<std::string> messages;
  std::set<std::string> names;
  for (const ResourceRecordSet& set : wanted) {
    if (after.find(RecordKey::of(set)) != nullptr) {
      messages.push_back(
          fmt::format("there are record sets of name {} and type {} already", set.name, set.type));
    }
    ResourceRecordSet plain = set;
    plain.traffic_policy_instance_id.clear();
    check_record(call.catalog, zone, plain, messages);
    names.insert(set.name);
    after.insert_or_assign(set);
    mutations.push_back(put_record(zone.zone.id, set));
  }
  if (messages.empty()) {
    check_names(call.catalog, zone, after, names, messages);
  }
  if (!messages.empty()) {
    return std::unexpected(invalid_input(fmt::format("{}", fmt::join(messages, "; "))));
  }
  return {};
}

std::expected<const TrafficPolicyEntry*, ApiError> read_policy(const Call& call,
                                                               pugi::xml_node root) {
  ASSIGN_OR_RETURN(const std::string id, required_text(root, "TrafficPolicyId", 36));
  ASSIGN_OR_RETURN(const auto version, number_of(root, "TrafficPolicyVersion", 1, 1000));
  const auto found =
      call.catalog.traffic_policies.find({id, static_cast<std::uint32_t>(version.value_or(0))});
  if (found == call.catalog.traffic_policies.end()) {
    return std::unexpected(
        not_found("NoSuchTrafficPolicy", "No traffic policy exists with the specified ID."));
  }
  return &found->second;
}

std::expected<void, ApiError> read_ttl(pugi::xml_node root, InstanceEntry& instance) {
  ASSIGN_OR_RETURN(const auto ttl, number_of(root, "TTL", 0, 0x7FFFFFFF));
  if (!ttl) {
    return std::unexpected(invalid_input("TTL is required"));
  }
  instance.ttl_seconds = static_cast<std::uint32_t>(*ttl);
  return {};
}

void use_policy(const TrafficPolicyEntry& policy, InstanceEntry& instance) {
  instance.policy_id = policy.id;
  instance.policy_version = policy.version;
  instance.policy_type = policy.type;
}

// Pages by the instance's id, which is the last of the markers that the API has.
OperationResult list(const Call& call, std::string_view root, bool with_zone_marker,
                     const std::function<bool(const InstanceEntry&)>& wanted) {
  ASSIGN_OR_RETURN(const std::size_t most, max_items(call));
  std::map<std::pair<std::string, std::string>, const InstanceEntry*> ordered;  // by name, type
  for (const auto& [id, instance] : call.catalog.instances) {
    if (wanted(instance)) {
      ordered.emplace(
          std::pair(instance.zone_id + " " + reversed_labels(instance.name), instance.policy_type),
          &instance);
    }
  }
  auto at = ordered.begin();
  const auto name = call.parameter("trafficpolicyinstancename");
  const auto type = call.parameter("trafficpolicyinstancetype");
  if (name && type) {
    at = std::ranges::find_if(ordered, [&](const auto& each) {
      return each.second->name == *name && each.second->policy_type == *type;
    });
    if (at == ordered.end()) {
      return std::unexpected(
          not_found("NoSuchTrafficPolicyInstance", "the markers name no instance"));
    }
  }
  XmlWriter xml(root);
  xml.open("TrafficPolicyInstances");
  const InstanceEntry* next = nullptr;
  for (std::size_t count = 0; at != ordered.end(); ++at, ++count) {
    if (count == most) {
      next = at->second;
      break;
    }
    write_instance(xml, *at->second);
  }
  xml.close();
  if (next != nullptr) {
    if (with_zone_marker) {
      xml.text("HostedZoneIdMarker", next->zone_id);
    }
    xml.text("TrafficPolicyInstanceNameMarker", next->name)
        .text("TrafficPolicyInstanceTypeMarker", next->policy_type);
  }
  xml.flag("IsTruncated", next != nullptr).number("MaxItems", most);
  return Outcome{{200, xml.finish()}};
}

}  // namespace

OperationResult create_instance(const Call& call) {
  ASSIGN_OR_RETURN(const pugi::xml_node root,
                   body_named(call, "CreateTrafficPolicyInstanceRequest"));
  ASSIGN_OR_RETURN(const std::string zone_id, required_text(root, "HostedZoneId", 64));
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_own_zone(call, zone_id));
  ASSIGN_OR_RETURN(const std::string name, required_text(root, "Name"));
  const auto parsed = dns::parse_route53_name(name);
  if (!parsed) {
    return std::unexpected(invalid_input(parsed.error().message));
  }
  ASSIGN_OR_RETURN(const TrafficPolicyEntry* const policy, read_policy(call, root));
  InstanceEntry instance;
  instance.id = random_uuid(call.rng);
  instance.zone_id = zone->zone.id;
  instance.name = dns::route53_text(*parsed);
  RETURN_IF_ERROR(read_ttl(root, instance));
  use_policy(*policy, instance);
  for (const auto& [id, other] : call.catalog.instances) {
    if (other.zone_id == instance.zone_id && other.name == instance.name &&
        other.policy_type == instance.policy_type) {
      return std::unexpected(ApiError{409, "TrafficPolicyInstanceAlreadyExists",
                                      fmt::format("instance {} has this name and type", id)});
    }
  }
  std::vector<Mutation> mutations;
  RETURN_IF_ERROR(replace_records(call, *zone, instance,
                                  expand_document(policy->document, instance), mutations));
  mutations.push_back(put_instance(instance));
  XmlWriter xml("CreateTrafficPolicyInstanceResponse");
  write_instance(xml, instance);
  return Outcome{{201, xml.finish(), "/2013-04-01/trafficpolicyinstance/" + instance.id},
                 std::move(mutations)};
}

OperationResult get_instance(const Call& call) {
  ASSIGN_OR_RETURN(const InstanceEntry* const instance, find_instance(call));
  XmlWriter xml("GetTrafficPolicyInstanceResponse");
  write_instance(xml, *instance);
  return Outcome{{200, xml.finish()}};
}

OperationResult update_instance(const Call& call) {
  ASSIGN_OR_RETURN(const InstanceEntry* const instance, find_instance(call));
  ASSIGN_OR_RETURN(const pugi::xml_node root,
                   body_named(call, "UpdateTrafficPolicyInstanceRequest"));
  ASSIGN_OR_RETURN(const TrafficPolicyEntry* const policy, read_policy(call, root));
  if (policy->type != instance->policy_type) {
    return std::unexpected(ApiError{
        400, "ConflictingTypes", "the instance was created with a policy of another record type"});
  }
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_zone(call, instance->zone_id));
  InstanceEntry changed = *instance;
  RETURN_IF_ERROR(read_ttl(root, changed));
  use_policy(*policy, changed);
  std::vector<Mutation> mutations;
  RETURN_IF_ERROR(
      replace_records(call, *zone, changed, expand_document(policy->document, changed), mutations));
  mutations.push_back(put_instance(changed));
  XmlWriter xml("UpdateTrafficPolicyInstanceResponse");
  write_instance(xml, changed);
  return Outcome{{200, xml.finish()}, std::move(mutations)};
}

OperationResult delete_instance_operation(const Call& call) {
  ASSIGN_OR_RETURN(const InstanceEntry* const instance, find_instance(call));
  std::vector<Mutation> mutations{delete_instance(instance->id)};
  if (const ZoneEntry* zone = call.catalog.zone(instance->zone_id)) {
    for (const ResourceRecordSet& set : records_of(*zone, instance->id)) {
      mutations.push_back(delete_record(zone->zone.id, set));
    }
  }
  return Outcome{{200, XmlWriter("DeleteTrafficPolicyInstanceResponse").finish()},
                 std::move(mutations)};
}

OperationResult list_instances(const Call& call) {
  return list(call, "ListTrafficPolicyInstancesResponse", true,
              [](const InstanceEntry&) { return true; });
}

OperationResult list_instances_by_zone(const Call& call) {
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_zone(call, call.parameter("id").value_or("")));
  return list(call, "ListTrafficPolicyInstancesByHostedZoneResponse", false,
              [&](const InstanceEntry& each) { return each.zone_id == zone->zone.id; });
}

OperationResult list_instances_by_policy(const Call& call) {
  const std::string id = call.parameter("id").value_or("");
  const std::string version = call.parameter("version").value_or("");
  const bool known = std::ranges::any_of(call.catalog.traffic_policies, [&](const auto& each) {
    return each.first.first == id && std::to_string(each.first.second) == version;
  });
  if (!known) {
    return std::unexpected(
        not_found("NoSuchTrafficPolicy", "No traffic policy exists with the specified ID."));
  }
  return list(call, "ListTrafficPolicyInstancesByPolicyResponse", true,
              [&](const InstanceEntry& each) {
                return each.policy_id == id && std::to_string(each.policy_version) == version;
              });
}

OperationResult get_instance_count(const Call& call) {
  XmlWriter xml("GetTrafficPolicyInstanceCountResponse");
  xml.number("TrafficPolicyInstanceCount", call.catalog.instances.size());
  return Outcome{{200, xml.finish()}};
}

}  // namespace leeward::route53
