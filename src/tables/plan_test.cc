// SPDX-License-Identifier: Apache-2.0
#include "tables/plan.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tables/requests.h"
#include "tables/test_tables.h"

namespace leeward::tables {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> words(const Plan& plan) {
  std::vector<std::string> list;
  for (const Step& step : plan.steps) {
    list.push_back((step.operation.empty() ? "" : step.operation + ": ") + step.what);
  }
  return list;
}

boost::json::value as_json(const boost::json::object& body) {
  return body;
}

TEST(Plan, ANewTableIsMadeAtHomeAndReplicatedFromThere) {
  TableSpec spec = orders();
  spec.ttl_attribute = "expires";
  const Plan made = plan(spec, nothing_there());
  EXPECT_THAT(made.problems, IsEmpty());
  EXPECT_THAT(words(made),
              ElementsAre("CreateTable: create table 'orders' in GRA11 (eu-west-3)",
                          "UpdateTable: add replica RBX-A (eu-central-1)",
                          "UpdateTimeToLive: expire items by 'expires' in GRA11 (eu-west-3)"));
  EXPECT_EQ(as_json(made.steps[0].body), boost::json::parse(R"({
    "TableName": "orders", "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"},
                  {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"},
                             {"AttributeName": "sk", "AttributeType": "N"}],
    "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"}})"));
  EXPECT_EQ(as_json(made.steps[1].body), boost::json::parse(R"({
    "TableName": "orders", "ReplicaUpdates": [{"Create": {"RegionName": "eu-central-1"}}]})"));
  EXPECT_EQ(made.steps[1].until, (Condition{Condition::Kind::kReplicasActive, {"eu-central-1"}}));
}

TEST(Plan, NothingIsMissingTheSecondTime) {
  TableSpec spec = orders();
  spec.ttl_attribute = "expires";
  spec.deletion_protection = true;
  spec.indexes = {{"by-day",
                   IndexScope::kGlobal,
                   {{"day", KeyType::kString}, {}},
                   Projection::kInclude,
                   {"z", "a"}}};
  std::vector<ObservedRegion> there = all_there(spec);
  for (ObservedRegion& here : there) {
    here.table->indexes[0].index.include = {"a", "z"};  // an answer's order is its own
  }
  const Plan made = plan(spec, there);
  EXPECT_THAT(made.problems, IsEmpty());
  EXPECT_THAT(words(made), IsEmpty());
}

TEST(Plan, AReplicaThatKnowsOnlyLeewardsNamesIsTheSameRegion) {
  const TableSpec spec = orders();
  std::vector<ObservedRegion> there = all_there(spec);
  there[0].table->replicas = {replica("GRA11"), replica("RBX-A")};
  EXPECT_THAT(words(plan(spec, there)), IsEmpty());
}

TEST(Plan, AnExistingTableIsCompletedAndStaysTheHome) {
  TableSpec spec = orders();
  spec.indexes = {{"by-day", IndexScope::kGlobal, {{"day", KeyType::kString}, {}}, {}, {}}};
  spec.deletion_protection = true;
  std::vector<ObservedRegion> there = nothing_there();
  there[1].table = table_of(orders());
  there[1].table->status = "UPDATING";
  there[1].table->stream_enabled = false;
  const Plan made = plan(spec, there);
  EXPECT_THAT(made.problems, IsEmpty());
  EXPECT_THAT(
      words(made),
      ElementsAre("wait for the table in RBX-A (eu-central-1)",
                  "UpdateTable: enable the stream NEW_AND_OLD_IMAGES in RBX-A (eu-central-1)",
                  "UpdateTable: create index 'by-day' in RBX-A (eu-central-1)",
                  "UpdateTable: add replica GRA11 (eu-west-3)",
                  "UpdateTable: protect the table in GRA11 (eu-west-3) from deletion",
                  "UpdateTable: protect the table in RBX-A (eu-central-1) from deletion"));
}

TEST(Plan, WaitsForAReplicaThatIsBeingMade) {
  const TableSpec spec = orders();
  std::vector<ObservedRegion> there = all_there(spec);
  there[0].table->replicas = {replica("eu-central-1", "CREATING")};
  there[1].table.reset();
  EXPECT_THAT(words(plan(spec, there)), ElementsAre("wait for replicas eu-central-1"));
}

TEST(Plan, WithoutGlobalTablesEveryRegionGetsItsOwn) {
  TableSpec spec = orders();
  spec.global_tables = GlobalTables::kNone;
  spec.ttl_attribute = "expires";
  std::vector<ObservedRegion> there = nothing_there();
  there[1].table = table_of(orders());
  EXPECT_THAT(words(plan(spec, there)),
              ElementsAre("CreateTable: create table 'orders' in GRA11 (eu-west-3)",
                          "UpdateTimeToLive: expire items by 'expires' in GRA11 (eu-west-3)",
                          "UpdateTimeToLive: expire items by 'expires' in RBX-A (eu-central-1)"));
}

TEST(Plan, LegacyMakesTablesFirstAndThenJoinsThem) {
  TableSpec spec = orders();
  spec.global_tables = GlobalTables::kLegacy;
  const Plan made = plan(spec, nothing_there());
  EXPECT_THAT(words(made),
              ElementsAre("CreateTable: create table 'orders' in GRA11 (eu-west-3)",
                          "CreateTable: create table 'orders' in RBX-A (eu-central-1)",
                          "CreateGlobalTable: create global table 'orders' (2017.11.29)"));
  EXPECT_EQ(as_json(made.steps[2].body), boost::json::parse(R"({"GlobalTableName": "orders",
    "ReplicationGroup": [{"RegionName": "eu-west-3"}, {"RegionName": "eu-central-1"}]})"));

  std::vector<ObservedRegion> there = nothing_there();
  there[0].table = there[1].table = table_of(spec);
  there[0].global_table = ObservedGlobalTable{"ACTIVE", {replica("eu-west-3")}};
  EXPECT_THAT(words(plan(spec, there)),
              ElementsAre("UpdateGlobalTable: add eu-central-1 to the global table (2017.11.29)"));
  there[1].table->item_count = 3;
  EXPECT_THAT(plan(spec, there).problems, ElementsAre(HasSubstr("made of empty tables")));
}

TEST(Plan, ProblemsStopEverything) {
  const auto problem_of = [](const auto& change) {
    TableSpec spec = orders();
    std::vector<ObservedRegion> there = all_there(spec);
    there[1].table.reset();
    there[0].table->replicas.clear();
    change(spec, there);
    const Plan made = plan(spec, there);
    EXPECT_THAT(made.steps, IsEmpty());
    return made.problems.empty() ? std::string("none") : made.problems.front();
  };
  using There = std::vector<ObservedRegion>;
  EXPECT_THAT(problem_of([](TableSpec&, There& t) { t[1].unreachable = "no route"; }),
              HasSubstr("RBX-A (eu-central-1): no route"));
  EXPECT_THAT(problem_of([](TableSpec&, There& t) { t[0].table->key.range.reset(); }),
              HasSubstr("the table's key is pk:S, not pk:S, sk:N"));
  EXPECT_THAT(
      problem_of([](TableSpec&, There& t) { t[0].table->key.hash.type = KeyType::kBinary; }),
      HasSubstr("pk:B, sk:N, not pk:S, sk:N"));
  EXPECT_THAT(problem_of([](TableSpec&, There& t) { t[0].table->stream_view = "KEYS_ONLY"; }),
              HasSubstr("the stream's view is KEYS_ONLY"));
  EXPECT_THAT(problem_of([](TableSpec&, There& t) { t[1].table = t[0].table; }),
              HasSubstr("not replicas of each other"));
  EXPECT_THAT(problem_of([](TableSpec&, There& t) { t[0].table->status = "ARCHIVED"; }),
              HasSubstr("the table is ARCHIVED"));
  EXPECT_THAT(problem_of([](TableSpec&, There& t) {
                t[0].table->replicas = {replica("eu-central-1", "CREATION_FAILED")};
                t[0].table->replicas[0].description = "limit of 8";
              }),
              HasSubstr("the replica is CREATION_FAILED: limit of 8"));
  EXPECT_THAT(problem_of([](TableSpec& s, There& t) {
                s.ttl_attribute = "expires";
                t[0].table->ttl_attribute = "old";
                t[0].table->ttl_status = "ENABLED";
              }),
              HasSubstr("items expire by 'old', not by 'expires'"));
  EXPECT_THAT(problem_of([](TableSpec& s, There&) {
                s.indexes = {{"own", IndexScope::kLocal, s.key, {}, {}}};
              }),
              HasSubstr("local indexes can only be made with their table"));
  EXPECT_THAT(problem_of([](TableSpec& s, There& t) {
                s.indexes = {{"by-day", IndexScope::kGlobal, {{"day", {}}, {}}, {}, {}}};
                t[0].table->indexes = {
                    {{"by-day", IndexScope::kGlobal, {{"d", {}}, {}}, {}, {}}, "ACTIVE"}};
              }),
              HasSubstr("another key or projection"));
}

struct Strong {
  TableSpec spec = orders();
  std::vector<ObservedRegion> regions = {region("A", "eu-west-3"), region("B", "eu-central-1")};
  Strong() {
    spec.consistency = TableConsistency::kStrong;
    spec.witness = "eu-west-1";
  }
};

TEST(Plan, StrongReplicasAndTheWitnessGoInOneCall) {
  const Strong strong;
  const Plan made = plan(strong.spec, strong.regions);
  EXPECT_THAT(made.problems, IsEmpty());
  ASSERT_EQ(made.steps.size(), 2U);
  EXPECT_FALSE(made.steps[0].body.contains("StreamSpecification"));
  EXPECT_EQ(as_json(made.steps[1].body), boost::json::parse(R"({"TableName": "orders",
    "ReplicaUpdates": [{"Create": {"RegionName": "eu-central-1"}}],
    "GlobalTableWitnessUpdates": [{"Create": {"RegionName": "eu-west-1"}}],
    "MultiRegionConsistency": "STRONG"})"));
  EXPECT_EQ(made.steps[1].until,
            (Condition{Condition::Kind::kReplicasActive, {"eu-central-1", "eu-west-1"}}));
}

TEST(Plan, StrongRestrictionsAreCheckedBeforeCalling) {
  const auto problems = [](const auto& change) {
    Strong strong;
    change(strong);
    const Plan made = plan(strong.spec, strong.regions);
    EXPECT_THAT(made.steps, IsEmpty());
    return made.problems.empty() ? std::string("none") : made.problems.front();
  };
  EXPECT_THAT(problems([](Strong& s) { s.spec.witness.clear(); }),
              HasSubstr("exactly three replicas"));
  EXPECT_THAT(problems([](Strong& s) { s.regions.push_back(region("C", "eu-west-2")); }),
              HasSubstr("3 replicas and one witness"));
  EXPECT_THAT(problems([](Strong& s) { s.spec.witness = "us-east-1"; }), HasSubstr("of one set"));
  EXPECT_THAT(problems([](Strong& s) { s.spec.witness = "eu-west-3"; }),
              HasSubstr("is also a replica"));
  EXPECT_THAT(problems([](Strong& s) { s.spec.ttl_attribute = "e"; }), HasSubstr("without TTL"));
  EXPECT_THAT(problems([](Strong& s) { s.spec.global_tables = GlobalTables::kNone; }),
              HasSubstr("'global_tables: current'"));
  EXPECT_THAT(problems([](Strong& s) {
                s.spec.indexes = {{"own", IndexScope::kLocal, s.spec.key, {}, {}}};
              }),
              HasSubstr("without local indexes"));
  EXPECT_THAT(problems([](Strong& s) {
                s.regions[0].table = table_of(s.spec);
                s.regions[0].table->item_count = 7;
              }),
              HasSubstr("about 7 items"));
  EXPECT_THAT(problems([](Strong& s) {
                s.regions[0].table = s.regions[1].table = table_of(s.spec);
                s.regions[0].table->replicas = {replica("eu-central-1")};
              }),
              HasSubstr("consistency is eventual, not strong"));
}

TEST(Progress, IsDoneWhenTheConditionIsSeen) {
  const TableSpec spec = orders();
  ObservedRegion seen = region("GRA11", "eu-west-3");
  const Condition active;
  EXPECT_EQ(check(active, seen).now, "no table yet");
  seen.table = table_of(spec);
  EXPECT_TRUE(check(active, seen).done);
  seen.table->status = "CREATING";
  EXPECT_FALSE(check(active, seen).done);
  EXPECT_EQ(check(active, seen).now, "table CREATING");
  seen.table->status = "DELETING";
  EXPECT_EQ(check(active, seen).failure, "table DELETING");
  seen.table->status = "ACTIVE";

  const Condition replicas{Condition::Kind::kReplicasActive, {"eu-central-1", "eu-west-1"}};
  EXPECT_EQ(check(replicas, seen).now, "eu-central-1 not there yet, eu-west-1 not there yet");
  seen.table->replicas = {replica("eu-central-1")};
  seen.table->witnesses = {replica("eu-west-1", "CREATING")};
  EXPECT_FALSE(check(replicas, seen).done);
  seen.table->witnesses[0].status = "ACTIVE";
  EXPECT_TRUE(check(replicas, seen).done);
  seen.table->replicas[0].status = "CREATION_FAILED";
  EXPECT_EQ(check(replicas, seen).failure, "eu-central-1 is CREATION_FAILED");

  const Condition ttl{Condition::Kind::kTimeToLive, {"expires"}};
  EXPECT_FALSE(check(ttl, seen).done);
  seen.table->ttl_attribute = "expires";
  seen.table->ttl_status = "ENABLING";
  EXPECT_TRUE(check(ttl, seen).done);
  const Condition index{Condition::Kind::kIndexActive, {"by-day"}};
  EXPECT_EQ(check(index, seen).now, "index not there yet");
  seen.unreachable = "gone";
  EXPECT_FALSE(check(active, seen).done);
}

TEST(Requests, ProvisionedCapacityGoesToTheTableAndItsGlobalIndexes) {
  TableSpec spec = orders();
  spec.billing = Billing::kProvisioned;
  spec.read_units = 7;
  spec.write_units = 8;
  spec.indexes = {
      {"g", IndexScope::kGlobal, {{"day", KeyType::kBinary}, {}}, Projection::kInclude, {"x"}},
      {"l",
       IndexScope::kLocal,
       {spec.key.hash, KeyAttribute{"n", KeyType::kNumber}},
       Projection::kKeysOnly,
       {}}};
  EXPECT_EQ(as_json(create_table_body(spec)), boost::json::parse(R"({
    "TableName": "orders", "BillingMode": "PROVISIONED",
    "ProvisionedThroughput": {"ReadCapacityUnits": 7, "WriteCapacityUnits": 8},
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"},
                  {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": "day", "AttributeType": "B"},
                             {"AttributeName": "n", "AttributeType": "N"},
                             {"AttributeName": "pk", "AttributeType": "S"},
                             {"AttributeName": "sk", "AttributeType": "N"}],
    "GlobalSecondaryIndexes": [{"IndexName": "g",
        "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]},
        "ProvisionedThroughput": {"ReadCapacityUnits": 7, "WriteCapacityUnits": 8}}],
    "LocalSecondaryIndexes": [{"IndexName": "l",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"},
                      {"AttributeName": "n", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"}}],
    "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"}})"));
}

}  // namespace
}  // namespace leeward::tables
