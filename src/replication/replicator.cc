// SPDX-License-Identifier: Apache-2.0
#include "replication/replicator.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "replication/clocks.h"

namespace leeward::replication {
namespace {

namespace json = boost::json;
using dynamodb::CallError;
using dynamodb::Failure;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kPollBusy = milliseconds(4);  // from one read's start to the next one's
constexpr Duration kPollLeast = std::chrono::microseconds(500);
constexpr Duration kPollIdle = milliseconds(50);
constexpr Duration kBusyFor = seconds(1);
constexpr Duration kReadTimeout = seconds(2);
constexpr Duration kCheckpointEvery = seconds(1);
constexpr Duration kCheckpointRefresh = std::chrono::minutes(1);
constexpr Duration kShardsEvery = seconds(30);
constexpr Duration kTablesEvery = seconds(2);
constexpr Duration kProblemEvery = seconds(3);
constexpr Duration kBackoffMax = milliseconds(500);
constexpr Duration kCheckpointAgeMax = std::chrono::hours(20);  // streams forget after 24
constexpr int kPageRecordsFirst = 100;
constexpr int kPageRecordsMax = 500;
constexpr std::size_t kPageBytes = std::size_t{4} << 20;  // stores exceed their own page size
constexpr std::size_t kPagesMax = 20'000;  // in flight: beyond, something holds the checkpoint

}  // namespace

Replicator::Replicator(ReplicatorOptions options)
    : options_(std::move(options)),
      flow_(*options_.flow),
      rng_(options_.seed),
      source_(options_.source_endpoint, options_.credentials,
              {{"x-leeward-peer", flow_.here().str()}}),
      streams_(dynamodb::streams_endpoint(options_.source_endpoint), options_.credentials,
               {{"x-leeward-peer", flow_.here().str()}}),
      destination_(options_.destination_endpoint, options_.credentials),
      checkpoint_path_(fmt::format("{}/{}-{}-to-{}.checkpoint", options_.state_directory,
                                   flow_.table(), flow_.source(), flow_.here())),
      page_records_(kPageRecordsFirst) {}

// ---- the outer loop: both tables, then their stream until something about them changes ----

void Replicator::run() {
  load_checkpoint();
  while (!stopping()) {
    if (const auto facts = establish()) {
      failures_ = 0;
      follow(*facts);
    }
  }
  save_checkpoint(true);
}

void Replicator::load_checkpoint() {
  resync_reason_ = "no checkpoint";
  auto saved = dynamodb::read_checkpoint(checkpoint_path_);
  if (!saved) {
    if (saved.error().code != ErrorCode::kNotFound) {
      event("checkpoint-unusable", saved.error().message + "; the table is scanned instead");
    }
    return;
  }
  const Duration age = wall_now() - saved->saved_at;
  if (age >= Duration::zero() && age < kCheckpointAgeMax) {
    checkpoint_ = std::move(*saved);
  } else {
    forget("the checkpoint is older than the stream may be");
  }
}

std::optional<Replicator::Both> Replicator::establish() {
  flow_.update([](Counters& counters) { counters.following = false; });
  auto source = describe_table(source_, flow_.table());
  if (!source) {
    note_source_error(source.error());
    backoff(++failures_);
    return std::nullopt;
  }
  note_source_up();
  auto destination = describe_table(destination_, flow_.table());
  if (!destination) {
    const std::string why = fmt::format("{}: {}", flow_.here(), destination.error().message);
    bool first = false;
    flow_.update([&](Counters& counters) {
      first = counters.destination_up || counters.last_error != why;
      counters.destination_up = false;
      counters.last_error = why;
    });
    if (first) {
      event("error", why);
    }
    backoff(++failures_);
    return std::nullopt;
  }
  flow_.update([](Counters& counters) { counters.destination_up = true; });
  if (source->stream_arn.empty()) {
    refuse(fmt::format("{} has no stream for {}: enable one with NEW_AND_OLD_IMAGES",
                       flow_.source(), flow_.table()));
    return std::nullopt;
  }
  if (source->view_type != "NEW_AND_OLD_IMAGES") {
    refuse(fmt::format("the stream of {} in {} carries {}: it must be NEW_AND_OLD_IMAGES",
                       flow_.table(), flow_.source(), source->view_type));
    return std::nullopt;
  }
  if (source->schema != destination->schema) {
    refuse(fmt::format("{} has the keys {} in {} but {} in {}: nothing of it is carried",
                       flow_.table(), source->schema, flow_.source(), destination->schema,
                       flow_.here()));
    return std::nullopt;
  }
  flow_.update([](Counters& counters) { counters.problem.clear(); });
  return Both{std::move(*source), std::move(*destination)};
}

// Names what a person must change, once, and waits a little.
bool Replicator::refuse(const std::string& problem) {
  bool first = false;
  flow_.update([&](Counters& counters) {
    first = counters.problem != problem;
    counters.problem = problem;
    counters.last_error = problem;
  });
  if (first) {
    event("refused", problem);
  }
  pause(kProblemEvery);
  return false;
}

void Replicator::follow(const Both& facts) {
  readings_.clear();
  shards_seen_ = MonoTime{};
  tables_seen_ = mono_now();
  read_at_ = wall_now();
  flow_.begin(facts.destination.key_names, facts.destination.schema);
  if (!checkpoint_.stream_arn.empty() && checkpoint_.stream_arn != facts.source.stream_arn) {
    forget("a new stream");
  }
  if (!checkpoint_.destination.empty() && checkpoint_.destination != facts.destination.id) {
    forget("the destination's table was made anew");
  }
  if (checkpoint_.stream_arn.empty()) {
    // The stream is read from its oldest record afterwards, so what is written meanwhile is in it.
    if (!resync(facts)) {
      return;
    }
    checkpoint_ = {facts.source.stream_arn, {}, {}, {}};
    checkpoint_dirty_ = true;
  }
  checkpoint_.destination = facts.destination.id;
  save_checkpoint(checkpoint_dirty_);
  flow_.update([](Counters& counters) { counters.following = true; });
  Duration poll = kPollBusy;
  MonoTime moved_at = mono_now();
  while (!stopping() && !flow_.gone()) {
    if (!refresh_shards() || !tables_same(facts)) {
      return;
    }
    const MonoTime started = mono_now();
    bool moved = false;
    for (auto& [id, position] : checkpoint_.shards) {
      if (!position.finished && readings_.contains(id) && !read_shard(id, moved)) {
        return;
      }
    }
    save_checkpoint(false);
    const MonoTime now = mono_now();
    moved_at = moved ? now : moved_at;
    poll = now - moved_at < kBusyFor ? kPollBusy : std::min<Duration>(poll * 3 / 2, kPollIdle);
    pause(std::max(kPollLeast, poll - (now - started)));
  }
}

// A store that lost its data and got its tables again must be filled again; and a table's old
// stream may go on answering when the table has a new one. A store that does not answer says
// nothing.
bool Replicator::tables_same(const Both& facts) {
  const MonoTime now = mono_now();
  if (now - tables_seen_ < kTablesEvery) {
    return true;
  }
  tables_seen_ = now;
  const auto destination = describe_table(destination_, flow_.table());
  const bool same = destination ? destination->id == facts.destination.id
                                : destination.error().failure != Failure::kNotFound;
  if (!same) {
    return false;
  }
  const auto source = describe_table(source_, flow_.table());
  return source ? source->stream_arn == facts.source.stream_arn
                : source.error().failure != Failure::kNotFound;
}

// Shards whose parents were read to their end get read. False: start over.
bool Replicator::refresh_shards() {
  const MonoTime now = mono_now();
  const bool any_open = std::ranges::any_of(checkpoint_.shards,
                                            [](const auto& each) { return !each.second.finished; });
  if (any_open && !readings_.empty() && now - shards_seen_ < kShardsEvery) {
    return true;
  }
  auto shards = describe_stream(streams_, checkpoint_.stream_arn);
  if (!shards) {
    note_source_error(shards.error());
    backoff(++failures_);
    return shards.error().failure != Failure::kNotFound;
  }
  shards_seen_ = now;
  note_source_up();
  for (const dynamodb::Shard& shard : *shards) {
    const auto parent = checkpoint_.shards.find(shard.parent);
    const bool listed = std::ranges::any_of(
        *shards, [&](const dynamodb::Shard& other) { return other.id == shard.parent; });
    if (listed && (parent == checkpoint_.shards.end() || !parent->second.finished)) {
      continue;  // parents before children: versions of a key stay in order
    }
    const dynamodb::ShardPosition& position = checkpoint_.shards[shard.id];
    if (!position.finished && !readings_.contains(shard.id)) {
      Reading& reading = readings_[shard.id];
      reading.shard = flow_.add_shard();
      reading.read = position;
    }
  }
  // What the stream no longer lists is of no use to remember; but if it was not read to its end,
  // its records are gone, and only the table itself can tell what they said.
  bool lost = false;
  std::erase_if(checkpoint_.shards, [&](const auto& known) {
    const bool gone = std::ranges::none_of(
        *shards, [&](const dynamodb::Shard& s) { return s.id == known.first; });
    lost = lost || (gone && !known.second.finished);
    return gone;
  });
  if (lost) {
    forget("the stream dropped a shard that was not read to its end");
  }
  return !lost;
}

// One page. `moved`: there was something. False: start over.
bool Replicator::read_shard(const std::string& id, bool& moved) {
  Reading& reading = readings_[id];
  if (wall_now() - read_at_ > kCheckpointAgeMax) {
    forget("nothing was read for longer than the stream may remember");
    return false;
  }
  if (flow_.pages() > kPagesMax) {
    return true;
  }
  if (reading.iterator.empty()) {
    auto iterator = shard_iterator(streams_, checkpoint_.stream_arn, id, reading.read);
    if (!iterator) {
      return on_read_error(reading, iterator.error());
    }
    reading.iterator = std::move(*iterator);
  }
  const int asked = page_records_;
  auto answer =
      streams_.call("DynamoDBStreams_20120810.GetRecords",
                    {{"ShardIterator", reading.iterator}, {"Limit", asked}}, kReadTimeout);
  if (!answer) {
    return on_read_error(reading, answer.error());
  }
  auto page = replica::parse_stream_page(std::move(*answer));
  if (!page) {
    return on_read_error(reading, {Failure::kUnavailable, page.error().message});
  }
  failures_ = 0;
  reading.errors = 0;
  read_at_ = wall_now();
  note_source_up();
  const auto records = static_cast<int>(page->records.size());
  if (records > 0) {
    moved = true;
    const std::size_t each = streams_.answer_bytes() / page->records.size() + 1;
    page_records_ = std::clamp(static_cast<int>(std::min<std::size_t>(kPageBytes / each, 10'000)),
                               1, std::min(asked * 2, kPageRecordsMax));
    replica::PagePlan plan = replica::plan_page(std::move(page->records), flow_.source(), read_at_);
    std::string last = plan.last_sequence;
    if (!hand_over(std::move(plan), reading.shard, reading.reached_end)) {
      return !flow_.gone() && !stopping();
    }
    reading.read.after = std::move(last);
  }
  if (records < asked) {
    reading.reached_end = true;
    flow_.update([](Counters& counters) { counters.reached_end = mono_now(); });
  }
  reading.iterator = std::move(page->next_iterator);
  if (reading.iterator.empty()) {
    if (!drain()) {
      return false;
    }
    checkpoint_.shards[id] = {flow_.mark(reading.shard), true};
    checkpoint_dirty_ = true;
    readings_.erase(id);
    shards_seen_ = MonoTime{};  // its children may start
  }
  return true;
}

// False: stopping or starting over; nothing of the page counts as carried.
bool Replicator::hand_over(replica::PagePlan plan, std::size_t shard, bool fresh) {
  flow_.update([&](Counters& counters) {
    counters.skipped_foreign += plan.foreign;
    counters.refused_future += plan.refused.size();
  });
  for (const replica::Version& version : plan.refused) {
    if (!dead_letter(version)) {
      return false;
    }
  }
  const Flow::Ticket ticket = flow_.open(shard, std::move(plan.last_sequence), plan.ship.size());
  // A barrier proves that what was written before it has arrived: it goes alone, when that has.
  const auto barriers = std::partition(
      plan.ship.begin(), plan.ship.end(),
      [](const replica::Version& version) { return !replica::is_barrier(version.item); });
  const auto held_back = static_cast<std::size_t>(plan.ship.end() - barriers);
  for (auto version = plan.ship.begin(); version != barriers; ++version) {
    if (!push(std::move(*version), ticket, fresh, false)) {
      return false;
    }
  }
  while (held_back > 0 && flow_.outstanding() > held_back) {
    if (stopping() || flow_.gone()) {
      return false;
    }
    pause(milliseconds(1));
  }
  for (auto version = barriers; version != plan.ship.end(); ++version) {
    if (!push(std::move(*version), ticket, fresh, false)) {
      return false;
    }
  }
  for (replica::Displacement& each : plan.displaced) {
    Task task;
    task.flow = options_.flow;
    task.ticket = ticket;
    task.displaced = std::move(each);
    if (!options_.lanes->push(std::move(task))) {
      return false;
    }
  }
  checkpoint_dirty_ = true;
  return true;
}

bool Replicator::push(replica::Version version, const Flow::Ticket& ticket, bool fresh,
                      bool scanned) {
  Task task;
  task.flow = options_.flow;
  task.ticket = ticket;
  task.fresh = fresh;
  task.scanned = scanned;
  task.heartbeat = version.item.contains(replica::kHeartbeatAttribute);
  task.item_text = json::serialize(version.item);
  version.item.clear();
  task.version = std::move(version);
  return options_.lanes->push(std::move(task));
}

// False: start over with the table.
bool Replicator::on_read_error(Reading& reading, const CallError& error) {
  reading.iterator.clear();
  if (error.failure == Failure::kExpiredIterator) {
    return true;
  }
  if (error.failure == Failure::kTrimmed && reading.read.after.empty()) {
    // DynamoDB Local says so of a stream without records while other tables have some.
    pause(kPollIdle);
    return true;
  }
  note_source_error(error);
  if (error.failure == Failure::kTooLarge || error.failure == Failure::kTimeout) {
    page_records_ = std::max(1, page_records_ / 2);
  }
  if (error.failure == Failure::kTrimmed || error.failure == Failure::kValidation) {
    // Records after the position are gone, or the store does not know the position. A second time
    // in a row it is believed.
    if (++reading.errors > 1) {
      forget(error.failure == Failure::kTrimmed ? "the stream was trimmed past the checkpoint"
                                                : "the stream does not know the checkpoint");
      backoff(++failures_);
      return false;
    }
  }
  backoff(++failures_);
  return error.failure != Failure::kNotFound;
}

// ---- keeping ----

// Until it is kept. False: stopping.
bool Replicator::dead_letter(const replica::Version& version) {
  const std::string why =
      fmt::format("stamped more than {} ahead of this clock", format_duration(replica::kFutureMax));
  event("ALARM", fmt::format("a version from the future ({}) is refused: check the clocks of {}",
                             version.stamp, flow_.source()));
  for (int failures = 0; !stopping();) {
    if (keep_dead_letter(flow_, options_.state_directory, json::serialize(version.item), why,
                         options_.on_event)) {
      return true;
    }
    backoff(++failures);
  }
  return false;
}

// Until everything handed over is carried.
bool Replicator::drain() {
  while (!stopping() && !flow_.gone()) {
    if (flow_.outstanding() == 0) {
      return true;
    }
    pause(milliseconds(2));
  }
  return false;
}

void Replicator::forget(std::string_view why) {
  checkpoint_ = {};
  resync_reason_ = why;
}

void Replicator::save_checkpoint(bool now) {
  const MonoTime time = mono_now();
  // Also when nothing moved, now and then: its age says how long nobody was reading.
  const Duration every = checkpoint_dirty_ ? kCheckpointEvery : kCheckpointRefresh;
  if (checkpoint_.stream_arn.empty() || (!now && time - checkpoint_saved_ < every)) {
    return;
  }
  bool behind = false;
  for (const auto& [id, reading] : readings_) {
    const std::string mark = flow_.mark(reading.shard);
    std::string& after = checkpoint_.shards[id].after;
    after = mark.empty() ? after : mark;
    behind = behind || after != reading.read.after;
  }
  checkpoint_saved_ = time;
  checkpoint_.saved_at = wall_now();
  if (const auto saved = write_checkpoint(checkpoint_path_, checkpoint_)) {
    checkpoint_dirty_ = behind;
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

void Replicator::note_source_error(const CallError& error) {
  bool first = false;
  flow_.update([&](Counters& counters) {
    first = counters.source_up || counters.last_error.empty();
    counters.source_up = false;
    counters.last_error = error.message;
  });
  if (first) {
    event("error", fmt::format("{}: {}", flow_.source(), error.message));
  }
}

void Replicator::note_source_up() {
  bool changed = false;
  flow_.update([&](Counters& counters) { changed = !std::exchange(counters.source_up, true); });
  if (changed) {
    event("connected", flow_.source().str());
  }
}

void Replicator::event(std::string_view name, std::string_view detail) const {
  options_.on_event(flow_, name, detail);
}

}  // namespace leeward::replication
