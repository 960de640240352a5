// SPDX-License-Identifier: Apache-2.0
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/arn.h"
#include "gateway/aws_error.h"
#include "gateway/faults.h"
#include "gateway/operation.h"
#include "gateway/registry.h"
#include "gateway/stream_view.h"
#include "gateway/table_view.h"

namespace leeward::gateway {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

json::object object(const char* text) {
  return json::parse(text).get_object();
}

// ---- operations ----

TEST(Operation, EveryNameIsFoundUnderItsOwnPrefixOnly) {
  for (std::size_t i = 0; i < operation_count(); ++i) {
    const std::string name(operation_name(i));
    const auto data = find_operation("DynamoDB_20120810." + name);
    const auto streams = find_operation("DynamoDBStreams_20120810." + name);
    ASSERT_NE(data.has_value(), streams.has_value()) << name;
    EXPECT_EQ((data ? data : streams)->index, i);
  }
  EXPECT_EQ(find_operation("DynamoDB_20120810.UpdateTable")->handling, Handling::kTable);
}

TEST(Operation, OthersAreUnknown) {
  for (const char* target : {"", "GetItem", "DynamoDB_20120810.", "DynamoDB_20120810.getitem",
                             "DynamoDB_20111205.GetItem", "DynamoDB_20120810.GetItemX"}) {
    EXPECT_FALSE(find_operation(target)) << target;
  }
}

// ---- ARNs ----

TEST(Arns, ClientsSeeTheirRegionAndTheStoreItsOwn) {
  ArnMap arns("eu-west-3");
  const std::string theirs = "arn:aws:dynamodb:ddblocal:000000000000:table/items/stream/2026";
  const std::string ours = "arn:aws:dynamodb:eu-west-3:000000000000:table/items/stream/2026";
  EXPECT_EQ(arns.to_client(theirs), ours);
  EXPECT_EQ(arns.to_store(ours), theirs);
  EXPECT_EQ(arns.message("no stream " + theirs + " here"), "no stream " + ours + " here");
}

TEST(Arns, AnAmazonStoreInTheSameRegionIsLeftAlone) {
  ArnMap arns("eu-west-3");
  const std::string real = "arn:aws:dynamodb:eu-west-3:123456789012:table/items";
  EXPECT_EQ(arns.to_client(real), real);
  EXPECT_EQ(arns.to_store(real), real);
}

TEST(Arns, OtherTextIsLeftAlone) {
  ArnMap arns("eu-west-3");
  for (const char* text : {"", "arn", "arn:aws:s3:::bucket", "arn:aws:dynamodb:ddblocal"}) {
    EXPECT_EQ(arns.to_client(text), text);
    EXPECT_EQ(arns.to_store(text), text);
  }
}

TEST(Arns, InDescriptionsAtAnyDepth) {
  ArnMap arns("eu-west-3");
  json::value table = object(
      R"({"Table":{"TableArn":"arn:aws:dynamodb:ddblocal:000000000000:table/a","TableName":"a",
          "GlobalSecondaryIndexes":[{"IndexArn":
            "arn:aws:dynamodb:ddblocal:000000000000:table/a/index/i"}]}})");
  arns.answer(table);
  const std::string text = json::serialize(table);
  EXPECT_THAT(text, testing::Not(HasSubstr("ddblocal")));
  EXPECT_THAT(text, HasSubstr("arn:aws:dynamodb:eu-west-3:000000000000:table/a/index/i"));
}

TEST(Arns, TableOf) {
  EXPECT_EQ(table_of("items"), "items");
  EXPECT_EQ(table_of("arn:aws:dynamodb:eu-west-3:000000000000:table/items"), "items");
  EXPECT_EQ(table_of("arn:aws:dynamodb:eu-west-3:000000000000:table/items/index/by"), "items");
  EXPECT_EQ(table_of("arn:aws:dynamodb:eu-west-3:1:global/items"),
            "arn:aws:dynamodb:eu-west-3:1:global/items");
}

// ---- faults ----

FaultPlan plan_of(const char* text) {
  auto plan = parse_faults(text);
  EXPECT_TRUE(plan) << plan.error().message;
  return plan ? *plan : FaultPlan();
}

TEST(Faults, MeetTheirDirectionOnly) {
  const FaultPlan plan = plan_of(
      R"({"faults":[{"direction":"clients","action":"slow","latency_ms":20},
                    {"direction":"peer:RBX-A","action":"cut"},
                    {"direction":"peers","action":"freeze"}]})");
  EXPECT_EQ(to_milliseconds(effect_on(plan, "", 0.5).latency), 20);
  EXPECT_FALSE(effect_on(plan, "", 0.5).cut);
  EXPECT_FALSE(effect_on(plan, "", 0.5).freeze);
  EXPECT_TRUE(effect_on(plan, "RBX-A", 0.5).cut);
  EXPECT_TRUE(effect_on(plan, "RBX-A", 0.5).freeze);
  EXPECT_FALSE(effect_on(plan, "RBX-B", 0.5).cut);
  EXPECT_TRUE(effect_on(plan, "RBX-B", 0.5).freeze);
}

TEST(Faults, DropsMultiply) {
  const FaultPlan plan = plan_of(
      R"({"faults":[{"direction":"clients","action":"drop","probability":0.5},
                    {"direction":"clients","action":"drop","probability":0.5}]})");
  EXPECT_FALSE(effect_on(plan, "", 0.24).cut);
  EXPECT_TRUE(effect_on(plan, "", 0.26).cut);
  const FaultPlan always =
      plan_of(R"({"faults":[{"direction":"clients","action":"drop","probability":1}]})");
  EXPECT_TRUE(effect_on(always, "", 0).cut);
  EXPECT_FALSE(effect_on({}, "", 0.999).cut);
}

TEST(Faults, ReadBackWhatTheyWrite) {
  const char* text = R"({"faults":[{"direction":"clients","action":"cut"},)"
                     R"({"direction":"peer:RBX-A","action":"slow","latency_ms":1.5E0},)"
                     R"({"direction":"peers","action":"drop","probability":2.5E-1},)"
                     R"({"direction":"peers","action":"freeze"}]})";
  EXPECT_EQ(json::serialize(to_json(plan_of(text))), text);
  EXPECT_TRUE(plan_of(R"({"faults":[]})").empty());
}

TEST(Faults, SayWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "expected {\"faults\""},
      {"[]", "expected {\"faults\""},
      {R"({"faults":[1]})", "faults[0]: expected an object"},
      {R"({"faults":[{"direction":"peer:","action":"cut"}]})", "faults[0]: direction"},
      {R"({"faults":[{"direction":"clients","action":"burn"}]})", "faults[0]: action"},
      {R"({"faults":[{"direction":"clients","action":"slow"}]})", "latency_ms"},
      {R"({"faults":[{"direction":"clients","action":"slow","latency_ms":1e9}]})", "latency_ms"},
      {R"({"faults":[{"direction":"clients","action":"drop","probability":1.5}]})", "probability"},
      {R"({"faults":[{"direction":"clients","action":"cut","for":"ever"}]})", "unknown member"},
  };
  for (const auto& [text, message] : cases) {
    const auto plan = parse_faults(text);
    ASSERT_FALSE(plan) << text;
    EXPECT_THAT(plan.error().message, HasSubstr(message));
  }
}

// ---- the registry ----

TEST(Registry, ItemsReadBack) {
  const GlobalTable table{
      "items", {"GRA11", "RBX-A"}, "2019.11.21", "2026-11-23T12:00:00.000Z", "ttl"};
  EXPECT_EQ(from_item(to_item(table)), table);
  const GlobalTable bare{"items", {"GRA11"}, "2017.11.29", "2026-11-23T12:00:00.000Z", ""};
  EXPECT_EQ(from_item(to_item(bare)), bare);
}

TEST(Registry, OtherItemsAreNone) {
  for (const char* text : {"{}", R"({"table_name":{"S":"a"}})",
                           R"({"table_name":{"S":"a"},"replicas":{"L":[{"N":"1"}]}})",
                           R"({"table_name":{"N":"1"},"replicas":{"L":[]}})",
                           R"({"table_name":"a","replicas":{"L":7}})"}) {
    EXPECT_FALSE(from_item(object(text))) << text;
  }
}

TEST(Registry, AnOlderLookIsNotTakenOver) {
  Registry registry;
  EXPECT_FALSE(registry.ready());
  const auto early = registry.ticket();
  const auto late = registry.ticket();
  auto fresh = std::make_shared<Snapshot>();
  fresh->replicated["items"] = {"items", {"id"}, ""};
  registry.install(late, fresh);
  registry.install(early, std::make_shared<Snapshot>());
  EXPECT_TRUE(registry.ready());
  EXPECT_NE(registry.get()->find("items"), nullptr);
  EXPECT_NE(registry.get()->find("arn:aws:dynamodb:eu-west-3:000000000000:table/items"), nullptr);
  EXPECT_EQ(registry.get()->find("other"), nullptr);
}

TEST(Registry, OneChangeAtATime) {
  Registry registry;
  EXPECT_TRUE(registry.begin_change("items"));
  EXPECT_FALSE(registry.begin_change("items"));
  EXPECT_TRUE(registry.begin_change("other"));
  registry.end_change("items");
  EXPECT_TRUE(registry.begin_change("items"));
}

// ---- streams ----

std::string shown(const char* record) {
  ArnMap arns("eu-west-3");
  json::object answer{{"Records", json::array{object(record)}}, {"NextShardIterator", "i"}};
  show_records(answer, arns);
  EXPECT_EQ(answer["NextShardIterator"], "i");
  return json::serialize(answer["Records"]);
}

constexpr const char* kStamp = "1795434008123456.0001.GRA11";

std::string record(const std::string& event, const std::string& old_image,
                   const std::string& new_image) {
  return R"({"eventName":")" + event +
         R"(","awsRegion":"ddblocal","dynamodb":{"Keys":{"id":{"S":"a"}},)" +
         (old_image.empty() ? "" : R"("OldImage":)" + old_image + ",") +
         (new_image.empty() ? "" : R"("NewImage":)" + new_image + ",") +
         R"("StreamViewType":"NEW_AND_OLD_IMAGES"}})";
}
std::string item(const std::string& more) {
  return R"({"id":{"S":"a"},"_r":{"S":")" + std::string(kStamp) + "\"}" + more + "}";
}

TEST(Streams, StampsDoNotShow) {
  const std::string text =
      shown(record("MODIFY", item(R"(,"n":{"N":"1"})"), item(R"(,"n":{"N":"2"})")).c_str());
  EXPECT_THAT(text, testing::Not(HasSubstr("_r")));
  EXPECT_THAT(text, HasSubstr(R"("eventName":"MODIFY","awsRegion":"eu-west-3")"));
  EXPECT_THAT(text, HasSubstr(R"("n":{"N":"2"})"));
}

TEST(Streams, ATombstoneIsARemoval) {
  const std::string tombstone = item(R"(,"_del":{"BOOL":true})");
  const std::string removed = shown(record("MODIFY", item(R"(,"n":{"N":"1"})"), tombstone).c_str());
  EXPECT_THAT(removed, HasSubstr("REMOVE"));
  EXPECT_THAT(removed, HasSubstr("OldImage"));
  EXPECT_THAT(removed, testing::Not(HasSubstr("NewImage")));
  const std::string inserted =
      shown(record("MODIFY", tombstone, item(R"(,"n":{"N":"1"})")).c_str());
  EXPECT_THAT(inserted, HasSubstr("INSERT"));
  EXPECT_THAT(inserted, testing::Not(HasSubstr("OldImage")));
  EXPECT_EQ(shown(record("MODIFY", tombstone, tombstone).c_str()), "[]");
  EXPECT_EQ(shown(record("INSERT", "", tombstone).c_str()), "[]");
  EXPECT_EQ(shown(record("REMOVE", tombstone, "").c_str()), "[]");
}

TEST(Streams, HeartbeatsDoNotShow) {
  EXPECT_EQ(shown(record("INSERT", "", item(R"(,"_hb":{"N":"1"})")).c_str()), "[]");
}

TEST(Streams, DeletesByTimeToLiveAreTheServices) {
  const std::string text =
      shown(record("UNKNOWN_TO_SDK_VERSION", R"({"id":{"S":"a"}})", "").c_str());
  EXPECT_THAT(text, HasSubstr("REMOVE"));
  EXPECT_THAT(text, HasSubstr(R"("PrincipalId":"dynamodb.amazonaws.com")"));
}

TEST(Streams, AnApplicationsOwnAttributeOfThatNameStays) {
  EXPECT_THAT(shown(record("INSERT", "", R"({"id":{"S":"a"},"_r":{"S":"mine"}})").c_str()),
              HasSubstr(R"("_r":{"S":"mine"})"));
}

TEST(Streams, NamesForArns) {
  json::object body = object(
      R"({"TransactItems":[{"Put":{"TableName":"arn:aws:dynamodb:eu-west-3:000000000000:table/a"}}],
          "RequestItems":{"arn:aws:dynamodb:eu-west-3:000000000000:table/b":[],"c":[]}})");
  name_tables(body);
  EXPECT_EQ(json::serialize(body),
            R"({"TransactItems":[{"Put":{"TableName":"a"}}],"RequestItems":{"b":[],"c":[]}})");
}

// ---- tables ----

TEST(Tables, AStreamViewOutsideTheEnumerationIsRefused) {
  const auto error = check_stream_view(
      object(R"({"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD"}})"));
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message, HasSubstr("Value 'NEW_AND_OLD' at"));
  EXPECT_FALSE(check_stream_view(object(R"({"StreamSpecification":{"StreamEnabled":false}})")));
  EXPECT_FALSE(check_stream_view(object("{}")));
}

constexpr const char* kTable = R"({"TableName":"t",
  "KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],
  "AttributeDefinitions":[{"AttributeName":"sk","AttributeType":"N"},
                          {"AttributeName":"pk","AttributeType":"S"}],
  "GlobalSecondaryIndexes":[
    {"IndexName":"inverted","KeySchema":[{"AttributeName":"sk","KeyType":"HASH"},
                                         {"AttributeName":"pk","KeyType":"RANGE"}],
     "Projection":{"ProjectionType":"KEYS_ONLY"},"IndexStatus":"ACTIVE"},
    {"IndexName":"other","KeySchema":[{"AttributeName":"x","KeyType":"HASH"}],
     "Projection":{"ProjectionType":"KEYS_ONLY"}}],
  "ProvisionedThroughput":{"ReadCapacityUnits":0,"WriteCapacityUnits":0},"ItemCount":3})";

TEST(Tables, AnIndexOverTableKeysIsMarkedAndTheMarksAreHidden) {
  json::object table = object(kTable);
  EXPECT_EQ(unmarked_index(table), "inverted");
  const std::string before = json::serialize(table);
  mark_indexes(table);
  EXPECT_EQ(unmarked_index(table), "");
  EXPECT_THAT(json::serialize(table), HasSubstr(R"("NonKeyAttributes":["_del","_hb","_r"])"));
  hide_marks(table);
  EXPECT_EQ(json::serialize(table), before);
}

TEST(Tables, AReplicaIsMadeLikeTheTable) {
  const json::object made = create_table_like(object(kTable));
  EXPECT_EQ(made.at("BillingMode"), "PAY_PER_REQUEST");
  EXPECT_FALSE(made.contains("ItemCount"));
  EXPECT_FALSE(made.contains("ProvisionedThroughput"));
  const std::string text = json::serialize(made);
  EXPECT_THAT(text, testing::Not(HasSubstr("IndexStatus")));
  EXPECT_THAT(text, HasSubstr(R"("StreamViewType":"NEW_AND_OLD_IMAGES")"));
  EXPECT_EQ(key_difference(object(kTable), made), "");
}

TEST(Tables, KeyDifferencesAreNamed) {
  const json::object other = object(R"({"KeySchema":[{"AttributeName":"user","KeyType":"HASH"}],
                 "AttributeDefinitions":[{"AttributeName":"user","AttributeType":"B"}]})");
  EXPECT_EQ(key_difference(object(kTable), other),
            "its key is (user HASH B) there and (pk HASH S, sk RANGE N) here");
}

TEST(Errors, HaveTheShapeOfDynamoDb) {
  const AwsError error = dynamodb_error("ResourceNotFoundException", "no table t");
  EXPECT_EQ(json::serialize(to_json(error)),
            R"({"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",)"
            R"("message":"no table t"})");
  EXPECT_EQ(error_name(to_json(error)), "ResourceNotFoundException");
  EXPECT_EQ(error_name(object(R"({"__type":7})")), "");
  EXPECT_EQ(error_name({}), "");
}

}  // namespace
}  // namespace leeward::gateway
