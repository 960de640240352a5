// SPDX-License-Identifier: Apache-2.0
//
// Catalog entries as JSON values of the state store. Reading throws boost::system::system_error or
// std::exception where something is missing or of another type; Catalog::apply() catches it.
//
// Thread-safety: pure functions.
#pragma once

#include <boost/json/object.hpp>

#include "route53/entries.h"

namespace leeward::route53 {

[[nodiscard]] boost::json::object to_json(const ZoneEntry& entry);
[[nodiscard]] boost::json::object to_json(const ChangeEntry& entry);
[[nodiscard]] boost::json::object to_json(const DelegationSetEntry& entry);
[[nodiscard]] boost::json::object to_json(const QueryLoggingEntry& entry);
[[nodiscard]] boost::json::object to_json(const KeyEntry& entry);
[[nodiscard]] boost::json::object to_json(const HealthCheckEntry& entry);
[[nodiscard]] boost::json::object to_json(const CidrEntry& entry);
[[nodiscard]] boost::json::object to_json(const TrafficPolicyEntry& entry);
[[nodiscard]] boost::json::object to_json(const InstanceEntry& entry);
[[nodiscard]] boost::json::object to_json(const Tags& tags);

void from_json(const boost::json::object& object, ZoneEntry& entry);
void from_json(const boost::json::object& object, ChangeEntry& entry);
void from_json(const boost::json::object& object, DelegationSetEntry& entry);
void from_json(const boost::json::object& object, QueryLoggingEntry& entry);
void from_json(const boost::json::object& object, KeyEntry& entry);
void from_json(const boost::json::object& object, HealthCheckEntry& entry);
void from_json(const boost::json::object& object, CidrEntry& entry);
void from_json(const boost::json::object& object, TrafficPolicyEntry& entry);
void from_json(const boost::json::object& object, InstanceEntry& entry);
void from_json(const boost::json::object& object, Tags& tags);

}  // namespace leeward::route53
