// SPDX-License-Identifier: Apache-2.0
//
// The kinds of things that the catalog holds, with the names that the API gives their members.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "model/record_table.h"

namespace leeward::route53 {

using Tags = std::map<std::string, std::string>;

struct ZoneEntry {
  HostedZone zone;  // id, name, record sets
  std::string caller_reference;
  std::optional<std::string> comment;
  std::string delegation_set_id;          // empty: its own
  std::vector<std::string> name_servers;  // of its own delegation set
  bool dnssec = false;                    // signing is on
  std::string managed_by;                 // the config's file or application; empty: the API's own
};

struct ChangeEntry {
  std::string id;
  std::string comment;
  WallTime submitted_at{};
  bool in_sync = false;  // not stored: after a restart everything is
};

struct DelegationSetEntry {
  std::string id;
  std::string caller_reference;
  std::vector<std::string> name_servers;
};

struct QueryLoggingEntry {
  std::string id;
  std::string zone_id;
  std::string log_group_arn;
};

struct KeyEntry {
  std::string zone_id;
  std::string name;
  std::string kms_arn;
  bool active = false;
  Secret private_key;  // PEM, PKCS #8, P-256
  WallTime created_at{};
  WallTime modified_at{};
};

// HealthCheckConfig, plus what the API adds.
struct HealthCheckEntry {
  std::string id;
  std::string caller_reference;
  std::uint64_t version = 1;
  std::string type;  // "HTTP"
  std::string ip_address;
  std::optional<int> port;
  std::string resource_path;
  std::string fqdn;
  std::string search_string;
  int request_interval = 30;
  int failure_threshold = 3;
  bool measure_latency = false;
  bool inverted = false;
  bool disabled = false;
  std::optional<int> health_threshold;  // of CALCULATED
  std::vector<std::string> children;    // of CALCULATED
  std::optional<bool> enable_sni;       // of HTTPS
  std::vector<std::string> regions;     // as asked for; this program checks from its nodes
  std::string alarm_region;             // of CLOUDWATCH_METRIC
  std::string alarm_name;
  std::string insufficient_data_status;  // "Healthy", "Unhealthy", "LastKnownStatus"
  std::string routing_control_arn;       // of RECOVERY_CONTROL

  friend bool operator==(const HealthCheckEntry&, const HealthCheckEntry&) = default;
};

struct CidrEntry {
  CidrCollection collection;
  std::string caller_reference;
  std::uint64_t version = 1;
};

struct TrafficPolicyEntry {
  std::string id;
  std::uint32_t version = 1;
  std::string name;
  std::string type;      // "A"
  std::string document;  // JSON, as given
  std::optional<std::string> comment;
};

struct InstanceEntry {
  std::string id;
  std::string zone_id;
  std::string name;
  std::uint32_t ttl_seconds = 60;
  std::string policy_id;
  std::uint32_t policy_version = 1;
  std::string policy_type;
};

}  // namespace leeward::route53
