// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "replication/put.h"

namespace leeward::replication {
namespace {

TEST(Put, X) {
  EXPECT_EQ(ledger_id("a", "b", "c").size(), 32U);
}

}  // namespace
}  // namespace leeward::replication
