// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "model/application.h"
#include "model/health.h"
#include "model/health_board.h"
#include "model/health_check.h"

namespace leeward {
namespace {

TEST(Names, EveryEnumeratorReadsBack) {
  for (int i = 0; i <= static_cast<int>(CheckType::kTcp); ++i) {
    const auto type = static_cast<CheckType>(i);
    EXPECT_EQ(parse_check_type(to_string(type)), type);
  }
  for (int i = 0; i <= static_cast<int>(ProbeOutcome::kLocalError); ++i) {
    const auto outcome = static_cast<ProbeOutcome>(i);
    EXPECT_EQ(parse_probe_outcome(to_string(outcome)), outcome);
  }
  for (const Health health : {Health::kUnknown, Health::kHealthy, Health::kUnhealthy}) {
    EXPECT_EQ(parse_health(to_string(health)), health);
  }
  EXPECT_FALSE(parse_check_type("http").has_value());
  EXPECT_EQ(parse_failback("manual"), Failback::kManual);
  EXPECT_EQ(parse_application_mode("active-active"), ApplicationMode::kActiveActive);
}

TEST(HealthBoard, AWordHoldsValueAndTtlLimitTogether) {
  HealthBoard board(3);
  EXPECT_EQ(board.load(2).health(), Health::kUnknown);
  EXPECT_EQ(board.load(2).ttl_limit_seconds, BoardWord::kNoTtlLimit);
  board.store(1, BoardWord::of(Health::kUnhealthy, 7));
  board.store(2, BoardWord::of_region_index(255, 0));
  EXPECT_EQ(board.load(1), BoardWord::of(Health::kUnhealthy, 7));
  EXPECT_EQ(board.load(2).value, 255);
  EXPECT_EQ(board.load(2).ttl_limit_seconds, 0U);
  EXPECT_EQ(board.load(0), BoardWord{});
}

TEST(HealthBoardDeathTest, ASlotOfAnotherBoardIsABug) {
  HealthBoard board(1);
  EXPECT_DEATH(static_cast<void>(board.load(1)), "board slot belongs to this board");
}

}  // namespace
}  // namespace leeward
