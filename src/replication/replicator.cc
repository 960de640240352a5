// SPDX-License-Identifier: Apache-2.0
#include "dynamodb/replicator.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace leeward::dynamodb {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr Duration kPollBusy = milliseconds(5);
constexpr Duration kPollIdle = milliseconds(50);
constexpr Duration kCheckpointEvery = std::chrono::seconds(1);
constexpr Duration kCheckpointRefresh = std::chrono::minutes(1);
constexpr Duration kShardsEvery = std::chrono::seconds(30);
constexpr Duration kBackoffMax = milliseconds(500);
constexpr int kPageRecordsMax = 100;  // stores exceed their page size: 100 items of 400 KB, twice
constexpr Duration kCheckpointAgeMax = std::chrono::hours(20);  // streams forget after 24
constexpr int kScanItems = 100;

MonoTime mono_now() {
  return MonoTime(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

WallTime wall_now() {
  return WallTime(
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

}  // namespace

Replicator::Replicator(ReplicatorOptions options)
    : options_(std::move(options)),
      rng_(options_.seed),
      source_(options_.source_endpoint, options_.credentials),
      streams_(streams_endpoint(options_.source_endpoint), options_.credentials),
      destination_(options_.destination_endpoint, options_.credentials),
      checkpoint_path_(fmt::format("{}/{}-{}-to-{}.checkpoint", options_.state_directory,
                                   options_.table, options_.source, options_.destination)),
      page_records_(kPageRecordsMax) {}

void Replicator::stop() {
  stopping_.store(true, std::memory_order_relaxed);
}

ReplicatorStatus Replicator::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

// ---- the outer loop: find the stream, follow it until it is another one ----

void Replicator::run() {
  if (auto saved = read_checkpoint(checkpoint_path_)) {
    const Duration age = wall_now() - saved->saved_at;
    if (age >= Duration::zero() && age < kCheckpointAgeMax) {
      checkpoint_ = std::move(*saved);
    } else {
      event("checkpoint-unusable", "it is older than the stream may be; the table is scanned");
    }
  } else if (saved.error().code != ErrorCode::kNotFound) {
    event("checkpoint-unusable", saved.error().message + "; the table is scanned instead");
  }
  while (!stopping()) {
    auto facts = describe_table(source_, options_.table);
    if (!facts) {
      note_error(true, facts.error());
      backoff(++failures_);
      continue;
    }
    note_up(true);
    if (facts->stream_arn.empty()) {
      note_error(true, {Failure::kNotFound, options_.table + " has no stream enabled"});
      backoff(++failures_);
      continue;
    }
    failures_ = 0;
    follow_stream(*facts);
  }
  save_checkpoint(true);
}

void Replicator::follow_stream(const TableFacts& facts) {
  key_name_ = facts.key_names.front();
  readings_.clear();
  shards_seen_ = MonoTime{};
  if (checkpoint_.stream_arn != facts.stream_arn) {
    event("resync", checkpoint_.stream_arn.empty() ? "no checkpoint" : "a new stream");
    checkpoint_ = Checkpoint{facts.stream_arn, {}, {}};
    // The stream is read from its oldest record afterwards, so what is written meanwhile is in it.
    if (!resync()) {
      checkpoint_ = {};
      return;
    }
    checkpoint_dirty_ = true;
    save_checkpoint(true);
  }
  Duration poll = kPollBusy;
  while (!stopping()) {
    if (!refresh_shards()) {
      return;
    }
    bool moved = false;
    for (auto& [id, position] : checkpoint_.shards) {
      if (!position.finished && readings_.contains(id) && !read_shard(id, moved)) {
        return;
      }
    }
    save_checkpoint(false);
    poll = moved ? kPollBusy : std::min<Duration>(poll * 2, kPollIdle);
    pause(poll);
  }
}

// Shards whose parents were read to their end get read. False: start over with the table.
bool Replicator::refresh_shards() {
  const MonoTime now = mono_now();
  const bool any_open = std::ranges::any_of(checkpoint_.shards,
                                            [](const auto& each) { return !each.second.finished; });
  if (any_open && !readings_.empty() && now - shards_seen_ < kShardsEvery) {
    return true;
  }
  auto shards = describe_stream(streams_, checkpoint_.stream_arn);
  if (!shards) {
    note_error(true, shards.error());
    backoff(++failures_);
    return shards.error().failure != Failure::kNotFound;
  }
  shards_seen_ = now;
  note_up(true);
  for (const Shard& shard : *shards) {
    const auto parent = checkpoint_.shards.find(shard.parent);
    const bool listed =
        std::ranges::any_of(*shards, [&](const Shard& other) { return other.id == shard.parent; });
    if (listed && (parent == checkpoint_.shards.end() || !parent->second.finished)) {
      continue;  // parents before children: versions of a key stay in order
    }
    if (!checkpoint_.shards[shard.id].finished) {
      readings_.try_emplace(shard.id);
    }
  }
  // What the stream no longer lists is of no use to remember; but if it was not read to its end,
  // its records are gone, and only the table itself can tell what they said.
  bool lost = false;
  std::erase_if(checkpoint_.shards, [&](const auto& known) {
    const bool gone =
        std::ranges::none_of(*shards, [&](const Shard& s) { return s.id == known.first; });
    lost = lost || (gone && !known.second.finished);
    return gone;
  });
  if (lost) {
    checkpoint_ = {};
    return false;
  }
  return true;
}

// One page. `moved`: there was something. False: start over with the table.
bool Replicator::read_shard(const std::string& id, bool& moved) {
  Reading& reading = readings_[id];
  ShardPosition& position = checkpoint_.shards[id];
  if (reading.iterator.empty()) {
    auto iterator = shard_iterator(streams_, checkpoint_.stream_arn, id, position);
    if (!iterator) {
      on_read_error(id, iterator.error());
      return iterator.error().failure != Failure::kNotFound;
    }
    reading.iterator = std::move(*iterator);
  }
  auto answer =
      streams_.call("DynamoDBStreams_20120810.GetRecords",
                    {{"ShardIterator", reading.iterator}, {"Limit", page_records_}}, kCallTimeout);
  if (!answer) {
    on_read_error(id, answer.error());
    return answer.error().failure != Failure::kNotFound;
  }
  auto page = replica::parse_stream_page(*answer);
  if (!page) {
    on_read_error(id, {Failure::kUnavailable, page.error().message});
    return true;
  }
  failures_ = 0;
  page_records_ = std::min(page_records_ * 2, kPageRecordsMax);
  reading.after_error = false;
  note_up(true);
  moved = moved || !page->records.empty();
  const replica::PagePlan plan =
      replica::plan_page(std::move(page->records), options_.source, wall_now());
  if (!ship(plan.ship)) {
    return true;  // stopping: the checkpoint stays before this page
  }
  {
    const std::lock_guard lock(mutex_);
    status_.skipped_foreign += plan.foreign;
    status_.refused_future += plan.refused.size();
  }
  for (const replica::Version& version : plan.refused) {
    if (!dead_letter(version, fmt::format("stamped more than {} ahead of this clock",
                                          format_duration(replica::kFutureMax)))) {
      return true;  // stopping
    }
  }
  if (!plan.last_sequence.empty()) {
    position.after = plan.last_sequence;
    checkpoint_dirty_ = true;
  }
  reading.iterator = std::move(page->next_iterator);
  if (reading.iterator.empty()) {
    position.finished = true;
    checkpoint_dirty_ = true;
    readings_.erase(id);
    shards_seen_ = MonoTime{};  // its children may start
  }
  return true;
}

void Replicator::on_read_error(const std::string& id, const CallError& error) {
  note_error(true, error);
  Reading& reading = readings_[id];
  reading.iterator.clear();
  if (error.failure == Failure::kTooLarge || error.failure == Failure::kTimeout) {
    page_records_ = std::max(1, page_records_ / 2);
  }
  if (error.failure == Failure::kTrimmed) {
    // Either records after the checkpoint are gone, or the store says so of an empty stream (a
    // known fault of DynamoDB Local). A second time in a row it is believed.
    if (reading.after_error && !checkpoint_.shards[id].after.empty()) {
      event("resync", "the stream was trimmed past the checkpoint");
      if (resync()) {
        checkpoint_.shards[id].after.clear();
        checkpoint_dirty_ = true;
      }
    }
    reading.after_error = true;
  }
  if (error.failure != Failure::kExpiredIterator) {
    backoff(++failures_);
  }
}

// ---- the whole table, by the same conditional puts ----

bool Replicator::resync() {
  {
    const std::lock_guard lock(mutex_);
    ++status_.resyncs;
  }
  std::uint64_t scanned = 0;
  json::object body{{"TableName", options_.table}, {"ConsistentRead", true}, {"Limit", kScanItems}};
  while (!stopping()) {
    auto answer = source_.call("DynamoDB_20120810.Scan", body, 5 * kCallTimeout);
    if (!answer) {
      note_error(true, answer.error());
      if (answer.error().failure == Failure::kNotFound) {
        return false;
      }
      backoff(++failures_);
      continue;
    }
    failures_ = 0;
    const json::object* page = answer->if_object();
    const json::value* items = page == nullptr ? nullptr : page->if_contains("Items");
    std::vector<replica::Version> versions;
    if (items != nullptr && items->is_array()) {
      for (const json::value& each : items->get_array()) {
        replica::Version version;
        if (each.is_object() && replica::fate_of(each.get_object(), options_.source, wall_now(),
                                                 version.stamp) == replica::Fate::kShip) {
          version.item = each.get_object();
          versions.push_back(std::move(version));
        }
        ++scanned;
      }
    }
    if (!ship(versions)) {
      return false;
    }
    const json::value* next = page == nullptr ? nullptr : page->if_contains("LastEvaluatedKey");
    if (next == nullptr) {
      event("resynced", fmt::format("{} items scanned", scanned));
      return true;
    }
    body["ExclusiveStartKey"] = *next;
    event("resyncing", fmt::format("{} items scanned", scanned));
  }
  return false;
}

// ---- putting ----

bool Replicator::ship(const std::vector<replica::Version>& versions) {
  return std::ranges::all_of(versions,
                             [this](const replica::Version& version) { return put(version); });
}

// Until the destination took it or refused it for good. False: stopping.
bool Replicator::put(const replica::Version& version) {
  json::object body{{"TableName", options_.table}, {"Item", version.item}};
  if (version.stamp.empty()) {
    body["ConditionExpression"] = "attribute_not_exists(#k)";
    body["ExpressionAttributeNames"] = json::object{{"#k", key_name_}};
  } else {
    body["ConditionExpression"] = "attribute_not_exists(#k) OR attribute_not_exists(#r) OR #r < :r";
    body["ExpressionAttributeNames"] =
        json::object{{"#k", key_name_}, {"#r", replica::kStampAttribute}};
    body["ExpressionAttributeValues"] = json::object{{":r", json::object{{"S", version.stamp}}}};
  }
  for (int failures = 0; !stopping();) {
    const auto answer = destination_.call("DynamoDB_20120810.PutItem", body, kCallTimeout);
    if (answer || answer.error().failure == Failure::kConditionFailed) {
      note_up(false);
      count_put(version, answer.has_value());
      return true;
    }
    note_error(false, answer.error());
    if (answer.error().failure == Failure::kValidation) {
      return dead_letter(version, answer.error().message);
    }
    save_checkpoint(false);
    backoff(++failures);
  }
  return false;
}

void Replicator::count_put(const replica::Version& version, bool took) {
  const auto stamp = replica::parse_stamp(version.stamp);
  const std::lock_guard lock(mutex_);
  ++(took ? status_.applied : status_.lost_race);
  if (took && stamp) {
    status_.lag_ms = -to_milliseconds(replica::ahead_of(*stamp, wall_now()));
  }
}

// Until it is kept. False: stopping.
bool Replicator::dead_letter(const replica::Version& version, const std::string& why) {
  const std::string path =
      fmt::format("{}/{}-{}-to-{}.dead-letters.jsonl", options_.state_directory, options_.table,
                  options_.source, options_.destination);
  const std::string line =
      json::serialize(json::object{{"item", version.item}, {"error", why}}) + "\n";
  for (int failures = 0; !stopping();) {
    const auto kept = append_durably(path, line);
    if (kept) {
      event("dead-letter", fmt::format("{}; kept in {}", why, path));
      const std::lock_guard lock(mutex_);
      ++status_.dead_letters;
      return true;
    }
    event("dead-letter-failed", kept.error().message);
    backoff(++failures);
  }
  return false;
}

void Replicator::save_checkpoint(bool now) {
  const MonoTime time = mono_now();
  // Also when nothing moved, now and then: its age says how long nobody was reading.
  const Duration every = checkpoint_dirty_ ? kCheckpointEvery : kCheckpointRefresh;
  if (checkpoint_.stream_arn.empty() || (!now && time - checkpoint_saved_ < every)) {
    return;
  }
  checkpoint_saved_ = time;
  checkpoint_.saved_at = wall_now();
  if (const auto saved = write_checkpoint(checkpoint_path_, checkpoint_)) {
    checkpoint_dirty_ = false;
  } else {
    event("checkpoint-failed", saved.error().message);
  }
}

// ---- waiting and telling ----

void Replicator::pause(Duration duration) {
  const MonoTime until = mono_now() + duration;
  while (!stopping() && mono_now() < until) {
    std::this_thread::sleep_for(std::min<Duration>(until - mono_now(), milliseconds(100)));
  }
}

void Replicator::backoff(int failures) {
  const Duration ceiling =
      std::min<Duration>(milliseconds(10) * (1 << std::min(failures, 6)), kBackoffMax);
  pause(Duration(static_cast<Duration::rep>(static_cast<double>(ceiling.count()) *
                                            (0.5 + 0.5 * rng_.unit()))));
}

void Replicator::note_error(bool at_source, const CallError& error) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    bool& up = at_source ? status_.source_up : status_.destination_up;
    first = up || status_.last_error.empty();
    up = false;
    status_.last_error = error.message;
  }
  if (first) {
    event("error",
          fmt::format("{}: {}", at_source ? options_.source : options_.destination, error.message));
  }
}

void Replicator::note_up(bool at_source) {
  bool changed = false;
  {
    const std::lock_guard lock(mutex_);
    bool& up = at_source ? status_.source_up : status_.destination_up;
    changed = !up;
    up = true;
  }
  if (changed) {
    event("connected", fmt::format("{}", at_source ? options_.source : options_.destination));
  }
}

void Replicator::event(std::string_view name, std::string_view detail) const {
  if (options_.on_event) {
    options_.on_event(name, detail);
  }
}

}  // namespace leeward::dynamodb
