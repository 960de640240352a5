// SPDX-License-Identifier: Apache-2.0
#include "cli/tables_render.h"

#include <gtest/gtest.h>

namespace leeward::cli {
namespace {

TEST(RenderTables, AlarmsAndDriftFollowTheColumns) {
  tables::TableStatus status{.name = "orders",
                             .global = "2019.11.21",
                             .strong = false,
                             .regions = {},
                             .drift = {"replica us-east-1 is not in the spec"}};
  status.regions = {{.region = RegionId("GRA11"),
                     .dynamodb_region = "eu-west-3",
                     .table = "ACTIVE",
                     .replica = "ACTIVE",
                     .stream = "NEW_AND_OLD_IMAGES",
                     .item_count = 12,
                     .drift = {},
                     .alarms = {}},
                    {.region = RegionId("RBX-A"),
                     .dynamodb_region = "eu-central-1",
                     .table = "ACTIVE",
                     .replica = "REGION_DISABLED",
                     .stream = "off\x1b[2J",
                     .item_count = 0,
                     .drift = {"the stream is off"},
                     .alarms = {"REGION_DISABLED since ..."}}};
  EXPECT_EQ(render_table_status(status, {}),
            "orders  global table 2019.11.21, eventual consistency\n"
            "  REGION  DYNAMODB      TABLE   REPLICA          STREAM              ITEMS\n"
            "  GRA11   eu-west-3     ACTIVE  ACTIVE           NEW_AND_OLD_IMAGES  12\n"
            "  RBX-A   eu-central-1  ACTIVE  REGION_DISABLED  off?[2J             0\n"
            "  ALARM RBX-A: REGION_DISABLED since ...\n"
            "  drift: replica us-east-1 is not in the spec\n"
            "  drift in RBX-A: the stream is off\n");
}

}  // namespace
}  // namespace leeward::cli
