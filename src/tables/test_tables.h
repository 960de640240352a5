// SPDX-License-Identifier: Apache-2.0
//
// Specs and observations for tests.
#pragma once

#include <string>
#include <vector>

#include "tables/observed.h"

namespace leeward::tables {

inline TableSpec orders() {
  TableSpec spec;
  spec.name = "orders";
  spec.key = {{"pk", KeyType::kString}, KeyAttribute{"sk", KeyType::kNumber}};
  spec.replicas = {RegionId("GRA11"), RegionId("RBX-A")};
  return spec;
}

inline ObservedRegion region(const std::string& name, const std::string& dynamodb_region) {
  return {.region = RegionId(name),
          .dynamodb_region = dynamodb_region,
          .unreachable = {},
          .table = {},
          .global_table = {}};
}

inline std::vector<ObservedRegion> nothing_there() {
  return {region("GRA11", "eu-west-3"), region("RBX-A", "eu-central-1")};
}

// As ensure leaves it.
inline ObservedTable table_of(const TableSpec& spec) {
  ObservedTable table;
  table.status = "ACTIVE";
  table.key = spec.key;
  table.billing = spec.billing;
  table.stream_enabled = true;
  table.stream_view = "NEW_AND_OLD_IMAGES";
  table.deletion_protection = spec.deletion_protection;
  for (const TableIndex& index : spec.indexes) {
    table.indexes.push_back({index, index.scope == IndexScope::kGlobal ? "ACTIVE" : ""});
  }
  if (!spec.ttl_attribute.empty()) {
    table.ttl_attribute = spec.ttl_attribute;
    table.ttl_status = "ENABLED";
  }
  return table;
}

inline ObservedReplica replica(const std::string& name, const std::string& status = "ACTIVE") {
  return {.region = name, .status = status, .description = {}, .inaccessible_since = {}};
}

inline std::vector<ObservedRegion> all_there(const TableSpec& spec) {
  std::vector<ObservedRegion> regions = nothing_there();
  for (ObservedRegion& here : regions) {
    here.table = table_of(spec);
    here.table->global_table_version = "2019.11.21";
  }
  regions[0].table->replicas = {replica("eu-central-1")};
  regions[1].table->replicas = {replica("eu-west-3")};
  return regions;
}

}  // namespace leeward::tables
