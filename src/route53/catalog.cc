// SPDX-License-Identifier: Apache-2.0
#include "route53/catalog.h"

#include <algorithm>
#include <charconv>
#include <exception>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "dns/record_json.h"
#include "route53/entry_json.h"

namespace leeward::route53 {
namespace {

namespace json = boost::json;

std::string encoded(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '*';
    result += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

std::string key_of(std::string_view kind, std::string_view id) {
  return fmt::format("{}{}/{}", kStorePrefix, kind, encoded(id));
}
std::string key_of(std::string_view kind, std::string_view id, std::string_view second) {
  return fmt::format("{}{}/{}/{}", kStorePrefix, kind, encoded(id), encoded(second));
}

std::string record_key(const std::string& zone, const ResourceRecordSet& set) {
  return fmt::format("{}rrset/{}/{}/{}/{}", kStorePrefix, encoded(zone),
                     encoded(reversed_labels(set.name)), set.type, encoded(set.set_identifier));
}

template <typename Entry>
Mutation put(std::string key, const Entry& entry) {
  return {std::move(key), json::serialize(to_json(entry))};
}

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      unsigned value = 0;
      std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
      result += static_cast<char>(value);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

// "a/b/c" -> {"a", "b", "c"}, decoded.
std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t slash = text.find('/');
    parts.push_back(decoded(text.substr(0, slash)));
    if (slash == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(slash + 1);
  }
}

std::uint32_t version_of(const std::string& text) {
  std::uint32_t version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

json::object parse(const Mutation& mutation) {
  return json::parse(*mutation.value).as_object();
}

template <typename Map, typename Key>
void set_or_erase(Map& map, const Key& key, const Mutation& mutation) {
  if (!mutation.value) {
    map.erase(key);
    return;
  }
  typename Map::mapped_type entry;
  from_json(parse(mutation), entry);
  map.insert_or_assign(key, std::move(entry));
}

}  // namespace

std::string_view bare_id(std::string_view id) {
  if (!id.starts_with('/')) {
    return id;
  }
  const std::size_t slash = id.rfind('/');
  return id.substr(slash + 1);
}

Mutation put_zone(const ZoneEntry& zone) {
  return put(key_of("zone", zone.zone.id), zone);
}
Mutation delete_zone(const std::string& id) {
  return {key_of("zone", id), std::nullopt};
}
Mutation put_record(const std::string& zone, const ResourceRecordSet& set) {
  return {record_key(zone, set), json::serialize(dns::to_json(set))};
}
Mutation delete_record(const std::string& zone, const ResourceRecordSet& set) {
  return {record_key(zone, set), std::nullopt};
}
Mutation put_change(const ChangeEntry& change) {
  return put(key_of("change", change.id), change);
}
Mutation delete_change(const std::string& id) {
  return {key_of("change", id), std::nullopt};
}
Mutation put_tags(const std::string& type, const std::string& id, const Tags& tags) {
  return tags.empty() ? Mutation{key_of("tags", type, id), std::nullopt}
                      : put(key_of("tags", type, id), tags);
}
Mutation put_delegation_set(const DelegationSetEntry& set) {
  return put(key_of("delegation-set", set.id), set);
}
Mutation delete_delegation_set(const std::string& id) {
  return {key_of("delegation-set", id), std::nullopt};
}
Mutation put_query_logging(const QueryLoggingEntry& config) {
  return put(key_of("query-logging", config.id), config);
}
Mutation delete_query_logging(const std::string& id) {
  return {key_of("query-logging", id), std::nullopt};
}
Mutation put_key(const KeyEntry& key) {
  return put(key_of("key-signing-key", key.zone_id, key.name), key);
}
Mutation delete_key(const std::string& zone, const std::string& name) {
  return {key_of("key-signing-key", zone, name), std::nullopt};
}
Mutation put_health_check(const HealthCheckEntry& check) {
  return put(key_of("health-check", check.id), check);
}
Mutation delete_health_check(const std::string& id) {
  return {key_of("health-check", id), std::nullopt};
}
Mutation put_cidr_collection(const CidrEntry& entry) {
  return put(key_of("cidr-collection", entry.collection.id), entry);
}
Mutation delete_cidr_collection(const std::string& id) {
  return {key_of("cidr-collection", id), std::nullopt};
}
Mutation put_traffic_policy(const TrafficPolicyEntry& policy) {
  return put(key_of("traffic-policy", policy.id, std::to_string(policy.version)), policy);
}
Mutation delete_traffic_policy(const std::string& id, std::uint32_t version) {
  return {key_of("traffic-policy", id, std::to_string(version)), std::nullopt};
}
Mutation put_instance(const InstanceEntry& instance) {
  return put(key_of("traffic-policy-instance", instance.id), instance);
}
Mutation delete_instance(const std::string& id) {
  return {key_of("traffic-policy-instance", id), std::nullopt};
}

Status Catalog::apply(const Mutation& mutation) {
  std::string_view rest(mutation.key);
  rest.remove_prefix(std::min(kStorePrefix.size(), rest.size()));
  const std::size_t slash = rest.find('/');
  const std::string_view kind = rest.substr(0, slash);
  rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
  const std::vector<std::string> parts = parts_of(rest);
  const std::string second = parts.size() > 1 ? parts[1] : "";
  try {
    if (kind == "rrset") {
      return apply_record(rest, mutation);
    }
    if (kind == "zone" && mutation.value) {
      ZoneEntry& entry = zones[parts[0]];  // its record sets stay
      entry.comment.reset();
      from_json(parse(mutation), entry);
    } else if (kind == "zone") {
      zones.erase(parts[0]);
    } else if (kind == "change") {
      set_or_erase(changes, parts[0], mutation);
      if (const auto found = changes.find(parts[0]); found != changes.end()) {
        found->second.in_sync = false;
      }
    } else if (kind == "tags") {
      set_or_erase(tags, std::pair(parts[0], second), mutation);
    } else if (kind == "delegation-set") {
      set_or_erase(delegation_sets, parts[0], mutation);
    } else if (kind == "query-logging") {
      set_or_erase(query_logging, parts[0], mutation);
    } else if (kind == "key-signing-key") {
      set_or_erase(keys, std::pair(parts[0], second), mutation);
    } else if (kind == "health-check") {
      set_or_erase(health_checks, parts[0], mutation);
    } else if (kind == "cidr-collection") {
      set_or_erase(cidr_collections, parts[0], mutation);
    } else if (kind == "traffic-policy") {
      set_or_erase(traffic_policies, std::pair(parts[0], version_of(second)), mutation);
    } else if (kind == "traffic-policy-instance") {
      set_or_erase(instances, parts[0], mutation);
    } else {
      return fail(ErrorCode::kDataCorrupt,
                  fmt::format("{}: this version knows no such key", mutation.key));
    }
  } catch (const std::exception& exception) {
    return fail(ErrorCode::kDataCorrupt,
                fmt::format("{}: cannot be read: {}", mutation.key, exception.what()));
  }
  return {};
}

Status Catalog::apply_record(std::string_view rest, const Mutation& mutation) {
  const std::vector<std::string> parts = parts_of(rest);
  const auto zone = zones.find(parts[0]);
  if (zone == zones.end()) {
    return {};
  }
  RecordTable& records = zone->second.zone.records;
  if (!mutation.value) {
    if (parts.size() == 4) {
      records.erase({parts[1], parts[2], parts[3]});
    }
    return {};
  }
  auto set = dns::parse_record_json(parse(mutation));
  if (!set) {
    return fail(ErrorCode::kDataCorrupt, fmt::format("{}: {}", mutation.key, set.error().message));
  }
  records.insert_or_assign(*std::move(set));
  return {};
}

void Catalog::set_managed(std::vector<ZoneEntry> managed) {
  std::erase_if(zones, [](const auto& each) { return !each.second.managed_by.empty(); });
  for (ZoneEntry& zone : managed) {
    const std::string id = zone.zone.id;
    zones.insert_or_assign(id, std::move(zone));
  }
}

const ZoneEntry* Catalog::zone(std::string_view id) const {
  const auto found = zones.find(bare_id(id));
  return found == zones.end() ? nullptr : &found->second;
}

const ZoneEntry* Catalog::zone_named(std::string_view name) const {
  const auto found =
      std::ranges::find_if(zones, [&](const auto& each) { return each.second.zone.name == name; });
  return found == zones.end() ? nullptr : &found->second;
}

}  // namespace leeward::route53
