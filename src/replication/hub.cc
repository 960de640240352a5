// SPDX-License-Identifier: Apache-2.0
#include "replication/hub.h"

#include <algorithm>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "replication/clocks.h"
#include "replication/reaper.h"

namespace leeward::replication {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kRegistryTable = "leeward-global-tables";
constexpr Duration kRegistryEvery = seconds(1);
constexpr Duration kReapEvery = std::chrono::hours(1);
constexpr Duration kCaughtUpFor = seconds(5);

const json::array* list_of(const json::value& item, const char* name) {
  const json::object* object = item.if_object();
  const json::value* attribute = object == nullptr ? nullptr : object->if_contains(name);
  const json::object* typed = attribute == nullptr ? nullptr : attribute->if_object();
  const json::value* list = typed == nullptr ? nullptr : typed->if_contains("L");
  return list == nullptr ? nullptr : list->if_array();
}

std::string text_of(const json::value& attribute) {
  const json::object* typed = attribute.if_object();
  const json::value* text = typed == nullptr ? nullptr : typed->if_contains("S");
  return text != nullptr && text->is_string() ? std::string(text->get_string()) : "";
}

}  // namespace

Hub::Hub(HubOptions options)
    : options_(std::move(options)),
      rng_(options_.seed),
      registry_(options_.endpoint, options_.credentials) {
  ledger_ = std::make_unique<Ledger>(
      LedgerOptions{.here = options_.here,
                    .endpoint = options_.endpoint,
                    .credentials = options_.credentials,
                    .state_directory = options_.state_directory,
                    .on_event = [this](std::string_view event, std::string_view detail) {
                      options_.on_event(kLedgerTable, options_.here, event, detail);
                    }});
  lanes_ = std::make_unique<Lanes>(
      LaneOptions{.here = options_.here,
                  .regions = options_.regions,
                  .endpoint = options_.endpoint,
                  .credentials = options_.credentials,
                  .state_directory = options_.state_directory,
                  .lanes = options_.lanes,
                  .seed = rng_.next(),
                  .on_event =
                      [this](const Flow& flow, std::string_view event, std::string_view detail) {
                        options_.on_event(flow.table(), flow.source(), event, detail);
                      }},
      *ledger_);
}

Hub::~Hub() {
  stop();
}

void Hub::stop() {
  stopping_.store(true, std::memory_order_relaxed);
}

void Hub::run() {
  if (options_.tombstone_retention > Duration::zero()) {
    reaper_ = std::thread([this] { reap_loop(); });
  }
  while (!stopping()) {
    adjust(wanted());
    pause(kRegistryEvery);
  }
  // Readers save their checkpoints with what the lanes have carried, so the lanes end last.
  adjust({});
  lanes_->stop();
  ledger_->stop();
  if (reaper_.joinable()) {
    reaper_.join();
  }
}

Hub::Wanted Hub::wanted() {
  Wanted tables;
  for (const std::string& table : options_.tables) {
    for (std::size_t i = 0; i < options_.sources.size(); ++i) {
      tables.emplace(table, i);
    }
  }
  add_registered(tables);
  return tables;
}

// A registry that cannot be read now says what it said before; one that is not there, nothing.
void Hub::add_registered(Wanted& tables) {
  Wanted found;
  json::object body{{"TableName", kRegistryTable}, {"ConsistentRead", true}};
  bool known = false;
  for (bool more = true; more && !stopping();) {
    auto answer = registry_.call("DynamoDB_20120810.Scan", body, seconds(1));
    known = answer ? answer->is_object() : answer.error().failure == dynamodb::Failure::kNotFound;
    if (!answer || !known) {
      break;
    }
    const json::object& page = answer->get_object();
    const json::value* items = page.if_contains("Items");
    if (items != nullptr && items->is_array()) {
      for (const json::value& item : items->get_array()) {
        const json::array* replicas = list_of(item, "replicas");
        const json::value* name =
            item.is_object() ? item.get_object().if_contains("table_name") : nullptr;
        if (replicas == nullptr || name == nullptr || text_of(*name).empty()) {
          continue;
        }
        const auto has = [&](const RegionId& region) {
          return std::ranges::any_of(
              *replicas, [&](const json::value& each) { return text_of(each) == region.str(); });
        };
        for (std::size_t i = 0; has(options_.here) && i < options_.sources.size(); ++i) {
          if (has(options_.sources[i].region)) {
            found.emplace(text_of(*name), i);
          }
        }
      }
    }
    const json::value* next = page.if_contains("LastEvaluatedKey");
    more = next != nullptr;
    if (more) {
      body["ExclusiveStartKey"] = *next;
    }
  }
  if (known) {
    registered_ = std::move(found);
  }
  tables.insert(registered_.begin(), registered_.end());
}

void Hub::adjust(const Wanted& tables) {
  std::vector<Direction> ended;
  {
    const std::lock_guard lock(mutex_);
    for (auto place = directions_.begin(); place != directions_.end();) {
      const auto& [table, source] = place->first;
      const bool keep = std::ranges::any_of(tables, [&](const auto& each) {
        return each.first == table && options_.sources[each.second].region.str() == source;
      });
      if (keep) {
        ++place;
        continue;
      }
      ended.push_back(std::move(place->second));
      place = directions_.erase(place);
    }
  }
  for (const Direction& direction : ended) {
    direction.flow->stop();
  }
  for (Direction& direction : ended) {
    finish(direction);
  }
  for (const auto& [table, source] : tables) {
    start(table, options_.sources[source]);
  }
}

void Hub::start(const std::string& table, const Source& source) {
  const std::lock_guard lock(mutex_);
  const auto [place, is_new] = directions_.try_emplace({table, source.region.str()});
  if (!is_new) {
    return;
  }
  Direction& direction = place->second;
  direction.flow = std::make_shared<Flow>(table, source.region, options_.here);
  direction.replicator = std::make_unique<Replicator>(ReplicatorOptions{
      .flow = direction.flow,
      .lanes = lanes_.get(),
      .source_endpoint = source.endpoint,
      .destination_endpoint = options_.endpoint,
      .credentials = options_.credentials,
      .state_directory = options_.state_directory,
      .seed = rng_.next(),
      .on_event = [this](const Flow& flow, std::string_view event, std::string_view detail) {
        options_.on_event(flow.table(), flow.source(), event, detail);
      }});
  direction.thread = std::thread([replicator = direction.replicator.get()] { replicator->run(); });
}

void Hub::finish(Direction& direction) {
  if (direction.thread.joinable()) {
    direction.thread.join();
  }
}

// ---- tombstones ----

bool Hub::may_reap(const std::string& table) const {
  const MonoTime now = mono_now();
  const std::lock_guard lock(mutex_);
  std::size_t directions = 0;
  for (const auto& [id, direction] : directions_) {
    if (id.first != table) {
      continue;
    }
    ++directions;
    const Counters counters = direction.flow->counters();
    if (!counters.following || !counters.source_up || direction.flow->outstanding() > 0 ||
        now - counters.reached_end > kCaughtUpFor) {
      return false;
    }
  }
  // Also a region that this process does not pull from may have something older to send.
  return !stopping() && directions + 1 == options_.regions;
}

void Hub::reap_loop() {
  dynamodb::Client store(options_.endpoint, options_.credentials);
  const Duration every =
      std::clamp<Duration>(options_.tombstone_retention / 4, seconds(1), kReapEvery);
  while (!stopping()) {
    pause(every);
    std::set<std::string> tables;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [id, direction] : directions_) {
        tables.insert(id.first);
      }
    }
    for (const std::string& table : tables) {
      if (!may_reap(table)) {
        continue;
      }
      const Reaped reaped = reap_tombstones(store, table, wall_now() - options_.tombstone_retention,
                                            [&] { return may_reap(table); });
      if (reaped.removed > 0 || !reaped.error.empty()) {
        options_.on_event(table, options_.here, "reaped",
                          fmt::format("{} tombstones{}{}", reaped.removed,
                                      reaped.error.empty() ? "" : ": ", reaped.error));
      }
      const std::lock_guard lock(mutex_);
      reaped_[table] += reaped.removed;
    }
  }
}

void Hub::pause(Duration duration) const {
  const MonoTime until = mono_now() + duration;
  while (!stopping() && mono_now() < until) {
    std::this_thread::sleep_for(std::min<Duration>(until - mono_now(), milliseconds(100)));
  }
}

// ---- telling ----

void Hub::status(json::array& directions) const {
  const LedgerStatus ledger = ledger_->status();
  const MonoTime now = mono_now();
  const std::lock_guard lock(mutex_);
  for (const auto& [id, direction] : directions_) {
    const Flow& flow = *direction.flow;
    const Counters counters = flow.counters();
    const auto lag = flow.lag(now);
    const auto reaped = reaped_.find(id.first);
    json::value backfill;
    if (counters.backfilling) {
      backfill = json::object{{"items", counters.backfill_items},
                              {"items_per_s", counters.backfill_per_s},
                              {"estimate", counters.backfill_estimate}};
    }
    directions.push_back(json::object{
        {"table", flow.table()},
        {"from", flow.source().str()},
        {"to", flow.here().str()},
        {"applied", counters.applied},
        {"lost_race", counters.lost_race},
        {"skipped_foreign", counters.skipped_foreign},
        {"refused_future", counters.refused_future},
        {"dead_letters", counters.dead_letters},
        {"resyncs", counters.resyncs},
        {"conflicts", counters.conflicts},
        {"ledger_entries", ledger.written},
        {"ledger_spilled", ledger.spilled},
        {"ledger_taken_back", ledger.taken_back},
        {"ledger_pending", ledger.queued > 0 || ledger.spill_pending},
        {"tombstones_reaped", reaped == reaped_.end() ? 0 : reaped->second},
        {"pending", flow.outstanding()},
        {"following", counters.following},
        {"backfill", std::move(backfill)},
        {"source_up", counters.source_up},
        {"destination_up", counters.destination_up},
        {"lag_ms", counters.lag_ms},
        {"lag_at", counters.lag_at == WallTime{} ? "" : format_rfc3339(counters.lag_at)},
        {"lag_p50_ms", lag.p50_ms},
        {"lag_p99_ms", lag.p99_ms},
        {"lag_max_ms", lag.max_ms},
        {"lag_count", lag.count},
        {"problem", counters.problem},
        {"alarm", counters.refused_future > 0 ? "versions from the future were refused" : ""},
        {"last_error", counters.last_error}});
  }
}

}  // namespace leeward::replication
