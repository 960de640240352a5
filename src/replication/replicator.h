// SPDX-License-Identifier: Apache-2.0
//
// Carries one table's writes from one region to another: reads the source's stream, and puts what
// originated there into the destination, if it is newer than what stands there. At least once and
// idempotent: every put is conditional on its stamp, so repeating one changes nothing, and the
// checkpoint moves only when everything before it is applied.
//
// Where the stream cannot be continued (first start, a new stream, records trimmed after a long
// pause) the whole table is scanned and put the same way, beside the stream from its oldest record.
//
// Nothing ends it but stop(): a store that is down, frozen or throttling is asked again with
// backoff, and no record is skipped. What cannot be carried is kept in the dead-letter file,
// counted and logged before the checkpoint passes it: an item that the destination says it will
// never accept, and a version whose stamp lies ahead of this clock.
//
// Items without a stamp, written by something else, are carried when they are new in the
// destination; later changes of them are not.
//
// Thread-safety: run() blocks and belongs to one thread; stop() and status() may be called from
// any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "base/rng.h"
#include "dynamodb/client.h"
#include "dynamodb/streams.h"
#include "replica/page.h"

namespace leeward::dynamodb {

struct ReplicatorOptions {
  std::string table;
  RegionId source;
  RegionId destination;
  Endpoint source_endpoint;
  Endpoint destination_endpoint;
  Credentials credentials;
  std::string state_directory;  // holds checkpoint and dead letters; must exist
  std::uint64_t seed = 0;       // of the backoff's jitter
  // For the log: an event name and a line of detail. Called on run()'s thread.
  std::function<void(std::string_view event, std::string_view detail)> on_event;
};

struct ReplicatorStatus {
  std::uint64_t applied = 0;          // puts that the destination took
  std::uint64_t lost_race = 0;        // puts that found something as new or newer there
  std::uint64_t skipped_foreign = 0;  // came to the source by replication
  std::uint64_t refused_future = 0;   // stamped too far ahead of our clock
  std::uint64_t dead_letters = 0;
  std::uint64_t resyncs = 0;
  bool source_up = false;
  bool destination_up = false;
  double lag_ms = 0;  // of the last applied version: now minus its stamp
  std::string last_error;
};

class Replicator {
 public:
  explicit Replicator(ReplicatorOptions options);
  Replicator(const Replicator&) = delete;
  Replicator& operator=(const Replicator&) = delete;

  void run();   // until stop(), within about two seconds of it
  void stop();  // async-signal-unsafe; from another thread
  [[nodiscard]] ReplicatorStatus status() const;

 private:
  struct Reading {  // of one shard
    std::string iterator;
    bool after_error = false;
  };

  void follow_stream(const TableFacts& facts);
  bool refresh_shards();
  bool read_shard(const std::string& id, bool& moved);
  void on_read_error(const std::string& id, const CallError& error);
  bool resync();
  bool ship(const std::vector<replica::Version>& versions);
  bool put(const replica::Version& version);
  void count_put(const replica::Version& version, bool took);
  bool dead_letter(const replica::Version& version, const std::string& why);
  void save_checkpoint(bool now);

  void pause(Duration duration);
  void backoff(int failures);
  void note_error(bool at_source, const CallError& error);
  void note_up(bool at_source);
  void event(std::string_view name, std::string_view detail) const;
  [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

  ReplicatorOptions options_;
  Rng rng_;
  Client source_;
  Client streams_;
  Client destination_;
  std::string checkpoint_path_;
  Checkpoint checkpoint_;
  std::string key_name_;  // of the table's hash key
  std::map<std::string, Reading> readings_;
  bool checkpoint_dirty_ = false;
  MonoTime checkpoint_saved_;
  MonoTime shards_seen_;
  int failures_ = 0;
  int page_records_;  // asked for at once; shrinks where answers are too large or slow

  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;  // guards status_
  ReplicatorStatus status_;
};

}  // namespace leeward::dynamodb
