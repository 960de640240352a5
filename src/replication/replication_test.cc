// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "replication/clocks.h"
#include "replication/flow.h"
#include "replication/lanes.h"
#include "replication/ledger.h"
#include "replication/put.h"

namespace leeward::replication {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

const dynamodb::Endpoint kNobody{"http://127.0.0.1:9", "x"};  // discard: nothing listens
const auto kAnyone = std::make_shared<dynamodb::CredentialSource>(
    dynamodb::Credentials{"key", Secret("secret"), Secret("")});
const std::string kStamp = "1795434008123456.0001.GRA11";

class Directory {
 public:
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "leeward-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
  }
  return lines;
}

template <typename Condition>
bool eventually(Condition&& condition) {
  for (int i = 0; i < 3000 && !condition(); ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  return condition();
}

json::object parsed(const std::string& text) {
  return json::parse(text).as_object();
}

TEST(PutBody, AStampedVersionIsConditionalOnItsStamp) {
  replica::Version version;
  version.stamp = kStamp;
  const auto body =
      parsed(put_body("items", "id", RegionId("RBX-A"), version, R"({"id":{"S":"a\"b"}})"));
  EXPECT_EQ(body.at("TableName"), "items");
  EXPECT_EQ(body.at("Item"), json::parse(R"({"id":{"S":"a\"b"}})"));
  EXPECT_EQ(body.at("ConditionExpression"), "attribute_not_exists(#r) OR #r < :r");
  EXPECT_EQ(body.at("ExpressionAttributeValues"),
            json::parse(R"({":r":{"S":"1795434008123456.0001.GRA11"}})"));
  EXPECT_EQ(body.at("ReturnValues"), "ALL_OLD");
  EXPECT_EQ(body.at("ReturnValuesOnConditionCheckFailure"), "ALL_OLD");
}

TEST(PutBody, UnstampedOnesAreOrderedByRegionUnlessTheyReplacedWhatStands) {
  replica::Version version;
  version.stamped = false;
  version.stamp = replica::zero_stamp(RegionId("RBX-A"));
  auto body = parsed(put_body("items", "id", RegionId("GRA11"), version, "{}"));
  EXPECT_EQ(body.at("ConditionExpression"), "attribute_not_exists(#r) OR #r <= :r");
  version.stamp = replica::zero_stamp(RegionId("GRA11"));
  body = parsed(put_body("items", "id", RegionId("RBX-A"), version, "{}"));
  EXPECT_EQ(body.at("ConditionExpression"), "attribute_not_exists(#k) OR #r <= :r");
  EXPECT_EQ(body.at("ExpressionAttributeNames").at("#k"), "id");
  version.base = replica::zero_stamp(RegionId("RBX-A"));
  version.replaced = {{"id", {{"S", "a"}}}, {"v", {{"N", "1"}}}};
  body = parsed(put_body("items", "id", RegionId("RBX-A"), version, "{}"));
  EXPECT_EQ(body.at("ConditionExpression"),
            "attribute_not_exists(#k) OR #r <= :r OR (attribute_not_exists(#r) AND #a0 = :a0 AND "
            "#a1 = :a1)");
  EXPECT_EQ(body.at("ExpressionAttributeValues").at(":a1"), json::parse(R"({"N":"1"})"));
}

TEST(LedgerItem, IdDerivesFromTableKeyAndLoser) {
  // printf 'items\n{"id":{"S":"a"}}\n1795434008123456.0001.GRA11' | sha256sum
  EXPECT_EQ(ledger_id("items", R"({"id":{"S":"a"}})", kStamp), "3b3d426eb69a5695be31ea1dc4bfe912");
  LedgerEntry entry;
  entry.table = "items";
  entry.key = {{"id", {{"S", "a"}}}};
  entry.loser_stamp = kStamp;
  entry.winner_stamp = "1795434008123457.0000.RBX-A";
  entry.detected_in = RegionId("GRA11");
  entry.detected_at = WallTime(seconds(1'795'434'008) + milliseconds(7));
  entry.evidence = replica::Evidence::kRejected;
  const json::object item = ledger_item(entry);
  EXPECT_EQ(item.at("id").at("S").as_string(),
            ledger_id("items", R"({"id":{"S":"a"}})", kStamp).c_str());
  EXPECT_EQ(item.at("loser_region").at("S"), "GRA11");
  EXPECT_EQ(item.at("winner_region").at("S"), "RBX-A");
  EXPECT_EQ(item.at("evidence").at("S"), "rejected");
  EXPECT_EQ(item.at("certain").at("BOOL"), true);
  EXPECT_TRUE(std::string_view(item.at("detected_at").at("S").as_string()).ends_with(".007Z"));
}

TEST(Lane, AKeyHasOneAndAllAreUsed) {
  std::set<std::size_t> used;
  for (int i = 0; i < 200; ++i) {
    const std::string key = fmt::format(R"({{"id":{{"S":"{}"}}}})", i);
    EXPECT_EQ(lane_of("items", key, 8), lane_of("items", key, 8));
    used.insert(lane_of("items", key, 8));
  }
  EXPECT_EQ(used.size(), 8U);
}

TEST(Flow, WhatBelongsToAnOlderGenerationDoesNotCount) {
  Flow flow("items", RegionId("GRA11"), RegionId("RBX-A"));
  flow.begin({"id"}, "id:S");
  auto old = flow.open(flow.add_shard(), "7", 2);
  flow.done(old);
  EXPECT_TRUE(flow.is_current(old));
  EXPECT_EQ(flow.outstanding(), 1U);
  flow.begin({"id"}, "id:S");
  const auto shard = flow.add_shard();
  const auto ticket = flow.open(shard, "9", 1);
  flow.done(old);
  flow.destination_gone(old);
  EXPECT_FALSE(flow.is_current(old));
  EXPECT_FALSE(flow.gone());
  EXPECT_EQ(flow.mark(shard), "");
  flow.done(ticket);
  EXPECT_EQ(flow.mark(shard), "9");
  flow.stop();
  EXPECT_FALSE(flow.is_current(ticket));
}

TEST(LedgerQueue, KeepsEntriesInAFileWhileNoStoreTakesThem) {
  Directory directory;
  std::atomic<int> done{0};
  {
    Ledger ledger({.here = RegionId("GRA11"),
                   .endpoint = kNobody,
                   .credentials = kAnyone,
                   .state_directory = directory.path(),
                   .queue_max = 2});
    for (int i = 0; i < 20; ++i) {
      ledger.add({{"table_name", {{"S", "t"}}}, {"id", {{"S", std::to_string(i)}}}},
                 [&done] { ++done; });
    }
    ledger.take_back("t", "3");
    EXPECT_TRUE(eventually([&] { return done == 20; }));
    EXPECT_TRUE(ledger.status().spill_pending);
    EXPECT_GE(ledger.status().spilled, 20U);
    EXPECT_EQ(ledger.status().written, 0U);
    EXPECT_FALSE(ledger.status().last_error.empty());
  }
  std::set<std::string> kept;
  for (const char* name :
       {"/GRA11-conflicts.spill.jsonl", "/GRA11-conflicts.spill.jsonl.sending"}) {
    for (const std::string& line : lines_of(directory.path() + name)) {
      const json::object operation = parsed(line);
      if (const json::value* item = operation.if_contains("put")) {
        kept.insert(std::string(item->at("id").at("S").as_string()));
      }
    }
  }
  EXPECT_EQ(kept.size(), 20U);
  Ledger again({.here = RegionId("GRA11"),
                .endpoint = kNobody,
                .credentials = kAnyone,
                .state_directory = directory.path()});
  EXPECT_TRUE(again.status().spill_pending) << "found after a restart";
}

// A store that is down holds a bounded number of versions; stopping does not wait for it.
TEST(LanesQueue, WaitsForRoomAndEndsWhenAsked) {
  Directory directory;
  Ledger ledger({.here = RegionId("GRA11"),
                 .endpoint = kNobody,
                 .credentials = kAnyone,
                 .state_directory = directory.path()});
  LaneOptions options;
  options.here = RegionId("GRA11");
  options.endpoint = kNobody;
  options.credentials = kAnyone;
  options.state_directory = directory.path();
  options.lanes = 2;
  options.versions_max = 4;
  options.on_event = [](const Flow&, std::string_view, std::string_view) {};
  Lanes lanes(options, ledger);
  const auto flow = std::make_shared<Flow>("items", RegionId("RBX-A"), RegionId("GRA11"));
  flow->begin({"id"}, "id:S");
  const auto ticket = flow->open(flow->add_shard(), "1", 1000);
  std::atomic<int> pushed{0};
  std::thread reader([&] {
    for (int i = 0; i < 1000; ++i) {
      Task task;
      task.flow = flow;
      task.ticket = ticket;
      task.version.key = std::to_string(i);
      task.version.stamp = kStamp;
      task.item_text = "{}";
      if (!lanes.push(std::move(task))) {
        return;
      }
      ++pushed;
    }
  });
  EXPECT_TRUE(eventually([&] { return !flow->counters().last_error.empty(); }));
  EXPECT_TRUE(eventually([&] { return lanes.queued() >= 4; }));
  EXPECT_LE(lanes.queued(), 8U);
  flow->stop();
  reader.join();
  EXPECT_LT(pushed, 1000);
  EXPECT_EQ(flow->outstanding(), 1000U) << "nothing counts as carried";
  lanes.stop();
}

}  // namespace
}  // namespace leeward::replication
