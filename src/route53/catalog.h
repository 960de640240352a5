// SPDX-License-Identifier: Apache-2.0
//
// Everything that the Route 53 API has: zones with their record sets, health checks and all the
// rest. It changes in one way only, by apply(): with what was just stored, or with what is read at
// start. So what is in force is what is in the store.
//
// Keys (prefix "route53/"; ids and names percent-encoded where they must be), values as JSON:
//   zone/<id>  rrset/<zone>/<reversed name>/<type>/<set identifier>  change/<id>
//   tags/<type>/<id>  delegation-set/<id>  query-logging/<id>  key-signing-key/<zone>/<name>
//   health-check/<id>  cidr-collection/<id>  traffic-policy/<id>/<version>
//   traffic-policy-instance/<id>
//
// Thread-safety: none; the control thread's. RecordTables may be copied out for other threads.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/record_table.h"
#include "route53/entries.h"

namespace leeward::route53 {

inline constexpr std::string_view kStorePrefix = "route53/";

// One change of the store and the catalog; without a value the key is deleted.
struct Mutation {
  std::string key;
  std::optional<std::string> value;

  friend bool operator==(const Mutation&, const Mutation&) = default;
};

[[nodiscard]] Mutation put_zone(const ZoneEntry& zone);  // without its record sets
[[nodiscard]] Mutation delete_zone(const std::string& id);
[[nodiscard]] Mutation put_record(const std::string& zone, const ResourceRecordSet& set);
[[nodiscard]] Mutation delete_record(const std::string& zone, const ResourceRecordSet& set);
[[nodiscard]] Mutation put_change(const ChangeEntry& change);
[[nodiscard]] Mutation delete_change(const std::string& id);
[[nodiscard]] Mutation put_tags(const std::string& type, const std::string& id, const Tags& tags);
[[nodiscard]] Mutation put_delegation_set(const DelegationSetEntry& set);
[[nodiscard]] Mutation delete_delegation_set(const std::string& id);
[[nodiscard]] Mutation put_query_logging(const QueryLoggingEntry& config);
[[nodiscard]] Mutation delete_query_logging(const std::string& id);
[[nodiscard]] Mutation put_key(const KeyEntry& key);
[[nodiscard]] Mutation delete_key(const std::string& zone, const std::string& name);
[[nodiscard]] Mutation put_health_check(const HealthCheckEntry& check);
[[nodiscard]] Mutation delete_health_check(const std::string& id);
[[nodiscard]] Mutation put_cidr_collection(const CidrEntry& entry);
[[nodiscard]] Mutation delete_cidr_collection(const std::string& id);
[[nodiscard]] Mutation put_traffic_policy(const TrafficPolicyEntry& policy);
[[nodiscard]] Mutation delete_traffic_policy(const std::string& id, std::uint32_t version);
[[nodiscard]] Mutation put_instance(const InstanceEntry& instance);
[[nodiscard]] Mutation delete_instance(const std::string& id);

class Catalog {
 public:
  // kDataCorrupt names the key. A record set of a zone that is not there is dropped.
  Status apply(const Mutation& mutation);

  // What the config serves: shown, never changed here, not stored.
  void set_managed(std::vector<ZoneEntry> zones);

  // "Z123" or "/hostedzone/Z123"; managed ones, too.
  [[nodiscard]] const ZoneEntry* zone(std::string_view id) const;
  [[nodiscard]] const ZoneEntry* zone_named(std::string_view name) const;

  std::map<std::string, ZoneEntry, std::less<>> zones;  // by id, managed ones included
  std::map<std::string, ChangeEntry, std::less<>> changes;
  std::map<std::pair<std::string, std::string>, Tags> tags;  // by type and id
  std::map<std::string, DelegationSetEntry, std::less<>> delegation_sets;
  std::map<std::string, QueryLoggingEntry, std::less<>> query_logging;
  std::map<std::pair<std::string, std::string>, KeyEntry> keys;  // by zone and name
  std::map<std::string, HealthCheckEntry, std::less<>> health_checks;
  std::map<std::string, CidrEntry, std::less<>> cidr_collections;
  std::map<std::pair<std::string, std::uint32_t>, TrafficPolicyEntry> traffic_policies;
  std::map<std::string, InstanceEntry, std::less<>> instances;

 private:
  Status apply_record(std::string_view rest, const Mutation& mutation);
};

// The id without "/hostedzone/" and the like before it.
[[nodiscard]] std::string_view bare_id(std::string_view id);

}  // namespace leeward::route53
