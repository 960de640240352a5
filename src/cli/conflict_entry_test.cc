// SPDX-License-Identifier: Apache-2.0
#include "cli/conflict_entry.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace leeward::cli {
namespace {

namespace json = boost::json;

json::object parse(std::string_view text) {
  return json::parse(json::string_view(text.data(), text.size())).as_object();
}

ConflictEntry entry(std::string_view region, bool certain,
                    std::string_view at = "2026-11-23T11:00:00.000Z") {
  json::object item =
      parse(R"j({"id": {"S": "abc"}, "table_name": {"S": "items"}, "key": {"M": {"id": {"S": "a"}}},
      "loser": {"M": {"id": {"S": "a"}, "v": {"N": "1"}, "_r": {"S": "1795434008000000.0000.A"}}},
      "winner": {"M": {"id": {"S": "a"}, "v": {"N": "2"}, "_r": {"S": "1795434008000001.0000.B"}}},
      "loser_region": {"S": "A"}, "winner_region": {"S": "B"}, "loser_stamp": {"S": "1795434008000000.0000.A"},
      "winner_stamp": {"S": "1795434008000001.0000.B"}, "evidence": {"S": "overwritten"}})j");
  item["certain"] = json::object{{"BOOL", certain}};
  item["detected_at"] = json::object{{"S", json::string(json::string_view(at.data(), at.size()))}};
  return parse_conflict(item, std::string(region)).value();
}

TEST(Conflicts, TheSameLossFoundInTwoRegionsIsOne) {
  const auto merged =
      merge_conflicts({entry("B", false, "2026-11-23T11:00:01.000Z"), entry("A", true)});
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_TRUE(merged[0].certain);
  EXPECT_EQ(merged[0].detected_at, "2026-11-23T11:00:00.000Z");
  EXPECT_EQ(merged[0].seen_in.size(), 2U);
  EXPECT_FALSE(parse_conflict(parse("{}"), "A"));
}

TEST(Conflicts, AreShownAsTextCsvAndJson) {
  const ConflictEntry one = entry("A", true);
  EXPECT_NE(render_conflicts({one}).find("id=a"), std::string::npos);
  EXPECT_EQ(render_conflicts({}), "no write was lost to last-writer-wins\n");
  const std::string shown = render_conflict(one);
  EXPECT_NE(shown.find("* v "), std::string::npos) << shown;
  EXPECT_EQ(shown.find("_r "), std::string::npos) << shown;
  EXPECT_NE(to_csv({one}).find("\"{\"\"id\"\":{\"\"S\"\":\"\"a\"\"}}\""), std::string::npos)
      << to_csv({one});
  EXPECT_EQ(to_json(one).at("loser").at("v").at("N").as_string(), "1");
}

TEST(Reapply, ThroughAGatewayWritesWhatTheApplicationWrote) {
  const Reapply request =
      make_reapply(entry("A", true), parse(R"j({"id": {"S": "a"}, "v": {"N": "2"}})j"), "");
  EXPECT_EQ(request.operation, "PutItem");
  EXPECT_EQ(json::serialize(request.body.at("Item")), R"j({"id":{"S":"a"},"v":{"N":"1"}})j");
  EXPECT_EQ(request.body.at("ConditionExpression").as_string(), "#a0 = :a0");
}

TEST(Reapply, StraightAtAStoreBringsItsOwnStampAndComparesTheOneThatStands) {
  const ConflictEntry lost = entry("A", true);
  const std::string stamp =
      stamp_above({lost.winner_stamp}, WallTime(std::chrono::seconds(1)), "A");
  EXPECT_GT(stamp, lost.winner_stamp) << "although this clock is decades behind";
  const Reapply request = make_reapply(lost, lost.winner, stamp);
  EXPECT_EQ(request.body.at("Item").at("_r").at("S").as_string(), stamp);
  EXPECT_EQ(json::serialize(request.body.at("ExpressionAttributeNames")), R"j({"#a0":"_r"})j");
  EXPECT_EQ(request.body.at("ConditionExpression").as_string(), "#a0 = :a0");
}

TEST(Reapply, ALostDeleteIsADeleteAgain) {
  ConflictEntry lost = entry("A", true);
  lost.loser = parse(R"j({"id": {"S": "a"}, "_del": {"BOOL": true}, "_r": {"S": "x"}})j");
  EXPECT_EQ(make_reapply(lost, parse(R"j({"id": {"S": "a"}})j"), "").operation, "DeleteItem");
  const Reapply direct = make_reapply(lost, lost.winner, "1795434008000009.0000.A");
  EXPECT_EQ(direct.operation, "PutItem");
  EXPECT_TRUE(direct.body.at("Item").as_object().contains("_del"));
  const Reapply absent = make_reapply(lost, {}, "");
  EXPECT_EQ(absent.body.at("ConditionExpression").as_string(), "attribute_not_exists(#k)");
}

}  // namespace
}  // namespace leeward::cli
