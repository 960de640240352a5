// SPDX-License-Identifier: Apache-2.0
#include "lag/tracker.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "lag/probe_items.h"

namespace leeward::lag {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime kStart{seconds(100)};

TEST(Tracker, SaysNothingArrivedUntilEveryLaneShowedSomething) {
  Tracker tracker(2, seconds(10), kStart);
  tracker.written(0, 1, kStart);
  tracker.written(1, 2, kStart + milliseconds(500));
  tracker.seen(0, 1, kStart + milliseconds(5));
  EXPECT_FALSE(tracker.link(kStart + seconds(1)).newest_visible);
  EXPECT_FALSE(tracker.link(kStart + seconds(1)).stalled);
  tracker.seen(1, 2, kStart + milliseconds(507));
  EXPECT_EQ(tracker.link(kStart + seconds(1)).newest_visible, kStart);
  EXPECT_EQ(tracker.link(kStart + seconds(1)).lag, milliseconds(7));
}

TEST(Tracker, TheSlowestLaneCounts) {
  Tracker tracker(2, seconds(10), kStart);
  for (int i = 0; i < 20; ++i) {
    const auto sequence = static_cast<std::uint64_t>(i + 1);
    const MonoTime at = kStart + seconds(i);
    tracker.written(0, sequence, at);
    tracker.written(1, sequence, at);
    tracker.seen(0, sequence, at + milliseconds(10 + i));
    if (i < 3) {
      tracker.seen(1, sequence, at + milliseconds(10));
    }
  }
  const ReplicationLink link = tracker.link(kStart + seconds(19));
  EXPECT_EQ(link.newest_visible, kStart + seconds(2));
  EXPECT_TRUE(link.stalled) << "lane 1 shows nothing since second 2";
  EXPECT_FALSE(link.detail.empty());
  EXPECT_EQ(link.max, milliseconds(29));
}

TEST(Tracker, NothingForTooLongIsStalled) {
  Tracker tracker(1, seconds(10), kStart);
  EXPECT_FALSE(tracker.link(kStart + seconds(9)).stalled);
  EXPECT_TRUE(tracker.link(kStart + seconds(11)).stalled) << "not even written";
  tracker.written(0, 5, kStart + seconds(12));
  tracker.seen(0, 4, kStart + seconds(13));  // of an earlier process
  EXPECT_TRUE(tracker.waiting(0));
  tracker.seen(0, 5, kStart + seconds(13));
  EXPECT_FALSE(tracker.waiting(0));
  EXPECT_FALSE(tracker.link(kStart + seconds(13)).stalled);
}

TEST(Tracker, OvertakenHeartbeatsMoveWhatIsVisibleButAreNoSamples) {
  Tracker tracker(1, seconds(10), kStart);
  tracker.written(0, 1, kStart);
  tracker.written(0, 2, kStart + seconds(1));
  tracker.seen(0, 2, kStart + seconds(1) + milliseconds(4));
  const ReplicationLink link = tracker.link(kStart + seconds(1) + milliseconds(4));
  EXPECT_EQ(link.newest_visible, kStart + seconds(1));
  EXPECT_EQ(link.max, milliseconds(4));
}

TEST(Tracker, TheWindowForgets) {
  Tracker tracker(1, seconds(10), kStart);
  tracker.written(0, 1, kStart);
  tracker.seen(0, 1, kStart + seconds(3));
  tracker.written(0, 2, kStart + seconds(70));
  tracker.seen(0, 2, kStart + seconds(70) + milliseconds(2));
  const ReplicationLink link = tracker.link(kStart + seconds(71));
  EXPECT_EQ(link.max, milliseconds(2));
  EXPECT_EQ(link.p99, milliseconds(2));
}

TEST(ProbeItems, FitTheTablesKeys) {
  const auto described = boost::json::parse(R"({"Table": {
      "KeySchema": [{"AttributeName": "b", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
      "AttributeDefinitions": [{"AttributeName": "n", "AttributeType": "N"},
                               {"AttributeName": "b", "AttributeType": "B"}]}})");
  const auto schema = key_schema_of(described);
  ASSERT_TRUE(schema) << schema.error().message;
  const auto item = probe_item(*schema, ProbeKind::kHeartbeat, RegionId("GRA11"), 3, 77);
  EXPECT_EQ(boost::json::serialize(item.at("b")),
            R"({"B":"bGVld2FyZC1oZWFydGJlYXQjR1JBMTEjMw=="})");
  EXPECT_EQ(boost::json::serialize(item.at("n")), R"({"N":"-1"})");
  EXPECT_EQ(sequence_of(boost::json::object{{"Item", item}}), 77U);
  EXPECT_EQ(sequence_of(boost::json::object{}), std::nullopt);
  EXPECT_FALSE(key_schema_of(boost::json::parse(R"({"Table": {}})")));
}

TEST(ProbeItems, NumberKeysStayWithinThirtyEightDigitsAndDiffer) {
  const std::vector<KeyAttribute> schema{{"n", 'N'}};
  const auto number = [&](ProbeKind kind, const char* region, int lane) {
    const auto key = probe_key(schema, kind, RegionId(region), lane);
    return std::string(key.at("n").at("N").as_string());
  };
  const std::string a = number(ProbeKind::kHeartbeat, "GRA11", 1);
  EXPECT_LE(a.size(), 39U);
  EXPECT_NE(a, number(ProbeKind::kHeartbeat, "GRA11", 2));
  EXPECT_NE(a, number(ProbeKind::kHeartbeat, "RBX-A", 1));
  EXPECT_NE(a, number(ProbeKind::kBarrier, "GRA11", 1));
}

}  // namespace
}  // namespace leeward::lag
