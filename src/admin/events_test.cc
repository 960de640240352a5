// SPDX-License-Identifier: Apache-2.0
#include "admin/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/json.h"

namespace leeward::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Event reload(std::string error) {
  return ReloadEvent{.ok = false, .summary = {}, .error = std::move(error)};
}

TEST(EventLog, FramesAreServerSentEventsOnOneDataLine) {
  EventLog log("k3f9");
  std::string frame;
  log.subscribe([&](const StoredEvent& event) { frame = event.frame; });
  log.publish(reload("line 1\nline 2\n\nid: forged"), {});
  EXPECT_THAT(frame, StartsWith("id: k3f9-1\nevent: reload\ndata: {"));
  EXPECT_EQ(frame.find("\n\n"), frame.size() - 2);
  EXPECT_THAT(frame, ::testing::Not(HasSubstr("\nid: forged")));
}

TEST(EventLog, AClientThatComesBackGetsWhatItMissed) {
  EventLog log("run");
  for (int i = 0; i < 5; ++i) {
    log.publish(reload(std::to_string(i)), {});
  }
  const EventLog::Replay replay = log.since("run-3");
  ASSERT_TRUE(replay.complete);
  ASSERT_EQ(replay.events.size(), 2U);
  EXPECT_EQ(replay.events[0].number, 4U);
  EXPECT_TRUE(log.since("run-5").complete);
  EXPECT_TRUE(log.since("run-5").events.empty());
  EXPECT_EQ(log.since("run-0").events.size(), 5U);
}

TEST(EventLog, AGapIsSaid) {
  EventLog log("run");
  for (std::size_t i = 0; i < EventLog::kKept + 10; ++i) {
    log.publish(reload("x"), {});
  }
  EXPECT_FALSE(log.since("run-3").complete);  // dropped
  EXPECT_TRUE(log.since("run-10").complete);  // the first kept is 11
  EXPECT_EQ(log.since("run-10").events.size(), EventLog::kKept);
  for (const char* id : {"other-3", "run-9999999", "run-x", "run-", "run", "", "run-1 ", "-1"}) {
    EXPECT_FALSE(log.since(id).complete) << id;
    EXPECT_TRUE(log.since(id).events.empty()) << id;
  }
}

TEST(EventLog, ListenersMayLeaveWithinTheirCall) {
  EventLog log("run");
  int calls = 0;
  EventLog::SubscriptionId second = 0;
  const auto first = log.subscribe([&](const StoredEvent&) {
    ++calls;
    log.unsubscribe(second);
  });
  second = log.subscribe([&](const StoredEvent&) { ++calls; });
  log.publish(reload("x"), {});
  EXPECT_EQ(calls, 1);
  log.unsubscribe(first);
  log.publish(reload("x"), {});
  EXPECT_EQ(calls, 1);
}

TEST(EventLog, TheRunsNameCannotBreakAFrame) {
  EXPECT_EQ(EventLog("a\nb: c").last_id(), "abc-0");
  EXPECT_EQ(EventLog("\n").last_id(), "run-0");
}

}  // namespace
}  // namespace leeward::admin
