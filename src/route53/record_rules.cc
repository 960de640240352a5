// SPDX-License-Identifier: Apache-2.0
#include "route53/record_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "dns/octal.h"
#include "dns/rdata.h"
#include "routing/location.h"
#include "routing/policy.h"

namespace leeward::route53 {
namespace {

constexpr std::array<std::string_view, 17> kTypes{"SOA",   "A",    "TXT",   "NS",   "CNAME", "MX",
                                                  "NAPTR", "PTR",  "SRV",   "SPF",  "AAAA",  "CAA",
                                                  "DS",    "TLSA", "SSHFP", "SVCB", "HTTPS"};

bool is_within(const std::string& name, const std::string& zone) {
  return name == zone || (name.size() > zone.size() && name.ends_with(zone) &&
                          (zone == "." || name[name.size() - zone.size() - 1] == '.'));
}

int policies_of(const ResourceRecordSet& set) {
  return int{set.weight.has_value()} + int{!set.region.empty()} +
         int{set.geo_location.has_value()} + int{set.failover.has_value()} +
         int{set.multivalue_answer} + int{set.cidr.has_value()} +
         int{set.geo_proximity.has_value()};
}

std::string_view policy_of(const ResourceRecordSet& set) {
  return set.weight              ? "weighted"
         : !set.region.empty()   ? "latency"
         : set.geo_location      ? "geolocation"
         : set.failover          ? "failover"
         : set.multivalue_answer ? "multivalue answer"
         : set.cidr              ? "IP-based"
         : set.geo_proximity     ? "geoproximity"
                                 : "simple";
}

std::string described(const ResourceRecordSet& set) {
  return fmt::format("RRSet with DNS name {}, type {}{}{}", set.name, set.type,
                     set.set_identifier.empty() ? "" : ", SetIdentifier ", set.set_identifier);
}

// Character strings of at most 255 bytes, each in quotes (developer guide, "TXT record type").
std::optional<std::string> wrong_strings(const std::string& value) {
  bool quoted = false;
  std::size_t size = 0;
  bool any = false;
  for (std::size_t at = 0; at < value.size(); ++at) {
    const char c = value[at];
    if (c == '"') {
      quoted = !quoted;
      any = true;
      size = 0;
    } else if (!quoted && c != ' ' && c != '\t') {
      return "InvalidCharacterString (Value should be enclosed in quotation marks)";
    } else if (quoted) {
      if (c == '\\' && at + 1 < value.size()) {
        const bool octal = at + 3 < value.size() && value[at + 1] >= '0' && value[at + 1] <= '7';
        at += octal ? 3 : 1;
      }
      if (++size > 255) {
        return "CharacterStringTooLong (Value is too long)";
      }
    }
  }
  if (quoted || !any) {
    return "InvalidCharacterString (Value should be enclosed in quotation marks)";
  }
  return std::nullopt;
}

void check_values(const ResourceRecordSet& set, std::vector<std::string>& messages) {
  const std::optional<std::uint16_t> type = dns::parse_type(set.type);
  std::set<std::string> seen;
  for (const std::string& value : set.values) {
    if (!seen.insert(value).second) {
      messages.push_back(fmt::format("Duplicate Resource Record: '{}'", value));
    }
    if (set.type == "TXT" || set.type == "SPF") {
      if (const auto wrong = wrong_strings(value)) {
        messages.push_back(fmt::format(
            "Invalid Resource Record: 'FATAL problem: {} encountered with '{}''", *wrong, value));
        continue;
      }
    }
    const auto rdata = dns::parse_rdata(*type, dns::octal_to_decimal(value), dns::Name());
    if (!rdata) {
      const std::string_view what =
          set.type == "A"      ? "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"
          : set.type == "AAAA" ? "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)"
                               : std::string_view(rdata.error().message);
      messages.push_back(fmt::format(
          "Invalid Resource Record: 'FATAL problem: {} encountered with '{}''", what, value));
    }
  }
  if (set.values.size() > 1 && (set.type == "CNAME" || set.type == "SOA")) {
    messages.push_back(fmt::format("{}: only one resource record is permitted", described(set)));
  }
  if (set.values.size() > 1 && set.multivalue_answer) {
    messages.push_back(
        fmt::format("{}: a multivalue answer record set has one resource record", described(set)));
  }
}

void check_policy(const Catalog& catalog, const ResourceRecordSet& set,
                  std::vector<std::string>& messages) {
  const int policies = policies_of(set);
  if (policies > 1) {
    messages.push_back(fmt::format("{}: only one routing policy may be used", described(set)));
  }
  if (policies > 0 && set.set_identifier.empty()) {
    messages.push_back(fmt::format(
        "Invalid request: Missing field 'SetIdentifier' in Change with [Name={}, Type={}]",
        set.name, set.type));
  }
  if (policies == 0 && !set.set_identifier.empty()) {
    messages.push_back(fmt::format(
        "Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, "
        "MultiValueAnswer, GeoProximityLocation, or CidrRoutingConfig], but found none in Change "
        "with [Name={}, Type={}, SetIdentifier={}]",
        set.name, set.type, set.set_identifier));
  }
  if (policies > 0 && (set.type == "NS" || set.type == "SOA")) {
    messages.push_back(
        fmt::format("{}: {} record sets have simple routing only", described(set), set.type));
  }
  if (set.multivalue_answer && (set.alias || set.type == "CNAME")) {
    messages.push_back(fmt::format("{}: multivalue answer routing takes neither aliases nor CNAMEs",
                                   described(set)));
  }
  if (set.failover == FailoverRole::kPrimary && set.health_check_id.empty() &&
      !(set.alias && set.alias->evaluate_target_health)) {
    messages.push_back(fmt::format(
        "Invalid request: Missing field 'HealthCheckId' in Change with [Name={}, Type={}, "
        "SetIdentifier={}]: a primary needs a health check, or an alias that evaluates target "
        "health",
        set.name, set.type, set.set_identifier));
  }
  if (!set.health_check_id.empty() && !catalog.health_checks.contains(set.health_check_id)) {
    messages.push_back(
        fmt::format("{}: no health check exists with ID {}", described(set), set.health_check_id));
  }
}

void check_places(const Catalog& catalog, const ResourceRecordSet& set,
                  std::vector<std::string>& messages) {
  if (const auto& geo = set.geo_location) {
    const bool continent = !geo->continent.empty();
    const bool country = !geo->country.empty();
    const bool known =
        continent ? !country && geo->subdivision.empty() &&
                        routing::continent_key(geo->continent) != routing::kNoPlace
        : geo->country == "*" ? geo->subdivision.empty()
        : geo->subdivision.empty()
            ? routing::country_key(geo->country) != routing::kNoPlace
            : routing::subdivision_key(geo->country, geo->subdivision) != routing::kNoPlace;
    if (!known) {
      messages.push_back(fmt::format(
          "{}: a geolocation is a continent, a country, a country with a subdivision, or '*'",
          described(set)));
    }
  }
  if (const auto& cidr = set.cidr) {
    const auto found = catalog.cidr_collections.find(cidr->collection_id);
    if (found == catalog.cidr_collections.end()) {
      messages.push_back(fmt::format("{}: no CIDR collection exists with ID {}", described(set),
                                     cidr->collection_id));
    } else if (cidr->location_name != "*" &&
               std::ranges::find(found->second.collection.locations, cidr->location_name,
                                 &CidrCollection::Location::name) ==
                   found->second.collection.locations.end()) {
      messages.push_back(fmt::format("{}: CIDR collection {} has no location {}", described(set),
                                     cidr->collection_id, cidr->location_name));
    }
  }
  if (const auto& near = set.geo_proximity) {
    const int ways = int{!near->aws_region.empty()} + int{!near->local_zone_group.empty()} +
                     int{near->coordinates.has_value()};
    const auto degrees = [](const std::string& text, double limit) {
      double value = 0;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
      return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() &&
             value >= -limit && value <= limit;
    };
    if (ways != 1) {
      messages.push_back(fmt::format(
          "{}: a geoproximity location has exactly one of AWSRegion, LocalZoneGroup and "
          "Coordinates",
          described(set)));
    } else if (near->coordinates && (!degrees(near->coordinates->latitude, 90) ||
                                     !degrees(near->coordinates->longitude, 180))) {
      messages.push_back(
          fmt::format("{}: coordinates are degrees, -90 to 90 and -180 to 180", described(set)));
    }
  }
}

// ---- among others ----

using Group = std::vector<const ResourceRecordSet*>;

// The record sets of one name, by type.
std::map<std::string, Group> groups_at(const RecordTable& table, const std::string& name) {
  std::map<std::string, Group> groups;
  table.visit_from(RecordKey::of(name), [&](const ResourceRecordSet& set) {
    if (set.name != name) {
      return false;
    }
    groups[set.type].push_back(&set);
    return true;
  });
  return groups;
}

// What tells members of a group apart, besides their identifiers.
std::string distinct_key(const ResourceRecordSet& set) {
  if (set.geo_location) {
    return fmt::format("geolocation {} {} {}", set.geo_location->continent,
                       set.geo_location->country, set.geo_location->subdivision);
  }
  if (!set.region.empty()) {
    return "region " + set.region;
  }
  if (set.failover) {
    return *set.failover == FailoverRole::kPrimary ? "failover PRIMARY" : "failover SECONDARY";
  }
  if (set.cidr) {
    return fmt::format("CIDR location {} {}", set.cidr->collection_id, set.cidr->location_name);
  }
  return "";
}

void check_group(const Group& group, std::vector<std::string>& messages) {
  std::set<std::string> keys;
  for (const ResourceRecordSet* set : group) {
    if (policy_of(*set) != policy_of(*group.front())) {
      messages.push_back(fmt::format(
          "{} cannot be created as a {} RRSet because other RRSets with the same name and type "
          "are {}",
          described(*set), policy_of(*set), policy_of(*group.front())));
      return;
    }
    const std::string key = distinct_key(*set);
    if (!key.empty() && !keys.insert(key).second) {
      messages.push_back(fmt::format(
          "{} cannot be created because an RRSet with the same name, type and {} already exists",
          described(*set), key));
    }
    if (set->cidr && set->cidr->collection_id != group.front()->cidr->collection_id) {
      messages.push_back(fmt::format(
          "{}: all record sets of a name and type use the same CIDR collection", described(*set)));
    }
  }
  if (group.size() > routing::kMembersMax) {
    messages.push_back(fmt::format("{}: at most {} record sets may share a name and type",
                                   described(*group.front()), routing::kMembersMax));
  }
}

// Follows aliases from a name and type; the zone itself as it would be, others as they are.
class AliasWalk {
 public:
  AliasWalk(const Catalog& catalog, const ZoneEntry& zone, const RecordTable& after)
      : catalog_(catalog), zone_(zone), after_(after) {}

  [[nodiscard]] Group target_of(const ResourceRecordSet& set) const {
    const RecordTable* table = &after_;
    if (set.alias->hosted_zone_id != zone_.zone.id) {
      const ZoneEntry* other = catalog_.zone(set.alias->hosted_zone_id);
      if (other == nullptr) {
        return {};
      }
      table = &other->zone.records;
    }
    Group group = group_at(*table, set.alias->dns_name, set.type);
    if (group.empty()) {  // a wildcard's name
      const std::size_t dot = set.alias->dns_name.find('.');
      if (dot != std::string::npos) {
        group = group_at(*table, "\\052" + set.alias->dns_name.substr(dot), set.type);
      }
    }
    return group;
  }

  // Why an alias from `set` on does not end; empty: it does.
  [[nodiscard]] std::string endless(const ResourceRecordSet& set) {
    steps_ = 0;
    return visit(set, 1);
  }

 private:
  static Group group_at(const RecordTable& table, const std::string& name,
                        const std::string& type) {
    auto groups = groups_at(table, name);
    const auto found = groups.find(type);
    return found == groups.end() ? Group() : found->second;
  }

  std::string visit(const ResourceRecordSet& set, std::size_t depth) {
    if (depth > routing::kDepthMax - 1 || ++steps_ > kStepsMax) {
      return "alias targets lead in a circle, or too deep";
    }
    for (const ResourceRecordSet* next : target_of(set)) {
      if (next->alias) {
        if (std::string why = visit(*next, depth + 1); !why.empty()) {
          return why;
        }
      }
    }
    return "";
  }

  static constexpr std::size_t kStepsMax = 4096;
  const Catalog& catalog_;
  const ZoneEntry& zone_;
  const RecordTable& after_;
  std::size_t steps_ = 0;
};

void check_alias(const Catalog& catalog, const ZoneEntry& zone, const RecordTable& after,
                 const ResourceRecordSet& set, std::vector<std::string>& messages) {
  const std::string target = fmt::format("{}, type {} in zone {}", set.alias->dns_name, set.type,
                                         set.alias->hosted_zone_id);
  const ZoneEntry* other =
      set.alias->hosted_zone_id == zone.zone.id ? &zone : catalog.zone(set.alias->hosted_zone_id);
  if (other == nullptr || !is_within(set.alias->dns_name, other->zone.name)) {
    messages.push_back(
        fmt::format("Tried to create an alias that targets {}, but the alias target name does not "
                    "lie within the target zone",
                    target));
    return;
  }
  AliasWalk walk(catalog, zone, after);
  if (walk.target_of(set).empty()) {
    messages.push_back(fmt::format(
        "Tried to create an alias that targets {}, but that target was not found", target));
  } else if (const std::string why = walk.endless(set); !why.empty()) {
    messages.push_back(
        fmt::format("Tried to create an alias that targets {}, but its {}", target, why));
  }
}

}  // namespace

void check_record(const Catalog& catalog, const ZoneEntry& zone, const ResourceRecordSet& set,
                  std::vector<std::string>& messages) {
  if (std::ranges::find(kTypes, set.type) == kTypes.end()) {
    messages.push_back(
        fmt::format("{}: type is not one of {}", described(set), fmt::join(kTypes, ", ")));
    return;
  }
  if (!is_within(set.name, zone.zone.name)) {
    messages.push_back(fmt::format("RRSet with DNS name {} is not permitted in zone {}", set.name,
                                   zone.zone.name));
  }
  if (set.alias && (set.ttl_seconds || !set.values.empty())) {
    messages.push_back(fmt::format(
        "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], "
        "or TrafficPolicyInstanceId], but found more than one in Change with [Name={}, Type={}, "
        "SetIdentifier={}]",
        set.name, set.type, set.set_identifier.empty() ? "null" : set.set_identifier));
  } else if (!set.alias && (!set.ttl_seconds || set.values.empty())) {
    messages.push_back(fmt::format(
        "Invalid request: Missing field '{}' in Change with [Name={}, Type={}, SetIdentifier={}]",
        set.ttl_seconds ? "ResourceRecords" : "TTL", set.name, set.type,
        set.set_identifier.empty() ? "null" : set.set_identifier));
  }
  if (set.alias && (set.type == "NS" || set.type == "SOA")) {
    messages.push_back(fmt::format("{}: {} cannot be an alias", described(set), set.type));
  }
  if (set.type == "SOA" && set.name != zone.zone.name) {
    messages.push_back(fmt::format("{}: SOA stands at the zone's name only", described(set)));
  }
  if (set.type == "DS" && set.name == zone.zone.name) {
    messages.push_back(fmt::format("{}: DS belongs to the zone above", described(set)));
  }
  if (set.type == "NS" && set.name.starts_with("\\052.")) {
    messages.push_back(fmt::format("{}: a wildcard cannot be delegated", described(set)));
  }
  if (!set.traffic_policy_instance_id.empty()) {
    messages.push_back(
        fmt::format("{}: record sets of a traffic policy instance are changed with the instance",
                    described(set)));
  }
  check_values(set, messages);
  check_policy(catalog, set, messages);
  check_places(catalog, set, messages);
}

void check_names(const Catalog& catalog, const ZoneEntry& zone, const RecordTable& after,
                 const std::set<std::string>& names, std::vector<std::string>& messages) {
  for (const std::string& name : names) {
    const auto groups = groups_at(after, name);
    if (groups.contains("CNAME")) {
      if (name == zone.zone.name) {
        messages.push_back(
            fmt::format("RRSet of type CNAME with DNS name {} is not permitted at apex in zone {}",
                        name, zone.zone.name));
      } else if (groups.size() > 1) {
        messages.push_back(fmt::format(
            "RRSet of type CNAME with DNS name {} is not permitted as it conflicts with other "
            "records with the same DNS name in zone {}",
            name, zone.zone.name));
      }
    }
    for (const auto& [type, group] : groups) {
      check_group(group, messages);
      for (const ResourceRecordSet* set : group) {
        if (set->alias) {
          check_alias(catalog, zone, after, *set, messages);
        }
      }
    }
    if (name == zone.zone.name) {
      if (!groups.contains("SOA")) {
        messages.emplace_back("A HostedZone must contain exactly one SOA record.");
      }
      if (!groups.contains("NS")) {
        messages.emplace_back(
            "A HostedZone must contain at least one NS record for the zone itself.");
      }
    }
  }
}

}  // namespace leeward::route53
