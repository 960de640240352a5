// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "model/application.h"
#include "model/health.h"
#include "model/health_board.h"
#include "model/health_check.h"
#include "model/record_table.h"

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
  for (const GrayAction action : {GrayAction::kNone, GrayAction::kReport, GrayAction::kUnhealthy}) {
    EXPECT_EQ(parse_gray_action(to_string(action)), action);
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

ResourceRecordSet record_set(const std::string& name, const std::string& identifier = {}) {
  ResourceRecordSet set;
  set.name = name;
  set.type = "A";
  set.set_identifier = identifier;
  return set;
}

std::vector<std::string> names_of(const RecordTable& table, const RecordKey& from = {}) {
  std::vector<std::string> names;
  table.visit_from(from, [&](const ResourceRecordSet& set) {
    names.push_back(set.name + set.set_identifier);
    return true;
  });
  return names;
}

TEST(RecordTable, OrdersByReversedName) {
  EXPECT_EQ(reversed_labels("www.example.com."), "com.example.www.");
  EXPECT_EQ(reversed_labels("."), "");
  RecordTable table;
  for (const char* name : {"z.b.test.", "b.test.", "a.test.", "a.b.test."}) {
    table.insert_or_assign(record_set(name));
  }
  table.insert_or_assign(record_set("b.test.", "2"));
  EXPECT_THAT(names_of(table),
              testing::ElementsAre("a.test.", "b.test.", "b.test.2", "a.b.test.", "z.b.test."));
  EXPECT_THAT(names_of(table, RecordKey::of("a.b.test.")),
              testing::ElementsAre("a.b.test.", "z.b.test."));
  EXPECT_TRUE(table.erase(RecordKey::of("b.test.", "A", "2")));
  EXPECT_FALSE(table.erase(RecordKey::of("b.test.", "A", "2")));
  EXPECT_EQ(table.size(), 4U);
}

// Compared with std::map over many random edits; a copy taken on the way must not change.
TEST(RecordTable, IsASortedMapWhoseCopiesStayAsTheyWere) {
  Rng rng(4);
  RecordTable table;
  std::map<RecordKey, ResourceRecordSet> model;
  std::vector<std::pair<RecordTable, std::vector<std::string>>> copies;
  for (int i = 0; i < 20'000; ++i) {
    ResourceRecordSet set = record_set(fmt::format("n{}.test.", rng.below(3000)));
    set.ttl_seconds = static_cast<std::uint32_t>(i);
    const RecordKey key = RecordKey::of(set);
    if (rng.below(3) == 0) {
      EXPECT_EQ(table.erase(key), model.erase(key) == 1);
    } else {
      model.insert_or_assign(key, set);
      table.insert_or_assign(std::move(set));
    }
    if (i % 5000 == 0) {
      copies.emplace_back(table, names_of(table));
    }
  }
  ASSERT_EQ(table.size(), model.size());
  auto expected = model.begin();
  table.visit_all([&](const ResourceRecordSet& set) {
    EXPECT_EQ(set, expected->second);
    ++expected;
    return true;
  });
  for (const auto& [copy, names] : copies) {
    EXPECT_EQ(names_of(copy), names);
  }
}

}  // namespace
}  // namespace leeward
