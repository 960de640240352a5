// SPDX-License-Identifier: Apache-2.0
#include "table_manager/manager.h"

#include <map>
#include <set>

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leeward::table_manager {
namespace {

namespace json = boost::json;
using dynamodb::CallError;
using dynamodb::CallResult;
using dynamodb::Failure;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Amazon's control plane as far as the manager sees it: changes take a few looks to become ACTIVE,
// and while a table changes, other changes are refused.
class FakeAmazon {
 public:
  bool has_replicas = true;
  std::string replica_status = "ACTIVE";  // what CREATING becomes
  std::set<std::string> down;
  std::vector<std::string> changes;

  CallResult<json::value> call(const dynamodb::Endpoint& endpoint, std::string_view operation,
                               const json::object& body) {
    if (down.contains(endpoint.region)) {
      return refuse(Failure::kUnavailable, "", "connection refused");
    }
    const std::string name(body.at("TableName").as_string());
    auto& tables = regions_[endpoint.region];
    if (operation == "CreateTable") {
      changes.push_back("CreateTable " + endpoint.region);
      tables[name] = {.description = body, .looks = 2, .ttl = {}};
      return json::value(json::object());
    }
    const auto found = tables.find(name);
    if (found == tables.end()) {
      return refuse(Failure::kNotFound, "ResourceNotFoundException", "no table");
    }
    return operation.starts_with("Describe") ? describe(operation, found->second)
                                             : change(endpoint, operation, body, found->second);
  }

 private:
  struct Table {
    json::object description;
    int looks = 0;  // until ACTIVE
    std::string ttl;
  };

  static std::unexpected<CallError> refuse(Failure failure, const char* type, const char* message) {
    return std::unexpected(
        CallError{.failure = failure, .message = std::string(type) + ": " + message, .type = type});
  }

  CallResult<json::value> describe(std::string_view operation, Table& table) {
    if (operation == "DescribeTimeToLive") {
      return json::value{{"TimeToLiveDescription",
                          {{"TimeToLiveStatus", table.ttl.empty() ? "DISABLED" : "ENABLING"},
                           {"AttributeName", table.ttl}}}};
    }
    const bool busy = table.looks > 0;
    table.looks -= busy ? 1 : 0;
    json::object answer = table.description;
    answer["TableStatus"] = busy ? "UPDATING" : "ACTIVE";
    answer["BillingModeSummary"] = {{"BillingMode", "PAY_PER_REQUEST"}};
    if (auto* replicas = answer.if_contains("Replicas")) {
      for (json::value& replica : replicas->as_array()) {
        replica.as_object()["ReplicaStatus"] = busy ? "CREATING" : replica_status;
      }
    }
    return json::value{{"Table", answer}};
  }

  CallResult<json::value> change(const dynamodb::Endpoint& endpoint, std::string_view operation,
                                 const json::object& body, Table& table) {
    if (table.looks > 0) {
      --table.looks;
      return refuse(Failure::kUnavailable, "ResourceInUseException", "busy");
    }
    changes.push_back(std::string(operation) + " " + endpoint.region);
    if (operation == "UpdateTimeToLive") {
      table.ttl = body.at("TimeToLiveSpecification").at("AttributeName").as_string();
      return json::value(json::object());
    }
    if (const auto* updates = body.if_contains("ReplicaUpdates")) {
      if (!has_replicas) {
        return refuse(Failure::kValidation, "ValidationException", "Nothing to update");
      }
      for (const json::value& update : updates->as_array()) {
        const std::string region(update.at("Create").at("RegionName").as_string());
        add_replica(table, region);
        Table& copy = regions_[region][std::string(body.at("TableName").as_string())];
        copy = table;
        copy.description["Replicas"] = json::array{json::object{{"RegionName", endpoint.region}}};
      }
    }
    table.looks = 2;
    return json::value(json::object());
  }

  static void add_replica(Table& table, const std::string& region) {
    if (!table.description.contains("Replicas")) {
      table.description["Replicas"] = json::array();
    }
    table.description["Replicas"].as_array().push_back(json::object{{"RegionName", region}});
  }

  std::map<std::string, std::map<std::string, Table>> regions_;
};

class ManagerTest : public testing::Test {
 protected:
  ManagerTest()
      : manager_(
            {{RegionId("GRA11"), {"http://a", "eu-west-3"}},
             {RegionId("RBX-A"), {"http://b", "eu-central-1"}},
             {RegionId("SBG5"), {"http://c", "eu-west-1"}}},
            [this](const dynamodb::Endpoint& endpoint, std::string_view operation,
                   const json::object& body) { return amazon_.call(endpoint, operation, body); },
            {.now = [this] { return now_; }, .sleep = [this](Duration d) { now_ += d; }}) {
    spec_.name = "orders";
    spec_.key = {{"pk", KeyType::kString}, {}};
    spec_.replicas = {RegionId("GRA11"), RegionId("RBX-A"), RegionId("SBG5")};
    spec_.ttl_attribute = "expires";
  }

  tables::Plan plan() {
    return tables::plan(spec_, manager_.observe(spec_.name, spec_.replicas, spec_.global_tables));
  }

  Status ensure() {
    return manager_.execute(spec_, plan(), options_, [this](const Progress& progress) {
      lines_.push_back(fmt::format("{}/{} {}", progress.step, progress.steps,
                                   progress.kind == Progress::Kind::kDone ? "done" : progress.now));
    });
  }

  FakeAmazon amazon_;
  MonoTime now_{};
  TableSpec spec_;
  ExecuteOptions options_;
  std::vector<std::string> lines_;
  Manager manager_;
};

TEST_F(ManagerTest, MakesTheTableAndItsReplicasAndThenHasNothingToDo) {
  EXPECT_EQ(plan().steps.size(), 4U);
  EXPECT_THAT(amazon_.changes, IsEmpty()) << "a plan changes nothing";
  const Status done = ensure();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(amazon_.changes, ElementsAre("CreateTable eu-west-3", "UpdateTable eu-west-3",
                                           "UpdateTable eu-west-3", "UpdateTimeToLive eu-west-3"));
  EXPECT_THAT(lines_, testing::Contains("1/4 table UPDATING"));
  EXPECT_THAT(lines_, testing::Contains("2/4 eu-central-1 CREATING"));
  EXPECT_EQ(lines_.back(), "4/4 done");
  EXPECT_THAT(plan().steps, IsEmpty());
  EXPECT_THAT(plan().problems, IsEmpty());
  ASSERT_TRUE(ensure());
  EXPECT_EQ(amazon_.changes.size(), 4U);
}

TEST_F(ManagerTest, SaysWhatAStoreWithoutGlobalTablesMeans) {
  amazon_.has_replicas = false;
  const Status done = ensure();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(
      done.error().message,
      AllOf(HasSubstr("cannot add replica RBX-A (eu-central-1)"), HasSubstr("has no global tables"),
            HasSubstr("leeward-gateway"), HasSubstr("'global_tables: none'")));
}

TEST_F(ManagerTest, WithoutGlobalTablesMakesOneTablePerRegion) {
  amazon_.has_replicas = false;
  spec_.global_tables = GlobalTables::kNone;
  const Status done = ensure();
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(amazon_.changes,
              ElementsAre("CreateTable eu-west-3", "UpdateTimeToLive eu-west-3",
                          "CreateTable eu-central-1", "UpdateTimeToLive eu-central-1",
                          "CreateTable eu-west-1", "UpdateTimeToLive eu-west-1"));
  EXPECT_THAT(plan().steps, IsEmpty());
}

TEST_F(ManagerTest, StopsAtAReplicaThatFails) {
  amazon_.replica_status = "CREATION_FAILED";
  const Status done = ensure();
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("eu-central-1 is CREATION_FAILED"));
}

TEST_F(ManagerTest, StopsWhenTheTimeIsOverAndSaysWhatItWaitedFor) {
  amazon_.replica_status = "CREATING";
  options_.timeout = std::chrono::minutes(5);
  const Status done = ensure();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(done.error().message, HasSubstr("still: eu-central-1 CREATING"));
  EXPECT_LE(now_ - MonoTime{}, options_.timeout);
  EXPECT_LT(lines_.size(), 60U) << "a line every ten seconds, not every look";
}

TEST_F(ManagerTest, AnUnreachableRegionIsAProblemAndNotAMissingTable) {
  amazon_.down = {"eu-central-1"};
  EXPECT_THAT(plan().problems, ElementsAre("RBX-A (eu-central-1): : connection refused"));
  EXPECT_THAT(plan().steps, IsEmpty());
}

TEST(Explain, KeepsTheStoresWordsForEverythingElse) {
  const tables::Step step{.region = RegionId("A"),
                          .operation = "CreateGlobalTable",
                          .body = {},
                          .what = "create global table 'orders'",
                          .until = {}};
  EXPECT_THAT(explain(step, {.failure = Failure::kValidation,
                             .message = "ValidationException: version 2017.11.29 is not supported",
                             .type = "ValidationException"})
                  .message,
              AllOf(HasSubstr("not supported"), HasSubstr("remove 'global_tables: legacy'")));
  const Error denied = explain(step, {.failure = Failure::kDenied,
                                      .message = "AccessDeniedException: no",
                                      .type = "AccessDeniedException"});
  EXPECT_EQ(denied.code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(denied.message, "cannot create global table 'orders': AccessDeniedException: no");
}

}  // namespace
}  // namespace leeward::table_manager
