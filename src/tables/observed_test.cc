// SPDX-License-Identifier: Apache-2.0
#include "tables/observed.h"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leeward::tables {
namespace {

namespace json = boost::json;

TEST(DescribeTable, IsReadWhole) {
  const auto table = parse_describe_table(json::parse(R"({"Table": {
    "TableName": "orders", "TableStatus": "UPDATING", "ItemCount": 12,
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"},
                             {"AttributeName": "sk", "AttributeType": "N"},
                             {"AttributeName": "day", "AttributeType": "B"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"},
                  {"AttributeName": "sk", "KeyType": "RANGE"}],
    "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
    "ProvisionedThroughput": {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4},
    "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    "LatestStreamArn": "arn:stream", "DeletionProtectionEnabled": true,
    "GlobalTableVersion": "2019.11.21", "MultiRegionConsistency": "STRONG",
    "GlobalSecondaryIndexes": [{"IndexName": "by-day", "IndexStatus": "CREATING",
      "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
      "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["z", "a"]}}],
    "LocalSecondaryIndexes": [{"IndexName": "own",
      "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "day", "KeyType": "RANGE"}],
      "Projection": {"ProjectionType": "KEYS_ONLY"}}],
    "Replicas": [{"RegionName": "eu-west-3", "ReplicaStatus": "REGION_DISABLED",
      "ReplicaStatusDescription": "off", "ReplicaInaccessibleDateTime": 1763900000.25}],
    "GlobalTableWitnesses": [{"RegionName": "eu-west-1", "WitnessStatus": "ACTIVE"}]}})"));
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->status, "UPDATING");
  EXPECT_EQ(table->key, (TableKey{{"pk", KeyType::kString}, KeyAttribute{"sk", KeyType::kNumber}}));
  EXPECT_EQ(table->billing, Billing::kOnDemand);
  EXPECT_EQ(table->read_units, 3);
  EXPECT_EQ(table->item_count, 12);
  EXPECT_TRUE(table->stream_enabled && table->deletion_protection && table->strong);
  EXPECT_EQ(table->stream_arn, "arn:stream");
  ASSERT_EQ(table->indexes.size(), 2U);
  EXPECT_EQ(table->indexes[0], (ObservedIndex{{"by-day",
                                               IndexScope::kGlobal,
                                               {{"day", KeyType::kBinary}, {}},
                                               Projection::kInclude,
                                               {"a", "z"}},
                                              "CREATING"}));
  EXPECT_EQ(table->indexes[1].index.scope, IndexScope::kLocal);
  EXPECT_EQ(table->indexes[1].index.projection, Projection::kKeysOnly);
  ASSERT_EQ(table->replicas.size(), 1U);
  EXPECT_EQ(table->replicas[0].description, "off");
  EXPECT_EQ(table->replicas[0].inaccessible_since,
            WallTime(std::chrono::milliseconds(1763900000250)));
  EXPECT_EQ(table->witnesses.at(0).status, "ACTIVE");
}

TEST(DescribeTable, OfAnythingElseIsAnError) {
  for (const char* bad : {"null", "[]", "{}", R"({"Table": 3})", R"({"Table": {}})",
                          R"({"Table": {"TableStatus": "ACTIVE"}})",
                          R"({"Table": {"TableStatus": 4, "KeySchema": "x"}})"}) {
    EXPECT_FALSE(parse_describe_table(json::parse(bad))) << bad;
  }
  const auto odd = parse_describe_table(json::parse(R"({"Table": {"TableStatus": "ACTIVE",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, 7], "ItemCount": "many",
    "Replicas": [null, {"RegionName": 5, "ReplicaInaccessibleDateTime": 1e300}],
    "GlobalSecondaryIndexes": {"a": 1}}})"));
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->item_count, 0);
  EXPECT_EQ(odd->replicas.size(), 2U);
  EXPECT_FALSE(odd->replicas[1].inaccessible_since);
}

TEST(DescribeTimeToLive, FillsInTheAttribute) {
  ObservedTable table;
  EXPECT_FALSE(parse_describe_time_to_live(json::parse("{}"), table));
  ASSERT_TRUE(parse_describe_time_to_live(json::parse(R"({"TimeToLiveDescription":
                      {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}})"),
                                          table));
  EXPECT_EQ(table.ttl_attribute, "expires");
  EXPECT_EQ(table.ttl_status, "ENABLED");
}

TEST(DescribeGlobalTable, ListsItsReplicas) {
  EXPECT_FALSE(parse_describe_global_table(json::parse("{}")));
  const auto table = parse_describe_global_table(json::parse(R"({"GlobalTableDescription":
    {"GlobalTableStatus": "ACTIVE", "ReplicationGroup": [{"RegionName": "eu-west-3"}]}})"));
  ASSERT_TRUE(table);
  EXPECT_EQ(table->status, "ACTIVE");
  EXPECT_EQ(table->replicas.at(0).region, "eu-west-3");
}

}  // namespace
}  // namespace leeward::tables
