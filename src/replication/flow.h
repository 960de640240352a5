// SPDX-License-Identifier: Apache-2.0
//
// What the reader and the lanes share about one direction, (table, source region) into this region:
// what is still to be carried, and the counters.
//
// Everything outstanding belongs to a generation. When the reader starts over with the table, it
// begins a new one, and what lanes still hold of the old one is dropped where they meet it.
//
// Thread-safe. Locks are held for a few instructions only.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "model/ids.h"
#include "replica/lag_window.h"
#include "replica/low_water.h"

namespace leeward::replication {

struct Counters {
  std::uint64_t applied = 0;          // puts that the destination took
  std::uint64_t lost_race = 0;        // puts that found something as new or newer there
  std::uint64_t skipped_foreign = 0;  // came to the source by replication
  std::uint64_t refused_future = 0;   // stamped too far ahead of our clock
  std::uint64_t dead_letters = 0;
  std::uint64_t resyncs = 0;
  std::uint64_t conflicts = 0;  // versions found lost
  bool source_up = false;
  bool destination_up = false;
  bool following = false;  // reading the stream: neither scanning nor waiting for a table
  double lag_ms = 0;       // of the last applied version: now minus its stamp
  WallTime lag_at;
  std::uint64_t backfill_items = 0;  // of the running scan
  std::uint64_t backfill_estimate = 0;
  double backfill_per_s = 0;
  bool backfilling = false;
  MonoTime reached_end;  // when the stream last had nothing more
  std::string problem;   // why nothing is carried, such as another key schema; empty: none
  std::string last_error;
};

class Flow {
 public:
  struct Ticket {
    std::uint64_t generation = 0;
    std::size_t shard = 0;
    replica::LowWater::Page page = 0;
  };

  Flow(std::string table, RegionId source, RegionId here)
      : table_(std::move(table)), source_(std::move(source)), here_(std::move(here)) {}
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  [[nodiscard]] const std::string& table() const { return table_; }
  [[nodiscard]] const RegionId& source() const { return source_; }
  [[nodiscard]] const RegionId& here() const { return here_; }

  // ---- the reader ----
  // Forgets what is outstanding. `schema`: TableFacts::schema of the destination.
  void begin(std::vector<std::string> key_names, std::string schema);
  [[nodiscard]] std::size_t add_shard();
  [[nodiscard]] Ticket open(std::size_t shard, std::string sequence, std::size_t outstanding);
  [[nodiscard]] std::string mark(std::size_t shard) const;
  [[nodiscard]] std::size_t outstanding() const;  // versions
  [[nodiscard]] std::size_t pages() const;
  [[nodiscard]] bool gone() const { return gone_.load(std::memory_order_relaxed); }

  // ---- the lanes ----
  [[nodiscard]] bool is_current(const Ticket& ticket) const {
    return !stopping() && ticket.generation == generation_.load(std::memory_order_relaxed);
  }
  void done(const Ticket& ticket);  // a ticket of an old generation: nothing happens
  // The destination table is not the one that the generation began with.
  void destination_gone(const Ticket& ticket);
  [[nodiscard]] std::vector<std::string> key_names() const;
  [[nodiscard]] std::string schema() const;

  // ---- everybody ----
  template <typename Change>
  void update(Change&& change) {
    const std::lock_guard lock(mutex_);
    std::forward<Change>(change)(counters_);
  }
  void applied(Duration lag, MonoTime now, WallTime wall);
  [[nodiscard]] Counters counters() const;
  [[nodiscard]] replica::LagWindow::Summary lag(MonoTime now) const;

  void stop() { stopping_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

 private:
  const std::string table_;
  const RegionId source_;
  const RegionId here_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> gone_{false};
  std::atomic<std::uint64_t> generation_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::vector<replica::LowWater> shards_;
  std::vector<std::string> key_names_;
  std::string schema_;
  Counters counters_;
  replica::LagWindow lag_;
};

}  // namespace leeward::replication
