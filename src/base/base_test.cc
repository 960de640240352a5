// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/boxed.h"
#include "base/fnv.h"
#include "base/named.h"
#include "base/overloaded.h"
#include "base/result.h"
#include "base/rng.h"
#include "base/secret.h"
#include "base/time.h"
#include "base/utf8.h"

namespace leeward {
namespace {

using namespace std::chrono_literals;

Result<int> half(int value) {
  if (value % 2 != 0) {
    return fail(ErrorCode::kInvalidArgument, "odd");
  }
  return value / 2;
}

Result<int> quarter(int value) {
  ASSIGN_OR_RETURN(const int first, half(value));
  ASSIGN_OR_RETURN(const int second, half(first));
  return second;
}

TEST(Result, CarriesValuesAndErrorsThroughTheMacros) {
  EXPECT_EQ(*quarter(8), 2);
  ASSERT_FALSE(quarter(6).has_value());
  EXPECT_EQ(quarter(6).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(with_context(quarter(6).error(), "counting").message, "counting: odd");
}

TEST(Boxed, IsAnOptionalWithDeepCopies) {
  Boxed<std::string> none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none, Boxed<std::string>(std::nullopt));
  Boxed<std::string> one = std::string("one");
  Boxed<std::string> copy = one;
  EXPECT_EQ(copy, one);
  *copy = "two";
  EXPECT_EQ(*one, "one");
  EXPECT_NE(copy, one);
  EXPECT_NE(none, one);
  none = one;
  EXPECT_EQ(none->size(), 3U);
  none.emplace("four");
  EXPECT_EQ(*none, "four");
  none.reset();
  EXPECT_FALSE(none.has_value());
}

TEST(Duration, ReadsWhatItWrites) {
  for (const Duration value : {Duration(0), Duration(1), Duration(250ms), Duration(1500ms),
                               Duration(90s), Duration(1h), Duration(168h), Duration(1us)}) {
    const auto parsed = parse_duration(format_duration(value));
    ASSERT_TRUE(parsed.has_value()) << format_duration(value);
    EXPECT_EQ(*parsed, value);
  }
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(168h), "7d");
  EXPECT_EQ(*parse_duration("1.5s"), 1500ms);
}

TEST(Duration, RefusesWhatIsNotOne) {
  for (const char* text : {"", "5", "s", "ms", "-1s", "1x", "1 s", "nans", "infs", "1e9s", "0x1s",
                           "99999999d", "1s1s", "+1s"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

TEST(Rfc3339, RoundTrips) {
  const WallTime time(std::chrono::milliseconds(1'795'434'008'123));
  EXPECT_EQ(*parse_rfc3339(format_rfc3339(time)), time);
  EXPECT_EQ(format_rfc3339(WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_FALSE(parse_rfc3339("2026-02-30T00:00:00.000Z").has_value());
  EXPECT_FALSE(parse_rfc3339("2026-02-03").has_value());
  EXPECT_FALSE(parse_rfc3339("1013-11-23T18:00:00Z").has_value());
  EXPECT_FALSE(parse_rfc3339("9999-11-23T18:00:00Z").has_value());
  EXPECT_TRUE(parse_rfc3339("2250-12-31T23:59:59.999Z").has_value());
}

TEST(Rng, IsTheSameEverywhereAndStaysInBounds) {
  Rng rng(0);
  EXPECT_EQ(rng.next(), 0xE220A8397B1DCDAFULL);  // SplitMix64's published first output for seed 0
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = rng.below(7);
    ASSERT_LT(value, 7U);
    seen.insert(value);
    const double unit = rng.unit();
    ASSERT_TRUE(unit >= 0 && unit < 1);
  }
  EXPECT_EQ(seen.size(), 7U);
}

TEST(Secret, NeverPrints) {
  EXPECT_EQ(fmt::format("{}", Secret("hunter2")), "***");
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", ""));
  EXPECT_FALSE(equal_in_constant_time("", "a"));
  EXPECT_FALSE(equal_in_constant_time("ab", "abab"));
}

TEST(Utf8, KeepsWhatIsValidAndReplacesTheRest) {
  EXPECT_EQ(valid_utf8("héllo €𝄞"), "héllo €𝄞");
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(valid_utf8("a\xFF"), "a" + bad);
  EXPECT_EQ(valid_utf8("\xC0\xAF"), bad + bad);            // overlong
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), bad + bad + bad);  // surrogate
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), bad + bad + bad + bad);
  EXPECT_EQ(valid_utf8("\xE2\x82"), bad + bad);  // cut short
  EXPECT_TRUE(is_utf8("") && is_utf8("héllo €𝄞"));
  EXPECT_FALSE(is_utf8("a\xFF") || is_utf8("\xC0\xAF") || is_utf8("\xE2\x82"));
}

TEST(Fnv, MatchesThePublishedVectors) {
  EXPECT_EQ(fnv1a(""), 0xcbf29ce484222325ULL);
  EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8cULL);
  EXPECT_EQ(fnv1a("foobar"), 0x85944171f73967e8ULL);
}

}  // namespace
}  // namespace leeward
