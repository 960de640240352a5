// SPDX-License-Identifier: Apache-2.0
#include "replication/lanes.h"

#include <algorithm>
#include <atomic>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/fnv.h"
#include "dynamodb/streams.h"
#include "replication/clocks.h"

namespace leeward::replication {
namespace {

namespace json = boost::json;
using dynamodb::Failure;
using std::chrono::milliseconds;

constexpr Duration kPutTimeout = std::chrono::seconds(2);
constexpr Duration kBackoffMax = milliseconds(500);
constexpr char kSeparator = '\x1f';  // between table and key, where a tracker needs both

json::object take_object(json::value& answer, const char* name) {
  json::object* object = answer.if_object();
  json::value* found = object == nullptr ? nullptr : object->if_contains(name);
  return found != nullptr && found->is_object() ? std::move(found->get_object()) : json::object{};
}

// What stands or stood in `here`, as a stamp.
std::string stamp_of(const json::object& image, const RegionId& here) {
  if (image.empty()) {
    return "";
  }
  const std::string_view stamp = replica::stamp_in(image);
  return stamp.empty() ? replica::zero_stamp(here) : std::string(stamp);
}

json::object parse_item(std::string_view text) {
  boost::system::error_code bad;
  json::value value =
      json::parse(json::string_view(text.data(), text.size()), bad, {}, {.max_depth = 160});
  return value.is_object() ? std::move(value.get_object()) : json::object{};
}

}  // namespace

std::size_t lane_of(std::string_view table, std::string_view key, std::size_t lanes) {
  // FNV's low bits are weak on short keys; its high ones are not.
  return static_cast<std::size_t>((fnv1a(key, fnv1a(table)) >> 20) % lanes);
}

bool keep_dead_letter(
    Flow& flow, const std::string& state_directory, std::string_view item_text,
    std::string_view why,
    const std::function<void(const Flow&, std::string_view, std::string_view)>& on_event) {
  const std::string path = fmt::format("{}/{}-{}-to-{}.dead-letters.jsonl", state_directory,
                                       flow.table(), flow.source(), flow.here());
  const std::string line = fmt::format("{{\"item\":{},\"error\":{}}}\n", item_text,
                                       json::serialize(json::string_view(why.data(), why.size())));
  const auto kept = dynamodb::append_durably(path, line);
  if (!kept) {
    on_event(flow, "dead-letter-failed", kept.error().message);
    return false;
  }
  on_event(flow, "dead-letter", fmt::format("{}; kept in {}", why, path));
  flow.update([](Counters& counters) { ++counters.dead_letters; });
  return true;
}

class Lanes::Lane {
 public:
  Lane(const LaneOptions& options, Ledger& ledger, std::uint64_t seed)
      : options_(options),
        ledger_(ledger),
        rng_(seed),
        client_(options.endpoint, options.credentials),
        tracker_(options.here, options.regions) {
    thread_ = std::thread([this] { run(); });
  }

  ~Lane() { stop(); }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  bool push(Task task) {
    const std::size_t size = task.item_text.size();
    std::unique_lock lock(mutex_);
    const auto fits = [&] {
      return queue_.empty() ||
             (queue_.size() < options_.versions_max && queue_bytes_ + size <= options_.bytes_max);
    };
    while (!stopping_ && !fits()) {
      // Whether the direction still wants it is asked now and then.
      room_.wait_for(lock, milliseconds(100));
      if (!task.flow->is_current(task.ticket)) {
        return false;
      }
    }
    if (stopping_) {
      return false;
    }
    queue_bytes_ += size;
    queue_.push_back(std::move(task));
    lock.unlock();
    wake_.notify_one();
    return true;
  }

  void ask_to_stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    stop_flag_.store(true, std::memory_order_relaxed);
    wake_.notify_all();
    room_.notify_all();
  }

  void stop() {
    ask_to_stop();
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  std::size_t queued() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
  }

 private:
  struct Pending {
    std::shared_ptr<Flow> flow;
    Flow::Ticket ticket;
    LedgerEntry entry;
  };

  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      const auto ready = [this] { return stopping_ || !queue_.empty(); };
      if (const auto deadline = tracker_.deadline()) {
        wake_.wait_for(lock, std::max(Duration::zero(), *deadline - mono_now()), ready);
      } else {
        wake_.wait(lock, ready);
      }
      if (stopping_) {
        return;
      }
      std::optional<Task> task;
      if (!queue_.empty()) {
        task = std::move(queue_.front());
        queue_.pop_front();
        queue_bytes_ -= task->item_text.size();
      }
      lock.unlock();
      if (task) {
        room_.notify_one();
        carry(*task);
      }
      settle();
    }
  }

  void carry(Task& task) {
    if (task.displaced) {
      tracker_.displaced_at_home(tracked_key(*task.flow, task.displaced->key),
                                 task.displaced->loser, task.displaced->winner);
      return;
    }
    const std::vector<std::string> key_names =
        task.version.stamped ? std::vector<std::string>{} : task.flow->key_names();
    const std::string body =
        put_body(task.flow->table(), key_names.empty() ? "" : key_names.front(), options_.here,
                 task.version, task.item_text);
    for (int failures = 0; task.flow->is_current(task.ticket) && !stop_flag_;) {
      auto answer = client_.call_text("DynamoDB_20120810.PutItem", body, kPutTimeout);
      if (answer || answer.error().failure == Failure::kConditionFailed) {
        decide(task, answer.has_value(), answer ? *answer : answer.error().answer);
        return;
      }
      note_error(*task.flow, answer.error());
      if (answer.error().failure == Failure::kNotFound) {
        task.flow->destination_gone(task.ticket);
        return;
      }
      if (answer.error().failure == Failure::kValidation) {
        if (refused_for_good(task, answer.error().message)) {
          return;
        }
      }
      // It may have been carried out: what stands may then be on top of it.
      task.fresh = false;
      backoff(++failures);
    }
  }

  // The item's fault, or the table's: only the former is a dead letter.
  bool refused_for_good(const Task& task, const std::string& why) {
    const auto facts = dynamodb::describe_table(client_, task.flow->table());
    if (!facts && facts.error().failure != Failure::kNotFound) {
      return false;
    }
    if (!facts || facts->schema != task.flow->schema()) {
      task.flow->destination_gone(task.ticket);
      return true;
    }
    if (!keep_dead_letter(*task.flow, options_.state_directory, task.item_text, why,
                          options_.on_event)) {
      return false;
    }
    task.flow->done(task.ticket);
    return true;
  }

  void decide(Task& task, bool took, json::value& answer) {
    const WallTime wall = wall_now();
    const MonoTime now = mono_now();
    const auto stamp = replica::parse_stamp(task.version.stamp);
    bool connected = false;
    task.flow->update([&](Counters& counters) {
      ++(took ? counters.applied : counters.lost_race);
      connected = !std::exchange(counters.destination_up, true);
    });
    if (connected) {
      options_.on_event(*task.flow, "connected", options_.here.str());
    }
    if (took && task.version.stamped && stamp && !task.scanned) {
      task.flow->applied(-replica::ahead_of(*stamp, wall), now, wall);
    }
    json::object other = take_object(answer, took ? "Attributes" : "Item");
    if (task.heartbeat || other.contains(replica::kHeartbeatAttribute)) {
      task.flow->done(task.ticket);
      return;
    }
    const std::string other_stamp = stamp_of(other, options_.here);
    const std::string key = tracked_key(*task.flow, task.version.key);
    const replica::Arrival arrival{.key = key,
                                   .stamp = task.version.stamp,
                                   .base = task.version.base,
                                   .chain = &task.version.chain,
                                   .fresh = task.fresh,
                                   .scanned = task.scanned,
                                   .bytes = task.item_text.size() * 2};
    const replica::Verdict verdict = took ? tracker_.took(arrival, other_stamp, now)
                                          : tracker_.refused(arrival, other_stamp, now);
    if (verdict.kind == replica::Verdict::Kind::kNothing) {
      task.flow->done(task.ticket);
      return;
    }
    Pending pending{task.flow, task.ticket, make_entry(task, took, std::move(other), other_stamp)};
    pending.entry.evidence = verdict.evidence;
    pending.entry.certain = verdict.certain;
    if (verdict.kind == replica::Verdict::Kind::kLost) {
      record(std::move(pending));
      return;
    }
    auto [place, is_new] = pending_.try_emplace({key, pending.entry.loser_stamp}, pending);
    if (!is_new) {  // the same again: one of them is enough
      pending.flow->done(pending.ticket);
    }
  }

  LedgerEntry make_entry(const Task& task, bool took, json::object other,
                         const std::string& other_stamp) const {
    LedgerEntry entry;
    json::object item = parse_item(task.item_text);
    entry.table = task.flow->table();
    entry.key = key_of(item, task.flow->key_names());
    entry.loser = std::move(took ? other : item);
    entry.winner = std::move(took ? item : other);
    entry.loser_stamp = took ? other_stamp : task.version.stamp;
    entry.winner_stamp = took ? task.version.stamp : other_stamp;
    entry.base_stamp = took ? task.version.base : "";
    entry.detected_in = options_.here;
    entry.detected_at = wall_now();
    return entry;
  }

  void record(Pending pending) {
    pending.flow->update([](Counters& counters) { ++counters.conflicts; });
    ledger_.add(ledger_item(pending.entry),
                [flow = pending.flow, ticket = pending.ticket] { flow->done(ticket); });
  }

  void settle() {
    for (const replica::Settled& each : tracker_.settle(mono_now())) {
      const auto place = pending_.find({each.key, each.loser});
      if (each.kind == replica::Settled::Kind::kTakeBack) {
        const std::size_t split = each.key.find(kSeparator);
        const std::string table = each.key.substr(0, split);
        ledger_.take_back(table, ledger_id(table, each.key.substr(split + 1), each.loser));
        continue;
      }
      if (place == pending_.end()) {
        continue;
      }
      Pending pending = std::move(place->second);
      pending_.erase(place);
      if (each.kind == replica::Settled::Kind::kNotLost) {
        pending.flow->done(pending.ticket);
      } else {
        pending.entry.certain = each.certain && !replica::is_zero_stamp(each.loser);
        record(std::move(pending));
      }
    }
  }

  static std::string tracked_key(const Flow& flow, std::string_view key) {
    std::string text = flow.table();
    text.append(1, kSeparator).append(key);
    return text;
  }

  void note_error(Flow& flow, const dynamodb::CallError& error) {
    bool first = false;
    flow.update([&](Counters& counters) {
      first = counters.destination_up || counters.last_error.empty();
      counters.destination_up = false;
      counters.last_error = error.message;
    });
    if (first) {
      options_.on_event(flow, "error", fmt::format("{}: {}", options_.here, error.message));
    }
  }

  void backoff(int failures) {
    const Duration ceiling =
        std::min<Duration>(milliseconds(10) * (1 << std::min(failures, 6)), kBackoffMax);
    const auto part = static_cast<Duration::rep>(static_cast<double>(ceiling.count()) *
                                                 (0.5 + 0.5 * rng_.unit()));
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, Duration(part), [this] { return stopping_; });
  }

  const LaneOptions& options_;
  Ledger& ledger_;
  Rng rng_;
  dynamodb::Client client_;
  replica::ConflictTracker tracker_;
  std::map<std::pair<std::string, std::string>, Pending> pending_;  // key, loser
  std::atomic<bool> stop_flag_{false};
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable room_;
  std::deque<Task> queue_;
  std::size_t queue_bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

Lanes::Lanes(LaneOptions options, Ledger& ledger) : options_(std::move(options)) {
  Rng rng(options_.seed);
  for (int i = 0; i < options_.lanes; ++i) {
    lanes_.push_back(std::make_unique<Lane>(options_, ledger, rng.next()));
  }
}

Lanes::~Lanes() {
  stop();
}

bool Lanes::push(Task task) {
  const std::string& key = task.displaced ? task.displaced->key : task.version.key;
  return lanes_[lane_of(task.flow->table(), key, lanes_.size())]->push(std::move(task));
}

void Lanes::stop() {
  for (const auto& lane : lanes_) {
    lane->ask_to_stop();
  }
  for (const auto& lane : lanes_) {
    lane->stop();
  }
}

std::size_t Lanes::queued() const {
  std::size_t sum = 0;
  for (const auto& lane : lanes_) {
    sum += lane->queued();
  }
  return sum;
}

}  // namespace leeward::replication
