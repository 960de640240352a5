// SPDX-License-Identifier: Apache-2.0
#include "lag/monitor.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "lag/clock.h"

namespace leeward::lag {
namespace {

namespace json = boost::json;

constexpr Duration kCallTimeout = std::chrono::milliseconds(500);
constexpr Duration kFirstPause = std::chrono::milliseconds(1);
constexpr Duration kPauseMax = std::chrono::milliseconds(250);
constexpr Duration kRetrySchema = std::chrono::milliseconds(500);

}  // namespace

Monitor::Monitor(MonitorOptions options, Connect connect)
    : options_(std::move(options)), connect_(std::move(connect)) {
  const auto lanes = static_cast<std::size_t>(options_.lanes);
  std::map<RegionId, int> regions;
  std::map<std::pair<RegionId, RegionId>, int> pairs;
  for (std::size_t table = 0; table < options_.tables.size(); ++table) {
    for (const RegionId& from : options_.tables[table].regions) {
      regions[from] = 1;
      for (const RegionId& to : options_.tables[table].regions) {
        if (from != to) {
          pairs[{from, to}] = 1;
          directions_.push_back(std::make_unique<Direction>(
              Direction{table, from, to, Tracker(options_.lanes, options_.stall_after, mono_now()),
                        std::vector<MonoTime>(lanes), std::vector<Duration>(lanes, kFirstPause)}));
        }
      }
    }
  }
  for (const auto& [region, unused] : regions) {
    threads_.emplace_back([this, region] { write_loop(region); });
  }
  for (const auto& [pair, unused] : pairs) {
    threads_.emplace_back([this, pair] { look_loop(pair.first, pair.second); });
  }
}

Monitor::~Monitor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

std::vector<TableLink> Monitor::snapshot() {
  const MonoTime now = mono_now();
  const std::lock_guard lock(mutex_);
  std::vector<TableLink> links;
  for (const auto& direction : directions_) {
    TableLink each{options_.tables[direction->table].name, direction->tracker.link(now)};
    each.link.from = direction->from;
    each.link.to = direction->to;
    links.push_back(std::move(each));
  }
  return links;
}

// ---- writing ----

// All lanes of all tables, evenly over the interval.
void Monitor::write_loop(const RegionId& region) {
  dynamodb::Client client = connect_(region);
  std::vector<std::pair<std::size_t, int>> round;
  for (int lane = 0; lane < options_.lanes; ++lane) {
    for (std::size_t table = 0; table < options_.tables.size(); ++table) {
      const auto& regions = options_.tables[table].regions;
      if (std::ranges::find(regions, region) != regions.end()) {
        round.emplace_back(table, lane);
      }
    }
  }
  if (round.empty()) {
    return;
  }
  const Duration step = options_.heartbeat / static_cast<Duration::rep>(round.size());
  MonoTime next = mono_now();
  for (std::size_t i = 0;; i = (i + 1) % round.size()) {
    write_lane(client, round[i].first, region, round[i].second);
    next = std::max(next + step, mono_now());  // after a hang, no burst to catch up
    std::unique_lock lock(mutex_);
    if (!wait_until(lock, next)) {
      return;
    }
  }
}

void Monitor::write_lane(dynamodb::Client& client, std::size_t table, const RegionId& region,
                         int lane) {
  const auto* keys = schema(client, table, region);
  if (keys == nullptr) {
    return;
  }
  const std::uint64_t sequence = sequence_now();
  const MonoTime at = mono_now();
  {
    // Before it is written: it may be seen before the answer is.
    const std::lock_guard lock(mutex_);
    for (const auto& direction : directions_) {
      if (direction->table == table && direction->from == region) {
        direction->tracker.written(lane, sequence, at);
        direction->next_look.at(static_cast<std::size_t>(lane)) = at;
        direction->pause.at(static_cast<std::size_t>(lane)) = kFirstPause;
      }
    }
  }
  changed_.notify_all();
  const auto answer =
      client.call("DynamoDB_20120810.PutItem",
                  {{"TableName", options_.tables[table].name},
                   {"Item", probe_item(*keys, ProbeKind::kHeartbeat, region, lane, sequence)}},
                  kCallTimeout);
  const std::lock_guard lock(mutex_);
  note_trouble(
      region, table,
      answer ? "" : fmt::format("{} cannot be written: {}", region, answer.error().message));
}

const std::vector<KeyAttribute>* Monitor::schema(dynamodb::Client& client, std::size_t table,
                                                 const RegionId& region) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = schemas_.find({table, region}); known != schemas_.end()) {
      return &known->second;  // never erased
    }
  }
  const auto described = client.call("DynamoDB_20120810.DescribeTable",
                                     {{"TableName", options_.tables[table].name}}, kCallTimeout);
  std::string problem;
  if (!described) {
    problem = described.error().message;
  } else if (auto keys = key_schema_of(*described)) {
    const std::lock_guard lock(mutex_);
    return &schemas_.emplace(std::pair{table, region}, std::move(*keys)).first->second;
  } else {
    problem = keys.error().message;
  }
  std::unique_lock lock(mutex_);
  note_trouble(region, table, fmt::format("{} cannot be read: {}", region, problem));
  static_cast<void>(wait_until(lock, mono_now() + kRetrySchema));
  return nullptr;
}

void Monitor::note_trouble(const RegionId& region, std::size_t table, const std::string& what) {
  for (const auto& direction : directions_) {
    if (direction->table == table && direction->from == region) {
      direction->tracker.write_trouble(what);
    }
  }
}

// False: stopping.
bool Monitor::wait_until(std::unique_lock<std::mutex>& lock, MonoTime at) {
  changed_.wait_until(lock, to_steady(at), [this] { return stopping_; });
  return !stopping_;
}

// ---- looking ----

void Monitor::look_loop(const RegionId& from, const RegionId& to) {
  dynamodb::Client client = connect_(to);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    // Of all lanes with a heartbeat on its way, the one to look at first.
    Direction* direction = nullptr;
    int lane = 0;
    for (const auto& each : directions_) {
      for (int i = 0; each->from == from && each->to == to && i < options_.lanes; ++i) {
        const auto index = static_cast<std::size_t>(i);
        if (each->tracker.waiting(i) &&
            (direction == nullptr ||
             each->next_look[index] < direction->next_look[static_cast<std::size_t>(lane)])) {
          direction = each.get();
          lane = i;
        }
      }
    }
    if (direction == nullptr) {
      changed_.wait(lock);
      continue;
    }
    const auto index = static_cast<std::size_t>(lane);
    if (const MonoTime at = direction->next_look[index]; mono_now() < at) {
      changed_.wait_until(lock, to_steady(at));  // or a new heartbeat
      continue;
    }
    const auto keys = schemas_.find({direction->table, from});
    if (keys == schemas_.end()) {
      changed_.wait(lock);
      continue;
    }
    const json::object request{{"TableName", options_.tables[direction->table].name},
                               {"ConsistentRead", true},
                               {"Key", probe_key(keys->second, ProbeKind::kHeartbeat, from, lane)}};
    lock.unlock();
    const auto answer = client.call("DynamoDB_20120810.GetItem", request, kCallTimeout);
    const MonoTime now = mono_now();
    lock.lock();
    direction->tracker.read_trouble(
        answer ? "" : fmt::format("{} cannot be read: {}", to, answer.error().message));
    if (const auto sequence = answer ? sequence_of(*answer) : std::nullopt) {
      direction->tracker.seen(lane, *sequence, now);
    }
    Duration& pause = direction->pause[index];
    direction->next_look[index] = now + pause;
    pause = std::min(pause + pause / 4 + kFirstPause / 4, kPauseMax);  // a fifth of the lag
  }
}

}  // namespace leeward::lag
