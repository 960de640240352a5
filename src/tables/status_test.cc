// SPDX-License-Identifier: Apache-2.0
#include "tables/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tables/test_tables.h"

namespace leeward::tables {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const WallTime kNow = *parse_rfc3339("2026-11-23T12:00:00Z");

TEST(Status, OfATableAsAskedForHasNoDriftAndNoAlarm) {
  const TableSpec spec = orders();
  const std::vector<ObservedRegion> there = all_there(spec);
  const TableStatus seen = status("orders", &spec, there, kNow);
  EXPECT_EQ(seen.global, "2019.11.21");
  EXPECT_FALSE(seen.strong);
  EXPECT_THAT(seen.drift, IsEmpty());
  ASSERT_EQ(seen.regions.size(), 2U);
  for (const RegionStatus& row : seen.regions) {
    EXPECT_EQ(row.table, "ACTIVE");
    EXPECT_EQ(row.replica, "ACTIVE");
    EXPECT_EQ(row.stream, "NEW_AND_OLD_IMAGES");
    EXPECT_THAT(row.drift, IsEmpty());
    EXPECT_THAT(row.alarms, IsEmpty());
  }
}

TEST(Status, SaysHowLongUntilAmazonRemovesAReplica) {
  std::vector<ObservedRegion> there = all_there(orders());
  there[0].table->replicas[0].status = "REGION_DISABLED";
  there[0].table->replicas[0].inaccessible_since = *parse_rfc3339("2026-11-22T19:12:30Z");
  TableStatus seen = status("orders", nullptr, there, kNow);
  EXPECT_EQ(seen.regions[1].replica, "REGION_DISABLED");
  EXPECT_THAT(seen.regions[0].alarms, IsEmpty());
  EXPECT_THAT(seen.regions[1].alarms,
              ElementsAre(AllOf(HasSubstr("REGION_DISABLED since 2026-11-22T19:12:30.000Z"),
                                HasSubstr("removes the replica in 3h12m"))));
  there[0].table->replicas[0].status = "INACCESSIBLE_ENCRYPTION_CREDENTIALS";
  there[0].table->replicas[0].inaccessible_since = *parse_rfc3339("2026-11-22T15:00:00Z");
  seen = status("orders", nullptr, there, kNow);
  EXPECT_THAT(seen.regions[1].alarms,
              ElementsAre(AllOf(HasSubstr("20 hours are over"), HasSubstr("KMS"))));
  there[0].table->replicas[0].inaccessible_since.reset();
  EXPECT_THAT(status("orders", nullptr, there, kNow).regions[1].alarms,
              ElementsAre(HasSubstr("after 20 hours")));
}

TEST(Status, EveryBadStateHasAnAlarmThatSaysWhatToDo) {
  std::vector<ObservedRegion> there = all_there(orders());
  for (const char* state :
       {"CREATION_FAILED", "ARCHIVING", "ARCHIVED", "REPLICATION_NOT_AUTHORIZED", "REGION_DISABLED",
        "INACCESSIBLE_ENCRYPTION_CREDENTIALS"}) {
    there[0].table->replicas[0].status = state;
    there[0].table->replicas[0].description = "as Amazon says";
    EXPECT_THAT(status("orders", nullptr, there, kNow).regions[1].alarms,
                ElementsAre(AllOf(HasSubstr(std::string(state)), HasSubstr(": "),
                                  HasSubstr("(as Amazon says)"))));
  }
}

TEST(Status, UnreachableAndMissingAreToldApart) {
  std::vector<ObservedRegion> there = nothing_there();
  there[0].unreachable = "connection refused";
  const TableSpec spec = orders();
  const TableStatus seen = status("orders", &spec, there, kNow);
  EXPECT_EQ(seen.global, "none");
  EXPECT_EQ(seen.regions[0].table, "unreachable");
  EXPECT_THAT(seen.regions[0].alarms, ElementsAre("connection refused"));
  EXPECT_EQ(seen.regions[1].table, "missing");
  EXPECT_THAT(seen.regions[1].drift, ElementsAre("the table is missing"));
  EXPECT_THAT(seen.drift, ElementsAre("the regions' tables are not one global table"));
}

TEST(Drift, NamesEveryDifference) {
  TableSpec spec = orders();
  spec.ttl_attribute = "expires";
  spec.deletion_protection = true;
  spec.indexes = {{"by-day", IndexScope::kGlobal, {{"day", {}}, {}}, {}, {}},
                  {"by-name", IndexScope::kGlobal, {{"name", {}}, {}}, {}, {}}};
  ObservedRegion here = region("GRA11", "eu-west-3");
  here.table = table_of(spec);
  EXPECT_THAT(drift(spec, here), IsEmpty());
  here.table->key.range.reset();
  here.table->stream_enabled = false;
  here.table->billing = Billing::kProvisioned;
  here.table->deletion_protection = false;
  here.table->ttl_status = "DISABLED";
  here.table->indexes[0].index.projection = Projection::kKeysOnly;
  here.table->indexes[1].index.name = "other";
  EXPECT_THAT(
      drift(spec, here),
      ElementsAre("the key is pk:S, not pk:S, sk:N", "index 'by-day' has another key or projection",
                  "index 'by-name' is missing", "index 'other' is not in the spec",
                  "the stream is off", "items do not expire by 'expires'",
                  "billing is provisioned, not on-demand", "deletion protection is off"));

  std::vector<ObservedRegion> there = all_there(orders());
  there[0].table->replicas.push_back(replica("us-east-1"));
  there[0].table->strong = there[1].table->strong = true;
  EXPECT_THAT(drift(orders(), there), ElementsAre("replica us-east-1 is not in the spec",
                                                  "consistency is strong, not eventual"));
}

}  // namespace
}  // namespace leeward::tables
