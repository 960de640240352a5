// SPDX-License-Identifier: Apache-2.0
//
// The whole table, by the same conditional puts: what a replicator does where it cannot follow the
// stream. Backfill and resync are one thing.
#include <algorithm>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "replication/clocks.h"
#include "replication/put.h"
#include "replication/replicator.h"

namespace leeward::replication {
namespace {

namespace json = boost::json;
using dynamodb::Failure;

constexpr Duration kScanTimeout = std::chrono::seconds(5);
constexpr Duration kProgressEvery = std::chrono::seconds(1);
constexpr int kScanItemsMax = 250;

// Tells how far a scan is, once a second.
class Progress {
 public:
  explicit Progress(std::uint64_t estimate)
      : estimate_(estimate), started_(mono_now()), told_(started_) {}

  void add(std::uint64_t items) { items_ += items; }
  [[nodiscard]] std::uint64_t items() const { return items_; }
  [[nodiscard]] double per_s() const {
    const double elapsed_ms = to_milliseconds(mono_now() - started_);
    return elapsed_ms <= 0 ? 0 : static_cast<double>(items_) * 1000 / elapsed_ms;
  }
  [[nodiscard]] bool due() {
    const MonoTime now = mono_now();
    if (now - told_ < kProgressEvery) {
      return false;
    }
    told_ = now;
    return true;
  }
  [[nodiscard]] std::string text() const {
    // Stores count their items now and then only; the estimate may be old or none.
    return fmt::format("{} items, {:.0f}/s{}", items_, per_s(),
                       estimate_ > items_ ? fmt::format(", about {} in all ({}%)", estimate_,
                                                        items_ * 100 / estimate_)
                                          : "");
  }

 private:
  std::uint64_t estimate_;
  std::uint64_t items_ = 0;
  MonoTime started_;
  MonoTime told_;
};

}  // namespace

// False: stopping, or a table is gone.
bool Replicator::resync(const Both& facts) {
  event("resync", resync_reason_);
  flow_.update([&](Counters& counters) {
    ++counters.resyncs;
    counters.backfilling = true;
    counters.backfill_items = 0;
    counters.backfill_estimate = facts.source.item_count;
    counters.backfill_per_s = 0;
  });
  Progress progress(facts.source.item_count);
  const std::size_t shard = flow_.add_shard();
  int limit = kScanItemsMax;
  json::object body{{"TableName", flow_.table()}, {"ConsistentRead", true}};
  while (!stopping() && !flow_.gone()) {
    body["Limit"] = limit;
    auto answer = source_.call("DynamoDB_20120810.Scan", body, kScanTimeout);
    if (!answer || !answer->is_object()) {
      const dynamodb::CallError error =
          answer ? dynamodb::CallError{Failure::kUnavailable, "Scan's answer is no object"}
                 : answer.error();
      note_source_error(error);
      if (error.failure == Failure::kNotFound) {
        break;
      }
      if (error.failure == Failure::kTooLarge || error.failure == Failure::kTimeout) {
        limit = std::max(1, limit / 2);
      }
      backoff(++failures_);
      continue;
    }
    failures_ = 0;
    json::object& page = answer->get_object();
    if (const json::value* items = page.if_contains("Items");
        items != nullptr && items->is_array()) {
      progress.add(items->get_array().size());
    }
    if (!scan_page(page, shard)) {
      break;
    }
    flow_.update([&](Counters& counters) {
      counters.backfill_items = progress.items();
      counters.backfill_per_s = progress.per_s();
    });
    if (progress.due()) {
      event("backfill", progress.text());
    }
    json::value* next = page.if_contains("LastEvaluatedKey");
    if (next != nullptr) {
      body["ExclusiveStartKey"] = std::move(*next);
      continue;
    }
    if (!drain()) {
      break;
    }
    flow_.update([](Counters& counters) { counters.backfilling = false; });
    event("backfilled", progress.text());
    return true;
  }
  flow_.update([](Counters& counters) { counters.backfilling = false; });
  return false;
}

bool Replicator::scan_page(json::object& answer, std::size_t shard) {
  json::value* items = answer.if_contains("Items");
  if (items == nullptr || !items->is_array()) {
    return true;
  }
  const std::vector<std::string> key_names = flow_.key_names();
  const WallTime now = wall_now();
  std::vector<replica::Version> ship;
  for (json::value& each : items->get_array()) {
    if (!each.is_object()) {
      continue;
    }
    json::object& item = each.get_object();
    std::string stamp;
    const replica::Fate fate = replica::fate_of(item, flow_.source(), now, stamp);
    if (fate == replica::Fate::kForeign) {
      continue;
    }
    std::string key = replica::canonical_key(key_of(item, key_names));
    replica::Version version =
        replica::scanned_version(std::move(item), std::move(key), std::move(stamp), flow_.source());
    if (fate == replica::Fate::kShip) {
      ship.push_back(std::move(version));
      continue;
    }
    flow_.update([](Counters& counters) { ++counters.refused_future; });
    if (!dead_letter(version)) {
      return false;
    }
  }
  const Flow::Ticket ticket = flow_.open(shard, "", ship.size());
  return std::ranges::all_of(ship, [&](replica::Version& version) {
    return push(std::move(version), ticket, false, true);
  });
}

}  // namespace leeward::replication
