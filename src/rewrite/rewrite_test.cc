// SPDX-License-Identifier: Apache-2.0
#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "replica/stamp.h"
#include "rewrite/exchange.h"
#include "rewrite/expression.h"

namespace leeward::rewrite {
namespace {

namespace json = boost::json;

constexpr WallTime kNow{std::chrono::seconds(1'795'434'008)};

json::object parse(std::string_view text) {
  return json::parse(json::string_view(text.data(), text.size())).as_object();
}

class OneTable final : public TableLookup {
 public:
  const ReplicatedTable* find(std::string_view name) const override {
    return name == "items" ? &table_ : nullptr;
  }

 private:
  ReplicatedTable table_{"items", {"pk", "sk"}, ""};
};

struct World {
  OneTable tables;
  StampClock clock{RegionId("GRA11")};
  std::unique_ptr<Exchange> exchange;

  Step start(std::string_view operation, std::string_view body) {
    auto planned = plan(operation, parse(body), tables);
    if (auto* answer = std::get_if<Answer>(&planned)) {
      return std::move(*answer);
    }
    exchange = std::move(std::get<std::unique_ptr<Exchange>>(planned));
    return exchange == nullptr ? Step(Answer{999, {}}) : exchange->start(clock, kNow);
  }
  Step answer(int status, std::string_view body) {
    std::vector<Answer> answers;
    answers.push_back({status, parse(body)});
    return exchange->on_answers(std::move(answers), clock, kNow);
  }
};

const Request& request_of(const Step& step) {
  return std::get<std::vector<Request>>(step).at(0);
}
std::string text(const json::value& value) {
  return json::serialize(value);
}
std::string error_of(const Step& step) {
  const Answer& answer = std::get<Answer>(step);
  return answer.status == 200 ? "" : text(answer.body);
}

TEST(Expression, OnAnItemThatDoesNotExist) {
  const json::object values = parse(R"j({":a": {"N": "1"}, ":b": {"N": "2"}, ":s": {"S": "x"}})j");
  const std::pair<const char*, bool> cases[] = {
      {"attribute_not_exists(pk)", true},
      {"attribute_exists(pk)", false},
      {"attribute_not_exists ( a.b[0].#c )", true},
      {"NOT attribute_exists(pk)", true},
      {"not not attribute_exists(pk)", false},
      {"n = :a", false},
      {"n <> :a", true},
      {"n < :a OR attribute_not_exists(n)", true},
      {"n < :a AND attribute_not_exists(n)", false},
      {"attribute_not_exists(n) AND (n = :a OR (m <> :b))", true},
      {"n BETWEEN :a AND :b", false},
      {"NOT n BETWEEN :a AND :b AND attribute_not_exists(x)", true},
      {"n IN (:a, :b)", false},
      {"begins_with(s, :s)", false},
      {"contains(s, :s) or size(s) > :a", false},
      {"size(s) <> :a", true},
      {"attribute_type(s, :s)", false},
      {":a = :a", true},
      {":a < :b", true},
      {":a > :b", false},
      {":a BETWEEN :a AND :b", true},
      {"a = b", false},
  };
  for (const auto& [condition, holds] : cases) {
    const auto result = holds_when_absent(condition, &values);
    ASSERT_TRUE(result) << condition << ": " << result.error().message;
    EXPECT_EQ(*result, holds) << condition;
  }
  for (const char* broken : {"", "a", "a =", "a = :a )", "(a = :a", "a === :a", "AND", "a[ = :a",
                             "f(a)", "a BETWEEN :a", "a IN ()", "\x01", "attribute_exists(a"}) {
    EXPECT_FALSE(holds_when_absent(broken, &values)) << broken;
  }
  EXPECT_FALSE(holds_when_absent(std::string(3000, '('), &values));
}

TEST(Expression, UpdatesFallIntoClauses) {
  const auto clauses = split_update(
      "set #a = if_not_exists(#a, :z) + :one, b.c = :v REMOVE d[0] ADD n :one delete s :v");
  ASSERT_TRUE(clauses) << clauses.error().message;
  EXPECT_EQ(
      join_update(*clauses),
      "SET  #a = if_not_exists(#a, :z) + :one, b.c = :v REMOVE  d[0] ADD  n :one DELETE  s :v");
  EXPECT_FALSE(split_update("SET a = :a SET b = :b"));
  EXPECT_FALSE(split_update("a = :a"));
  for (const char* hollow : {"", " ", "SET", "SET REMOVE a", "REMOVE a SET"}) {
    EXPECT_FALSE(split_update(hollow)) << hollow;
  }
}

// DynamoDB refuses redundant parentheses; boto3 encloses every condition that it joins.
TEST(Expression, IsEnclosedOnce) {
  EXPECT_EQ(parenthesized("a = :a"), "(a = :a)");
  EXPECT_EQ(parenthesized("(a = :a AND (b = :b))"), "(a = :a AND (b = :b))");
  EXPECT_EQ(parenthesized("(a = :a) OR (b = :b)"), "((a = :a) OR (b = :b))");
  EXPECT_EQ(parenthesized("attribute_exists(a)"), "(attribute_exists(a))");
}

TEST(Write, APutIsStampedAndConditional) {
  World world;
  const auto step = world.start(
      "PutItem", R"j({"TableName": "items", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}}})j");
  const json::object& body = request_of(step).body;
  EXPECT_EQ(text(body.at("Item").at("_r")), R"j({"S":"1795434008000000.0000.GRA11"})j");
  EXPECT_EQ(body.at("ConditionExpression").as_string(),
            "(attribute_not_exists(#leeward_r) OR #leeward_r < :leeward_r)");
  EXPECT_EQ(text(body.at("ExpressionAttributeNames")), R"j({"#leeward_r":"_r"})j");
  const auto done = world.answer(200, R"j({"Attributes": {"pk": {"S": "a"}, "_r": {"S": "x"}}})j");
  EXPECT_EQ(text(std::get<Answer>(done).body), R"j({"Attributes":{"pk":{"S":"a"}}})j");
}

TEST(Write, AnOlderStampIsRenewedUntilItIsTaken) {
  World world;
  static_cast<void>(world.start(
      "PutItem", R"j({"TableName": "items", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}}})j"));
  const std::string theirs = replica::format_stamp({1'795'434'009'000'000, 3, RegionId("RBX-A")});
  const auto again = world.answer(
      400, R"j({"__type": "x#ConditionalCheckFailedException", "Item": {"_r": {"S": ")j" + theirs +
               R"j("}}})j");
  EXPECT_EQ(text(request_of(again).body.at("Item").at("_r")),
            R"j({"S":"1795434009000000.0004.GRA11"})j");
  const std::string future = replica::format_stamp({1'795'434'999'000'000, 0, RegionId("RBX-A")});
  const auto refused = world.answer(
      400, R"j({"__type": "x#ConditionalCheckFailedException", "Item": {"_r": {"S": ")j" + future +
               R"j("}}})j");
  EXPECT_EQ(std::get<Answer>(refused).status, 500);
  EXPECT_NE(error_of(refused).find("future"), std::string::npos);
}

TEST(Write, TheClientsConditionMeansWhatItSaysOnATombstone) {
  World world;
  const auto absent = world.start(
      "PutItem", R"j({"TableName": "items", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}},
      "ConditionExpression": "attribute_not_exists(pk)"
})j");
  EXPECT_EQ(request_of(absent).body.at("ConditionExpression").as_string(),
            "(attribute_exists(#leeward_del) OR (attribute_not_exists(pk))) AND "
            "(attribute_not_exists(#leeward_r) OR #leeward_r < :leeward_r)");
  const auto present = world.start(
      "UpdateItem", R"j({"TableName": "items", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}},
      "UpdateExpression": "SET n = n + :one", "ConditionExpression": "attribute_exists(pk)",
      "ExpressionAttributeValues": {":one": {"N": "1"}}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"})j");
  EXPECT_EQ(request_of(present).body.at("ConditionExpression").as_string(),
            "(attribute_not_exists(#leeward_del) AND (attribute_exists(pk))) AND "
            "(attribute_not_exists(#leeward_r) OR #leeward_r < :leeward_r)");
  EXPECT_EQ(request_of(present).body.at("UpdateExpression").as_string(),
            "SET  n = n + :one, #leeward_r = :leeward_r REMOVE #leeward_del");
  const auto failed = world.answer(400, R"j({"__type": "x#ConditionalCheckFailedException",
      "Item": {"pk": {"S": "a"}, "_r": {"S": "1000000000000000.0000.RBX-A"}, "_del": {"BOOL": true}}})j");
  EXPECT_EQ(error_of(failed), R"j({"__type":"x#ConditionalCheckFailedException"})j");
}

TEST(Write, ADeleteBecomesATombstone) {
  World world;
  const char* const request =
      R"j({"TableName": "items", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}, "ReturnValues": "ALL_OLD"})j";
  const auto step = world.start("DeleteItem", request);
  EXPECT_EQ(request_of(step).operation, "PutItem");
  EXPECT_EQ(text(request_of(step).body.at("Item").at("_del")), R"j({"BOOL":true})j");
  EXPECT_FALSE(request_of(step).body.contains("Key"));
  const auto done = world.answer(
      200, R"j({"Attributes": {"pk": {"S": "a"}, "v": {"N": "1"}, "_r": {"S": "x"}}})j");
  EXPECT_EQ(text(std::get<Answer>(done).body),
            R"j({"Attributes":{"pk":{"S":"a"},"v":{"N":"1"}}})j");
  static_cast<void>(world.start("DeleteItem", request));
  EXPECT_EQ(text(std::get<Answer>(
                     world.answer(400, R"j({"__type": "x#ConditionalCheckFailedException"})j"))
                     .body),
            "{}");
  static_cast<void>(world.start(
      "DeleteItem",
      R"j({"TableName": "items", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}, "ConditionExpression": "attribute_exists(pk)"})j"));
  EXPECT_EQ(
      std::get<Answer>(world.answer(400, R"j({"__type": "x#ConditionalCheckFailedException"})j"))
          .status,
      400);
  EXPECT_EQ(std::get<Answer>(
                world.start("DeleteItem", R"j({"TableName": "items", "Key": {"pk": {"S": "a"}}})j"))
                .status,
            400);
}

TEST(Write, WhatIsLeewardsOwnIsRefused) {
  World world;
  for (
      const char* body : {
          R"j({"TableName": "items", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}, "_r": {"S": "x"}}})j",
          R"j({"TableName": "items", "Item": 7})j",
          R"j({"TableName": "items", "Item": {"pk": {"S": "a"}}, "ConditionExpression": "#x = :v", "ExpressionAttributeNames": {"#x": "_del"}})j",
          R"j({"TableName": "items", "Item": {"pk": {"S": "a"}}, "ExpressionAttributeNames": {"#leeward_r": "x"}})j",
          R"j({"TableName": "items", "Item": {"pk": {"S": "a"}}, "Expected": {}})j",
          R"j({"TableName": "items", "Item": {"pk": {"S": "a"}}, "ConditionExpression": 5})j",
          R"j({"TableName": "items", "Item": {"pk": {"S": "a"}}, "ConditionExpression": "a ="})j",
      }) {
    EXPECT_EQ(std::get<Answer>(world.start("PutItem", body)).status, 400) << body;
  }
  EXPECT_EQ(std::get<Answer>(world.start("ExecuteStatement", R"j({"Statement": "x"})j")).status,
            400);
  EXPECT_EQ(std::get<Answer>(
                world.start("PutItem", R"j({"TableName": "other", "Item": {"_r": {"S": "x"}}})j"))
                .status,
            999)
      << "not ours";
}

TEST(Read, TombstonesAreNotThere) {
  World world;
  static_cast<void>(
      world.start("GetItem", R"j({"TableName": "items", "Key": {"pk": {"S": "a"}}})j"));
  EXPECT_EQ(
      text(std::get<Answer>(
               world.answer(
                   200,
                   R"j({"Item": {"pk": {"S": "a"}, "_r": {"S": "x"}, "_del": {"BOOL": true}}})j"))
               .body),
      "{}");
  static_cast<void>(
      world.start("GetItem", R"j({"TableName": "items", "Key": {"pk": {"S": "a"}}})j"));
  EXPECT_EQ(
      text(std::get<Answer>(
               world.answer(
                   200, R"j({"Item": {"pk": {"S": "a"}, "_r": {"S": "x"}, "_hb": {"M": {}}}})j"))
               .body),
      R"j({"Item":{"pk":{"S":"a"},"_hb":{"M":{}}}})j");
}

TEST(Read, AQueryReadsOnUntilItsLimitOfLiveItems) {
  World world;
  const auto first = world.start(
      "Query", R"j({"TableName": "items", "Limit": 2, "KeyConditionExpression": "pk = :p",
      "FilterExpression": "n > :n", "ExpressionAttributeValues": {":p": {"S": "a"}, ":n": {"N": "1"}}})j");
  EXPECT_EQ(request_of(first).body.at("FilterExpression").as_string(),
            "(n > :n) OR attribute_exists(#leeward_del) OR attribute_exists(#leeward_hb)");
  // Two evaluated: a tombstone, and one that the client's filter dropped.
  const auto second = world.answer(
      200,
      R"j({"Items": [{"_del": {"BOOL": true}}], "Count": 1, "ScannedCount": 2, "LastEvaluatedKey": {"pk": {"S": "k2"}}})j");
  EXPECT_EQ(text(request_of(second).body.at("Limit")), "1");
  EXPECT_EQ(text(request_of(second).body.at("ExclusiveStartKey")), R"j({"pk":{"S":"k2"}})j");
  const auto done = world.answer(
      200,
      R"j({"Items": [{"sk": {"S": "x"}, "_r": {"S": "y"}}], "Count": 1, "ScannedCount": 1, "LastEvaluatedKey": {"pk": {"S": "k3"}}})j");
  EXPECT_EQ(
      text(std::get<Answer>(done).body),
      R"j({"Items":[{"sk":{"S":"x"}}],"Count":1,"ScannedCount":2,"LastEvaluatedKey":{"pk":{"S":"k3"}}})j");
}

TEST(Read, CountsAreOfLiveItems) {
  World world;
  const auto step = world.start("Scan", R"j({"TableName": "items", "Select": "COUNT"})j");
  EXPECT_EQ(request_of(step).body.at("Select").as_string(), "SPECIFIC_ATTRIBUTES");
  const auto done = world.answer(
      200,
      R"j({"Items": [{}, {"_del": {"BOOL": true}}, {"_hb": {"M": {}}}], "Count": 3, "ScannedCount": 3})j");
  EXPECT_EQ(text(std::get<Answer>(done).body), R"j({"Count":1,"ScannedCount":1})j");
}

TEST(Batch, EveryElementIsAWriteOfItsOwn) {
  World world;
  const auto step = world.start("BatchWriteItem", R"j({"RequestItems": {
      "items": [{"PutRequest": {"Item": {"pk": {"S": "a"}, "sk": {"S": "1"}}}}, {"DeleteRequest": {"Key": {"pk": {"S": "a"}, "sk": {"S": "2"}}}}],
      "other": [{"PutRequest": {"Item": {"id": {"S": "z"}}}}]}})j");
  EXPECT_EQ(std::get<std::vector<Request>>(step).size(), 3U);
  std::vector<Answer> answers;
  answers.push_back({500, parse(R"j({"__type": "x#InternalServerError"})j")});
  answers.push_back({400, parse(R"j({"__type": "x#ConditionalCheckFailedException"})j")});
  answers.push_back({200, parse(R"j({"UnprocessedItems": {}})j")});
  const auto done = world.exchange->on_answers(std::move(answers), world.clock, kNow);
  EXPECT_EQ(
      text(std::get<Answer>(done).body),
      R"j({"UnprocessedItems":{"items":[{"PutRequest":{"Item":{"pk":{"S":"a"},"sk":{"S":"1"}}}}]}})j");
  EXPECT_EQ(std::get<Answer>(world.start("BatchWriteItem", R"j({"RequestItems": {"items": [
      {"DeleteRequest": {"Key": {"pk": {"S": "a"}, "sk": {"S": "2"}}}}, {"DeleteRequest": {"Key": {"pk": {"S": "a"}, "sk": {"S": "2"}}}}]}})j"))
                .status,
            400);
}

TEST(Transaction, FencedWritesPassAndAreRetriedOnlyForTheirStamps) {
  World world;
  const char* const body = R"j({"ClientRequestToken": "token-1", "TransactItems": [
      {"ConditionCheck": {"TableName": "leeward-fence", "Key": {"id": {"S": "shop#3"}}, "ConditionExpression": "epoch = :e",
                          "ExpressionAttributeValues": {":e": {"N": "7"}}}},
      {"Put": {"TableName": "items", "Item": {"pk": {"S": "a"}, "sk": {"S": "1"}}}}]})j";
  const auto step = world.start("TransactWriteItems", body);
  const json::array& items = request_of(step).body.at("TransactItems").as_array();
  EXPECT_EQ(items.at(0).at("ConditionCheck").at("ConditionExpression").as_string(), "epoch = :e");
  EXPECT_TRUE(items.at(1).at("Put").at("Item").as_object().contains("_r"));
  const auto again =
      world.answer(400, R"j({"__type": "x#TransactionCanceledException", "CancellationReasons": [
      {"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"_r": {"S": "1795434008000001.0000.RBX-A"}}}]})j");
  EXPECT_EQ(text(request_of(again).body.at("TransactItems").at(1).at("Put").at("Item").at("_r")),
            R"j({"S":"1795434008000001.0001.GRA11"})j");
  EXPECT_NE(request_of(step).body.at("ClientRequestToken"),
            request_of(again).body.at("ClientRequestToken"));
  const auto refused =
      world.answer(400, R"j({"__type": "x#TransactionCanceledException", "CancellationReasons": [
      {"Code": "ConditionalCheckFailed"}, {"Code": "None"}]})j");
  EXPECT_NE(error_of(refused).find("[ConditionalCheckFailed, None]"), std::string::npos);
  // The SDK repeats it under its token: the same stamp, so the same request.
  World& same = world;
  const auto repeated = same.start("TransactWriteItems", body);
  EXPECT_EQ(request_of(repeated).body, request_of(again).body);
}

TEST(Write, EnclosedConditionsGoAsTheyAre) {
  World world;
  const Step put = world.start("PutItem", R"j({"TableName": "items",
      "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}},
      "ConditionExpression": "(attribute_not_exists(pk) OR n < :v)",
      "ExpressionAttributeValues": {":v": {"N": "1"}}})j");
  EXPECT_EQ(request_of(put).body.at("ConditionExpression"),
            "(attribute_exists(#leeward_del) OR (attribute_not_exists(pk) OR n < :v)) AND "
            "(attribute_not_exists(#leeward_r) OR #leeward_r < :leeward_r)");
  const Step scan = world.start("Scan", R"j({"TableName": "items",
      "FilterExpression": "(a = b AND c = d)"})j");
  EXPECT_EQ(request_of(scan).body.at("FilterExpression"),
            "(a = b AND c = d) OR attribute_exists(#leeward_del) OR attribute_exists(#leeward_hb)");
}

TEST(Read, AHeartbeatMayBeNamedInAProjection) {
  World world;
  const Step get = world.start("GetItem", R"j({"TableName": "items",
      "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}, "ProjectionExpression": "pk, #h",
      "ExpressionAttributeNames": {"#h": "_hb"}})j");
  EXPECT_EQ(request_of(get).body.at("ProjectionExpression"), "pk, #h, #leeward_del");
  const Step shown = world.answer(200, R"j({"Item": {"pk": {"S": "a"}, "_hb": {"S": "1"}}})j");
  EXPECT_EQ(text(std::get<Answer>(shown).body), R"j({"Item":{"pk":{"S":"a"},"_hb":{"S":"1"}}})j");
  const Step old = world.start("GetItem", R"j({"TableName": "items",
      "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}, "AttributesToGet": ["_hb"]})j");
  EXPECT_EQ(text(request_of(old).body.at("AttributesToGet")), R"j(["_hb","_del"])j");
}

TEST(Read, APageThatEndedForItsSizeIsNotReadOn) {
  World world;
  static_cast<void>(world.start("Scan", R"j({"TableName": "items", "Limit": 100})j"));
  const Step page = world.answer(200, R"j({"Items": [{"pk": {"S": "a"}, "sk": {"S": "b"}}],
      "Count": 1, "ScannedCount": 1, "LastEvaluatedKey": {"pk": {"S": "a"}, "sk": {"S": "b"}}})j");
  ASSERT_TRUE(std::holds_alternative<Answer>(page));
  EXPECT_TRUE(std::get<Answer>(page).body.contains("LastEvaluatedKey"));
}

TEST(Transaction, ReasonsMayBeAnything) {
  World world;
  static_cast<void>(world.start("TransactWriteItems", R"j({"TransactItems": [{"Put": {
      "TableName": "items", "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}}}}]})j"));
  const Step step = world.answer(400, R"j({"__type": "x#TransactionCanceledException",
      "CancellationReasons": ["text"]})j");
  EXPECT_EQ(std::get<Answer>(step).status, 400);
}

TEST(Transaction, ATokenThatIsTooLongIsRefused) {
  World world;
  EXPECT_NE(error_of(world.start("TransactWriteItems",
                                 R"j({"ClientRequestToken": "0123456789012345678901234567890123456",
      "TransactItems": [{"Put": {"TableName": "items",
      "Item": {"pk": {"S": "a"}, "sk": {"S": "b"}}}}]})j"))
                .find("clientRequestToken"),
            std::string::npos);
}

}  // namespace
}  // namespace leeward::rewrite
