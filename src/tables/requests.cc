// SPDX-License-Identifier: Apache-2.0
#include "tables/requests.h"

#include <map>

#include <boost/json/array.hpp>

namespace leeward::tables {
namespace {

namespace json = boost::json;

using Types = std::map<std::string, KeyType>;

void collect(const TableKey& key, Types& types) {
  types[key.hash.name] = key.hash.type;
  if (key.range) {
    types[key.range->name] = key.range->type;
  }
}

json::array definitions(const Types& types) {
  json::array list;
  for (const auto& [name, type] : types) {
    list.push_back(json::object{{"AttributeName", name}, {"AttributeType", to_string(type)}});
  }
  return list;
}

json::array key_schema(const TableKey& key) {
  json::array schema = {json::object{{"AttributeName", key.hash.name}, {"KeyType", "HASH"}}};
  if (key.range) {
    schema.push_back(json::object{{"AttributeName", key.range->name}, {"KeyType", "RANGE"}});
  }
  return schema;
}

json::object throughput(const TableSpec& spec) {
  return {{"ReadCapacityUnits", spec.read_units}, {"WriteCapacityUnits", spec.write_units}};
}

json::object stream() {
  return {{"StreamEnabled", true}, {"StreamViewType", "NEW_AND_OLD_IMAGES"}};
}

json::object index_body(const TableSpec& spec, const TableIndex& index) {
  json::object projection{{"ProjectionType", index.projection == Projection::kAll ? "ALL"
                                             : index.projection == Projection::kKeysOnly
                                                 ? "KEYS_ONLY"
                                                 : "INCLUDE"}};
  if (index.projection == Projection::kInclude) {
    projection["NonKeyAttributes"] = json::array(index.include.begin(), index.include.end());
  }
  json::object body{{"IndexName", index.name},
                    {"KeySchema", key_schema(index.key)},
                    {"Projection", std::move(projection)}};
  if (index.scope == IndexScope::kGlobal && spec.billing == Billing::kProvisioned) {
    body["ProvisionedThroughput"] = throughput(spec);
  }
  return body;
}

json::array region_list(const std::vector<std::string>& regions) {
  json::array list;
  for (const std::string& region : regions) {
    list.push_back(json::object{{"RegionName", region}});
  }
  return list;
}

json::array creates(const std::vector<std::string>& regions) {
  json::array list;
  for (const std::string& region : regions) {
    list.push_back(json::object{{"Create", json::object{{"RegionName", region}}}});
  }
  return list;
}

}  // namespace

json::object create_table_body(const TableSpec& spec) {
  Types types;
  collect(spec.key, types);
  json::array global;
  json::array local;
  for (const TableIndex& index : spec.indexes) {
    collect(index.key, types);
    (index.scope == IndexScope::kGlobal ? global : local).push_back(index_body(spec, index));
  }
  json::object body{{"TableName", spec.name},
                    {"KeySchema", key_schema(spec.key)},
                    {"AttributeDefinitions", definitions(types)}};
  if (spec.billing == Billing::kProvisioned) {
    body["BillingMode"] = "PROVISIONED";
    body["ProvisionedThroughput"] = throughput(spec);
  } else {
    body["BillingMode"] = "PAY_PER_REQUEST";
  }
  if (!global.empty()) {
    body["GlobalSecondaryIndexes"] = std::move(global);
  }
  if (!local.empty()) {
    body["LocalSecondaryIndexes"] = std::move(local);
  }
  if (spec.consistency == TableConsistency::kEventual) {
    body["StreamSpecification"] = stream();
  }
  if (spec.deletion_protection) {
    body["DeletionProtectionEnabled"] = true;
  }
  return body;
}

json::object enable_stream_body(const TableSpec& spec) {
  return {{"TableName", spec.name}, {"StreamSpecification", stream()}};
}

json::object create_index_body(const TableSpec& spec, const TableIndex& index) {
  Types types;
  collect(index.key, types);
  return {{"TableName", spec.name},
          {"AttributeDefinitions", definitions(types)},
          {"GlobalSecondaryIndexUpdates",
           json::array{json::object{{"Create", index_body(spec, index)}}}}};
}

json::object enable_ttl_body(const TableSpec& spec) {
  return {{"TableName", spec.name},
          {"TimeToLiveSpecification",
           json::object{{"Enabled", true}, {"AttributeName", spec.ttl_attribute}}}};
}

json::object protect_body(const TableSpec& spec) {
  return {{"TableName", spec.name}, {"DeletionProtectionEnabled", true}};
}

json::object add_replicas_body(const TableSpec& spec, const std::vector<std::string>& regions) {
  json::object body{{"TableName", spec.name}, {"ReplicaUpdates", creates(regions)}};
  if (spec.consistency == TableConsistency::kStrong) {
    body["MultiRegionConsistency"] = "STRONG";
    if (!spec.witness.empty()) {
      body["GlobalTableWitnessUpdates"] = creates({spec.witness});
    }
  }
  return body;
}

json::object create_global_table_body(const TableSpec& spec,
                                      const std::vector<std::string>& regions) {
  return {{"GlobalTableName", spec.name}, {"ReplicationGroup", region_list(regions)}};
}

json::object update_global_table_body(const TableSpec& spec,
                                      const std::vector<std::string>& regions) {
  return {{"GlobalTableName", spec.name}, {"ReplicaUpdates", creates(regions)}};
}

}  // namespace leeward::tables
