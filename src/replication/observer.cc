// SPDX-License-Identifier: Apache-2.0
#include "replication/observer.h"

#include <algorithm>
#include <utility>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "replica/page.h"
#include "replication/clocks.h"
#include "replication/put.h"

namespace leeward::replication {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kPoll = milliseconds(50);
constexpr Duration kRetry = seconds(1);
constexpr Duration kShardsEvery = seconds(10);
constexpr Duration kReadTimeout = seconds(5);
constexpr int kRecords = 200;

json::object text(std::string_view value) {
  return {{"S", json::string(json::string_view(value.data(), value.size()))}};
}

json::object entry_of(const std::string& table, const replica::JoinLoss& loss) {
  json::object key;
  boost::system::error_code bad;
  if (const json::value parsed = json::parse(loss.key, bad); !bad && parsed.is_object()) {
    key = parsed.get_object();
  }
  json::object winner = loss.winner;
  if (winner.empty()) {  // a delete is the key alone, marked as in stores that keep tombstones
    winner = key;
    winner["_del"] = json::object{{"BOOL", true}};
  }
  return {{"table_name", text(table)},
          {"id", text(ledger_id(table, loss.key, loss.loser_version))},
          {"key", json::object{{"M", std::move(key)}}},
          {"loser", json::object{{"M", loss.loser}}},
          {"loser_stamp", text(loss.loser_version)},
          {"loser_region", text(loss.loser_region.str())},
          {"winner", json::object{{"M", std::move(winner)}}},
          {"winner_stamp", text(loss.winner_version)},
          {"winner_region", text(loss.winner_region.str())},
          {"base_stamp", text(loss.base_version)},
          {"detected_in", text(loss.loser_region.str())},
          {"detected_at", text(format_rfc3339(wall_now()))},
          {"evidence", text("join")},
          {"certain", json::object{{"BOOL", loss.certain}}}};
}

}  // namespace

Observer::Observer(ObserverOptions options) : options_(std::move(options)), join_(options_.join) {
  for (const ObservedRegionEndpoint& place : options_.regions) {
    auto region = std::make_unique<Region>();
    region->place = place;
    LedgerOptions ledger;
    ledger.here = place.id;
    ledger.endpoint = place.endpoint;
    ledger.credentials = options_.credentials;
    ledger.state_directory = options_.state_directory;
    ledger.on_event = [this, id = place.id](std::string_view event, std::string_view detail) {
      options_.on_event(event, id.str(), detail);
    };
    region->ledger = std::make_unique<Ledger>(std::move(ledger));
    regions_.push_back(std::move(region));
  }
}

Observer::~Observer() {
  stop();
}

void Observer::run() {
  std::vector<std::thread> threads;
  for (const auto& region : regions_) {
    threads.emplace_back([this, &region] { follow(*region); });
  }
  while (!stopping_) {
    std::vector<replica::JoinLoss> losses;
    {
      const std::lock_guard lock(mutex_);
      losses = join_.settle(mono_now());
      losses_ += losses.size();
    }
    for (const replica::JoinLoss& loss : losses) {
      write(loss);
    }
    pause(milliseconds(100));
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (const auto& region : regions_) {
    region->ledger->stop();
  }
}

void Observer::write(const replica::JoinLoss& loss) {
  const auto region = std::ranges::find_if(
      regions_, [&](const auto& each) { return each->place.id == loss.loser_region; });
  if (region != regions_.end()) {
    (*region)->ledger->add(entry_of(options_.table, loss), [] {});
  }
}

void Observer::follow(Region& region) {
  dynamodb::Client client(region.place.endpoint, options_.credentials);
  dynamodb::Client streams(dynamodb::streams_endpoint(region.place.endpoint), options_.credentials);
  while (!stopping_) {
    if (!read_stream(region, client, streams)) {
      pause(kRetry);
    }
  }
}

// Until the stream ends or cannot be read. What is read again from the beginning is history.
bool Observer::read_stream(Region& region, dynamodb::Client& client, dynamodb::Client& streams) {
  const auto facts = dynamodb::describe_table(client, options_.table);
  if (!facts || facts->stream_arn.empty()) {
    note(region, facts ? fmt::format("{} has no stream; enable NEW_AND_OLD_IMAGES", options_.table)
                       : facts.error().message);
    return false;
  }
  {
    const std::lock_guard lock(mutex_);
    region.live = false;
  }
  std::map<std::string, Reading> shards;
  for (MonoTime listed{}; !stopping_;) {
    if (shards.empty() || mono_now() - listed > kShardsEvery) {
      const auto found = dynamodb::describe_stream(streams, facts->stream_arn);
      if (!found) {
        note(region, found.error().message);
        return false;
      }
      for (const dynamodb::Shard& shard : *found) {
        shards.try_emplace(shard.id);
      }
      listed = mono_now();
    }
    bool all_read = true;
    for (auto& [id, reading] : shards) {
      if (!reading.position.finished &&
          !read_shard(region, streams, facts->stream_arn, id, reading)) {
        return false;
      }
      all_read = all_read && (reading.position.finished || reading.ended);
    }
    note(region, "");
    if (all_read) {
      const std::lock_guard lock(mutex_);
      if (!std::exchange(region.live, true)) {
        options_.on_event("live", region.place.id.str(), "what the stream remembered is read");
      }
    }
    if (all_read) {
      pause(kPoll);
    }
  }
  return true;
}

bool Observer::read_shard(Region& region, dynamodb::Client& streams, const std::string& arn,
                          const std::string& shard, Reading& reading) {
  if (reading.iterator.empty()) {
    auto iterator = dynamodb::shard_iterator(streams, arn, shard, reading.position);
    if (!iterator) {
      note(region, iterator.error().message);
      return false;
    }
    reading.iterator = std::move(*iterator);
  }
  auto answer =
      streams.call("DynamoDBStreams_20120810.GetRecords",
                   {{"ShardIterator", reading.iterator}, {"Limit", kRecords}}, kReadTimeout);
  if (!answer) {
    reading.iterator.clear();  // expired, or the store was away: from the last record on
    note(region, answer.error().message);
    return answer.error().failure == dynamodb::Failure::kExpiredIterator;
  }
  auto page = replica::parse_stream_page(std::move(*answer));
  if (!page) {
    note(region, page.error().message);
    return false;
  }
  const MonoTime now = mono_now();
  const std::lock_guard lock(mutex_);
  for (replica::StreamRecord& record : page->records) {
    reading.position.after = record.sequence;
    ++records_;
    join_.add({region.place.id, std::move(record.key), std::move(record.old),
               std::move(record.item), now, region.live});
  }
  reading.ended = page->records.size() < kRecords;
  reading.iterator = std::move(page->next_iterator);
  reading.position.finished = reading.iterator.empty();
  return true;
}

void Observer::note(Region& region, const std::string& error) {
  const std::lock_guard lock(mutex_);
  const bool up = error.empty();
  if (up != region.up || (!up && region.last_error != error)) {
    options_.on_event(up ? "connected" : "error", region.place.id.str(), error);
  }
  region.up = up;
  region.last_error = error;
}

void Observer::pause(Duration duration) const {
  const MonoTime until = mono_now() + duration;
  while (!stopping_ && mono_now() < until) {
    std::this_thread::sleep_for(std::min<Duration>(until - mono_now(), milliseconds(50)));
  }
}

json::object Observer::status() const {
  const std::lock_guard lock(mutex_);
  json::array regions;
  bool live = true;
  for (const auto& region : regions_) {
    live = live && region->live;
    regions.push_back(json::object{{"region", region->place.id.str()},
                                   {"up", region->up},
                                   {"live", region->live},
                                   {"last_error", region->last_error}});
  }
  return {{"table", options_.table},
          {"live", live},
          {"records", records_},
          {"losses", losses_},
          {"regions", std::move(regions)}};
}

}  // namespace leeward::replication
