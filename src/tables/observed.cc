// SPDX-License-Identifier: Apache-2.0
#include "tables/observed.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace leeward::tables {
namespace {

namespace json = boost::json;

using AttributeTypes = std::map<std::string, KeyType, std::less<>>;

const json::value& at(const json::value& value, std::string_view key) {
  static const json::value kNull;
  const json::object* const object = value.if_object();
  const json::value* const found = object != nullptr ? object->if_contains(key) : nullptr;
  return found != nullptr ? *found : kNull;
}

std::string text_at(const json::value& value, std::string_view key) {
  const json::string* const found = at(value, key).if_string();
  return found == nullptr ? "" : std::string(std::string_view(*found));
}

bool true_at(const json::value& value, std::string_view key) {
  const bool* const found = at(value, key).if_bool();
  return found != nullptr && *found;
}

std::int64_t integer_at(const json::value& value, std::string_view key) {
  const std::int64_t* const found = at(value, key).if_int64();
  return found == nullptr ? 0 : *found;
}

template <typename Visit>
void for_each_at(const json::value& value, std::string_view key, Visit visit) {
  const json::array* const found = at(value, key).if_array();
  for (std::size_t i = 0; found != nullptr && i < std::min(found->size(), kListMax); ++i) {
    visit((*found)[i]);
  }
}

// Seconds since the epoch, with a fraction.
std::optional<WallTime> time_at(const json::value& value, std::string_view key) {
  const json::value& found = at(value, key);
  if (!found.is_number()) {
    return std::nullopt;
  }
  const double seconds = found.to_number<double>();
  constexpr double kSecondsMax = 9e9;  // the year 2255; beyond, nanoseconds overflow
  if (!(seconds >= 0 && seconds <= kSecondsMax)) {
    return std::nullopt;
  }
  return WallTime(std::chrono::milliseconds(std::llround(seconds * 1e3)));
}

TableKey parse_key(const json::value& owner, const AttributeTypes& types) {
  TableKey key;
  for_each_at(owner, "KeySchema", [&](const json::value& element) {
    KeyAttribute attribute{text_at(element, "AttributeName"), KeyType::kString};
    if (const auto type = types.find(attribute.name); type != types.end()) {
      attribute.type = type->second;
    }
    const std::string role = text_at(element, "KeyType");
    if (role == "RANGE") {
      key.range = std::move(attribute);
    } else if (role == "HASH") {
      key.hash = std::move(attribute);
    }
  });
  return key;
}

ObservedIndex parse_index(const json::value& value, IndexScope scope, const AttributeTypes& types) {
  ObservedIndex observed;
  observed.index.name = text_at(value, "IndexName");
  observed.index.scope = scope;
  observed.index.key = parse_key(value, types);
  observed.status = text_at(value, "IndexStatus");
  const json::value& projection = at(value, "Projection");
  const std::string type = text_at(projection, "ProjectionType");
  observed.index.projection = type == "KEYS_ONLY" ? Projection::kKeysOnly
                              : type == "INCLUDE" ? Projection::kInclude
                                                  : Projection::kAll;
  for_each_at(projection, "NonKeyAttributes", [&](const json::value& name) {
    if (name.is_string()) {
      observed.index.include.emplace_back(std::string_view(name.get_string()));
    }
  });
  std::sort(observed.index.include.begin(), observed.index.include.end());
  return observed;
}

std::vector<ObservedReplica> parse_replicas(const json::value& owner, std::string_view list,
                                            std::string_view status) {
  std::vector<ObservedReplica> replicas;
  for_each_at(owner, list, [&](const json::value& value) {
    replicas.push_back({text_at(value, "RegionName"), text_at(value, status),
                        text_at(value, "ReplicaStatusDescription"),
                        time_at(value, "ReplicaInaccessibleDateTime")});
  });
  return replicas;
}

AttributeTypes parse_types(const json::value& table) {
  AttributeTypes types;
  for_each_at(table, "AttributeDefinitions", [&](const json::value& definition) {
    if (const auto type = parse_key_type(text_at(definition, "AttributeType"))) {
      types[text_at(definition, "AttributeName")] = *type;
    }
  });
  return types;
}

}  // namespace

Result<ObservedTable> parse_describe_table(const json::value& answer) {
  const json::value& table = at(answer, "Table");
  if (!table.is_object()) {
    return fail(ErrorCode::kDataCorrupt, "DescribeTable answered without a 'Table'");
  }
  const AttributeTypes types = parse_types(table);
  ObservedTable observed;
  observed.status = text_at(table, "TableStatus");
  observed.key = parse_key(table, types);
  for_each_at(table, "GlobalSecondaryIndexes", [&](const json::value& index) {
    observed.indexes.push_back(parse_index(index, IndexScope::kGlobal, types));
  });
  for_each_at(table, "LocalSecondaryIndexes", [&](const json::value& index) {
    observed.indexes.push_back(parse_index(index, IndexScope::kLocal, types));
  });
  if (text_at(at(table, "BillingModeSummary"), "BillingMode") == "PAY_PER_REQUEST") {
    observed.billing = Billing::kOnDemand;
  }
  observed.read_units = integer_at(at(table, "ProvisionedThroughput"), "ReadCapacityUnits");
  observed.write_units = integer_at(at(table, "ProvisionedThroughput"), "WriteCapacityUnits");
  observed.item_count = integer_at(table, "ItemCount");
  const json::value& stream = at(table, "StreamSpecification");
  observed.stream_enabled = true_at(stream, "StreamEnabled");
  observed.stream_view = text_at(stream, "StreamViewType");
  observed.stream_arn = text_at(table, "LatestStreamArn");
  observed.deletion_protection = true_at(table, "DeletionProtectionEnabled");
  observed.global_table_version = text_at(table, "GlobalTableVersion");
  observed.strong = text_at(table, "MultiRegionConsistency") == "STRONG";
  observed.replicas = parse_replicas(table, "Replicas", "ReplicaStatus");
  observed.witnesses = parse_replicas(table, "GlobalTableWitnesses", "WitnessStatus");
  if (observed.status.empty() || observed.key.hash.name.empty()) {
    return fail(ErrorCode::kDataCorrupt, "DescribeTable answered without a status or a key");
  }
  return observed;
}

Status parse_describe_time_to_live(const json::value& answer, ObservedTable& into) {
  const json::value& ttl = at(answer, "TimeToLiveDescription");
  if (!ttl.is_object()) {
    return fail(ErrorCode::kDataCorrupt,
                "DescribeTimeToLive answered without a 'TimeToLiveDescription'");
  }
  into.ttl_attribute = text_at(ttl, "AttributeName");
  into.ttl_status = text_at(ttl, "TimeToLiveStatus");
  return {};
}

Result<ObservedGlobalTable> parse_describe_global_table(const json::value& answer) {
  const json::value& table = at(answer, "GlobalTableDescription");
  if (!table.is_object()) {
    return fail(ErrorCode::kDataCorrupt,
                "DescribeGlobalTable answered without a 'GlobalTableDescription'");
  }
  return ObservedGlobalTable{text_at(table, "GlobalTableStatus"),
                             parse_replicas(table, "ReplicationGroup", "ReplicaStatus")};
}

}  // namespace leeward::tables
