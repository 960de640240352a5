// SPDX-License-Identifier: Apache-2.0
//
// The operations, by area; routes.cc says at which paths they stand. Shapes: the service model that
// Amazon publishes with its SDKs (route53, 2013-04-01).
#pragma once

#include "route53/call.h"

namespace leeward::route53 {

// zones.cc
OperationResult create_hosted_zone(const Call& call);
OperationResult get_hosted_zone(const Call& call);
OperationResult list_hosted_zones(const Call& call);
OperationResult list_hosted_zones_by_name(const Call& call);
OperationResult get_hosted_zone_count(const Call& call);
OperationResult delete_hosted_zone(const Call& call);
OperationResult update_hosted_zone_comment(const Call& call);

// vpc.cc
OperationResult list_hosted_zones_by_vpc(const Call& call);
OperationResult associate_vpc(const Call& call);
OperationResult disassociate_vpc(const Call& call);
OperationResult create_vpc_authorization(const Call& call);
OperationResult list_vpc_authorizations(const Call& call);
OperationResult delete_vpc_authorization(const Call& call);

// records.cc
OperationResult change_record_sets(const Call& call);
OperationResult list_record_sets(const Call& call);
OperationResult get_change(const Call& call);
OperationResult test_dns_answer(const Call& call);

// tags.cc
OperationResult change_tags(const Call& call);
OperationResult list_tags(const Call& call);
OperationResult list_tags_of_many(const Call& call);

// delegation_sets.cc
OperationResult create_delegation_set(const Call& call);
OperationResult get_delegation_set(const Call& call);
OperationResult list_delegation_sets(const Call& call);
OperationResult delete_delegation_set_operation(const Call& call);

// query_logging.cc
OperationResult create_query_logging(const Call& call);
OperationResult get_query_logging(const Call& call);
OperationResult list_query_logging(const Call& call);
OperationResult delete_query_logging_operation(const Call& call);

// dnssec.cc
OperationResult get_dnssec(const Call& call);
OperationResult enable_dnssec(const Call& call);
OperationResult disable_dnssec(const Call& call);
OperationResult create_key(const Call& call);
OperationResult activate_key(const Call& call);
OperationResult deactivate_key(const Call& call);
OperationResult delete_key_operation(const Call& call);

// limits.cc
OperationResult get_account_limit(const Call& call);
OperationResult get_hosted_zone_limit(const Call& call);
OperationResult get_delegation_set_limit(const Call& call);

// geolocations.cc
OperationResult get_geolocation(const Call& call);
OperationResult list_geolocations(const Call& call);

// health_checks.cc
OperationResult create_health_check(const Call& call);
OperationResult get_health_check(const Call& call);
OperationResult list_health_checks(const Call& call);
OperationResult get_health_check_count(const Call& call);
OperationResult update_health_check(const Call& call);
OperationResult delete_health_check_operation(const Call& call);
OperationResult get_health_check_status(const Call& call);
OperationResult get_health_check_last_failure(const Call& call);
OperationResult get_checker_ranges(const Call& call);

// cidr.cc
OperationResult create_cidr_collection(const Call& call);
OperationResult change_cidr_collection(const Call& call);
OperationResult list_cidr_collections(const Call& call);
OperationResult list_cidr_locations(const Call& call);
OperationResult list_cidr_blocks(const Call& call);
OperationResult delete_cidr_collection_operation(const Call& call);

// traffic_policies.cc
OperationResult create_traffic_policy(const Call& call);
OperationResult create_traffic_policy_version(const Call& call);
OperationResult get_traffic_policy(const Call& call);
OperationResult list_traffic_policies(const Call& call);
OperationResult list_traffic_policy_versions(const Call& call);
OperationResult update_traffic_policy_comment(const Call& call);
OperationResult delete_traffic_policy_operation(const Call& call);

// traffic_instances.cc
OperationResult create_instance(const Call& call);
OperationResult get_instance(const Call& call);
OperationResult update_instance(const Call& call);
OperationResult delete_instance_operation(const Call& call);
OperationResult list_instances(const Call& call);
OperationResult list_instances_by_zone(const Call& call);
OperationResult list_instances_by_policy(const Call& call);
OperationResult get_instance_count(const Call& call);

}  // namespace leeward::route53
