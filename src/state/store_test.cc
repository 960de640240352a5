// SPDX-License-Identifier: Apache-2.0
#include "state/store.h"

#include <gtest/gtest.h>

namespace leeward::state {
namespace {

TEST(KeyRange, OneKeyIsItAlone) {
  const KeyRange range = KeyRange::one("ab");
  EXPECT_TRUE(range.contains("ab"));
  EXPECT_FALSE(range.contains("a"));
  EXPECT_FALSE(range.contains(std::string_view("ab\0", 3)));
  EXPECT_FALSE(range.contains("abc"));
}

TEST(KeyRange, PrefixEndsAfterItsLastKey) {
  EXPECT_EQ(KeyRange::prefix("a/").end, "a0");
  EXPECT_EQ(KeyRange::prefix("a\xFF").end, "b");
  EXPECT_EQ(KeyRange::prefix("\xFF\xFF").end, std::nullopt);
  EXPECT_EQ(KeyRange::prefix(""), KeyRange::all());
  EXPECT_TRUE(KeyRange::prefix("a\xFF").contains("a\xFF\xFF\xFF"));
  EXPECT_FALSE(KeyRange::prefix("a\xFF").contains("b"));
}

TEST(Validate, FindsAPutInsideADeletedRangeOnly) {
  Transaction fine{.compares = {}, .then = {Put{"b", "", 0}, Delete{{"c", {}}}}, .otherwise = {}};
  EXPECT_TRUE(validate(fine));
  Transaction clash{.compares = {}, .then = {}, .otherwise = {Delete{{"a", {}}}, Put{"b", "", 0}}};
  EXPECT_FALSE(validate(clash));
}

}  // namespace
}  // namespace leeward::state
