// SPDX-License-Identifier: Apache-2.0
//
// A resource record set as Route 53 has it: one name, one type, and, where a routing policy other
// than simple is used, one member of the group that shares them. What the members mean: Route 53
// API reference, "ResourceRecordSet".
//
// A value of this type is not yet valid: the API checks what users send (route53), the compiler
// what it gets (dns).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/boxed.h"

namespace leeward {

enum class FailoverRole : std::uint8_t { kPrimary, kSecondary };

struct AliasTarget {
  std::string hosted_zone_id;  // without "/hostedzone/"
  std::string dns_name;        // as ResourceRecordSet::name
  bool evaluate_target_health = false;

  friend bool operator==(const AliasTarget&, const AliasTarget&) = default;
};

// Exactly one of continent and country; subdivision only beside a country. Country "*" is the
// default location.
struct GeoLocation {
  std::string continent;    // "EU"
  std::string country;      // ISO 3166-1 alpha-2, or "*"
  std::string subdivision;  // "CA" of country US, "30" of UA

  friend bool operator==(const GeoLocation&, const GeoLocation&) = default;
};

struct Coordinates {
  std::string latitude;   // -90 to 90, up to two decimals, as the user wrote it
  std::string longitude;  // -180 to 180

  friend bool operator==(const Coordinates&, const Coordinates&) = default;
};

// Exactly one of aws_region, local_zone_group and coordinates.
struct GeoProximityLocation {
  std::string aws_region;
  std::string local_zone_group;
  std::optional<Coordinates> coordinates;
  std::optional<int> bias;  // -99 to 99; absent: 0

  friend bool operator==(const GeoProximityLocation&, const GeoProximityLocation&) = default;
};

struct CidrRouting {
  std::string collection_id;
  std::string location_name;  // "*": the default location

  friend bool operator==(const CidrRouting&, const CidrRouting&) = default;
};

struct ResourceRecordSet {
  std::string name;  // absolute, lower case, trailing dot; bytes other than a-z 0-9 - _ and . as
                     // octal escapes: "\052.example.com."
  std::string type;  // "A"
  std::string set_identifier;
  std::optional<std::uint32_t> ttl_seconds;  // with values
  std::vector<std::string> values;           // presentation form, as the user wrote them
  Boxed<AliasTarget> alias;                  // instead of TTL and values

  // At most one of these.
  std::optional<std::uint32_t> weight;  // 0 to 255
  std::string region;                   // latency: an AWS region's or an own region's name
  Boxed<GeoLocation> geo_location;
  std::optional<FailoverRole> failover;
  bool multivalue_answer = false;
  Boxed<CidrRouting> cidr;
  Boxed<GeoProximityLocation> geo_proximity;

  std::string health_check_id;             // empty: none
  std::string traffic_policy_instance_id;  // empty: not made by one

  friend bool operator==(const ResourceRecordSet&, const ResourceRecordSet&) = default;
};

}  // namespace leeward
