// SPDX-License-Identifier: Apache-2.0
//
// The parts of a node that need no sockets. Whole nodes are tested end to end (tests/e2e).
#include <gtest/gtest.h>

#include "config/parse.h"
#include "node/board_words.h"
#include "node/changes.h"
#include "node/log.h"
#include "node/store_keys.h"

namespace leeward::node {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(StoreKeys, AssignmentsReadBack) {
  const WallTime at = *parse_rfc3339("2026-11-23T11:40:08.123Z");
  for (const AssignmentRecord& record :
       {AssignmentRecord{{RegionId("GRA11"), 1}, {}},
        AssignmentRecord{{RegionId("r\"\n"), ~std::uint64_t{0} >> 1}, at}}) {
    EXPECT_EQ(*parse_assignment(format_assignment(record)), record);
  }
  for (const char* text : {"", "[]", "{}", R"({"region":"A"})", R"({"region":1,"epoch":1})",
                           R"({"region":"A","epoch":0})", R"({"region":"A","epoch":-1})",
                           R"({"region":"A","epoch":1.5})",
                           R"({"region":"A","epoch":1,"automatic_shift_at":"soon"})"}) {
    const auto bad = parse_assignment(text);
    ASSERT_FALSE(bad.has_value()) << text;
  }
}

TEST(StoreKeys, JournalKeysSortByNumber) {
  EXPECT_LT(journal_key(9), journal_key(10));
  EXPECT_LT(journal_key(99'999'999'999), journal_key(100'000'000'000));
  const JournalHead head{42, 0xfedcba9876543210ULL, 7};
  EXPECT_EQ(*parse_journal_head(format_journal_head(head)), head);
  for (const char* text : {"", "1", "1 2", "1 zz 3", "1 2 0", "1 2 3 4", " 1 2 3", "-1 2 3"}) {
    EXPECT_FALSE(parse_journal_head(text).has_value()) << text;
  }
}

TEST(Log, HostileTextCannotForgeALine) {
  const WallTime at = *parse_rfc3339("2026-11-23T11:40:08.123Z");
  const auto line = [&](config::LogFormat format, const char* value) {
    return format_log_line(format, at, config::LogLevel::kWarning, "health",
                           {{"check", "shop/GRA11"}, {"reason", value}, {"count", 3}});
  };
  EXPECT_EQ(line(config::LogFormat::kKeyValue, "refused"),
            "time=2026-11-23T11:40:08.123Z level=warning event=health check=shop/GRA11 "
            "reason=refused count=3");
  EXPECT_EQ(line(config::LogFormat::kKeyValue, "a b\nevent=\"x\""),
            "time=2026-11-23T11:40:08.123Z level=warning event=health check=shop/GRA11 "
            "reason=\"a b\\nevent=\\\"x\\\"\" count=3");
  EXPECT_EQ(line(config::LogFormat::kJson, "a\n\"b"),
            R"({"time":"2026-11-23T11:40:08.123Z","level":"warning","event":"health",)"
            R"("check":"shop/GRA11","reason":"a\n\"b","count":"3"})");
}

HealthStatus status(Health health, bool suspect, Duration time_to_flip) {
  return {
      .health = health, .since = {}, .suspect = suspect, .time_to_flip = time_to_flip, .votes = {}};
}

TEST(BoardWords, TtlsShrinkOnlyWithSuspicion) {
  EXPECT_EQ(ttl_limit_seconds(status(Health::kHealthy, false, milliseconds(100))),
            BoardWord::kNoTtlLimit);
  EXPECT_EQ(ttl_limit_seconds(status(Health::kHealthy, true, milliseconds(100))), 1U);
  EXPECT_EQ(ttl_limit_seconds(status(Health::kHealthy, true, milliseconds(2001))), 3U);
  EXPECT_EQ(ttl_limit_seconds(status(Health::kHealthy, true, Duration(0))), 0U);
  EXPECT_EQ(ttl_limit_seconds(status(Health::kHealthy, true, std::chrono::hours(24 * 3650))),
            BoardWord::kNoTtlLimit);

  Application application;
  application.ttl = seconds(60);
  application.ttl_floor = seconds(5);
  EXPECT_EQ(ttl_now(application, BoardWord::kNoTtlLimit), seconds(60));
  EXPECT_EQ(ttl_now(application, 20), seconds(20));
  EXPECT_EQ(ttl_now(application, 0), seconds(5)) << "never below the floor";
}

TEST(BoardWords, AnApplicationsWordIsItsRegionsIndex) {
  Application application;
  application.regions.resize(2);
  application.regions[0].region = RegionId("GRA11");
  application.regions[1].region = RegionId("RBX-A");
  EXPECT_EQ(region_index(application, RegionId("RBX-A")), 1U);
  EXPECT_EQ(region_index(application, RegionId("WAW1")), std::nullopt);
  const BoardWord word = word_of_application(1, status(Health::kHealthy, true, seconds(2)));
  EXPECT_EQ(word, BoardWord::of_region_index(1, 2));
}

config::Config parsed(const std::string& ttl, const std::string& workers, const char* extra = "") {
  const std::string text = "dns: { workers: " + workers + R"( }
regions: { GRA11: {}, RBX-A: {} }
applications:
  shop:
    hostname: app.example.test
    ttl: )" + ttl + R"(
    regions: [{ region: GRA11, address: 192.0.2.1, check: { type: TCP, port: 80 } }]
)" + extra;
  auto config = config::parse_config(text, "/leeward.yaml", {});
  EXPECT_TRUE(config.has_value());
  return config ? *config : config::Config{};
}

TEST(Changes, AreNamed) {
  const char* const blog = R"(  blog:
    hostname: blog.example.test
    regions: [{ region: RBX-A, address: 192.0.2.2, check: { type: TCP, port: 80 } }]
)";
  EXPECT_EQ(describe_changes(parsed("5s", "1"), parsed("5s", "1")), std::vector<std::string>{});
  EXPECT_EQ(describe_changes(parsed("5s", "1"), parsed("9s", "1", blog)),
            (std::vector<std::string>{"application shop: changed", "application blog: added"}));
  EXPECT_EQ(describe_changes(parsed("5s", "1", blog), parsed("5s", "1")),
            std::vector<std::string>{"application blog: removed"});
}

TEST(Changes, WhatNeedsARestartIsRefused) {
  EXPECT_EQ(fixed_while_running(parsed("5s", "1"), parsed("9s", "1")), std::nullopt);
  const auto refused = fixed_while_running(parsed("5s", "1"), parsed("5s", "2"));
  ASSERT_TRUE(refused.has_value());
  EXPECT_NE(refused->find("dns.listen or dns.workers"), std::string::npos);
  EXPECT_NE(refused->find("restart"), std::string::npos);
}

}  // namespace
}  // namespace leeward::node
