// SPDX-License-Identifier: Apache-2.0
#include "replication/flow.h"

namespace leeward::replication {

void Flow::begin(std::vector<std::string> key_names, std::string schema) {
  const std::lock_guard lock(mutex_);
  generation_.fetch_add(1, std::memory_order_relaxed);
  shards_.clear();
  key_names_ = std::move(key_names);
  schema_ = std::move(schema);
  gone_.store(false, std::memory_order_relaxed);
}

std::size_t Flow::add_shard() {
  const std::lock_guard lock(mutex_);
  shards_.emplace_back();
  return shards_.size() - 1;
}

Flow::Ticket Flow::open(std::size_t shard, std::string sequence, std::size_t outstanding) {
  const std::lock_guard lock(mutex_);
  return {generation_.load(std::memory_order_relaxed), shard,
          shards_[shard].open(std::move(sequence), outstanding)};
}

std::string Flow::mark(std::size_t shard) const {
  const std::lock_guard lock(mutex_);
  return shards_[shard].mark();
}

std::size_t Flow::outstanding() const {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const replica::LowWater& shard : shards_) {
    sum += shard.outstanding();
  }
  return sum;
}

std::size_t Flow::pages() const {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const replica::LowWater& shard : shards_) {
    sum += shard.pages();
  }
  return sum;
}

void Flow::done(const Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  if (ticket.generation == generation_.load(std::memory_order_relaxed)) {
    shards_[ticket.shard].done(ticket.page);
  }
}

void Flow::destination_gone(const Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  if (ticket.generation == generation_.load(std::memory_order_relaxed)) {
    gone_.store(true, std::memory_order_relaxed);
  }
}

std::vector<std::string> Flow::key_names() const {
  const std::lock_guard lock(mutex_);
  return key_names_;
}

std::string Flow::schema() const {
  const std::lock_guard lock(mutex_);
  return schema_;
}

void Flow::applied(Duration lag, MonoTime now, WallTime wall) {
  const std::lock_guard lock(mutex_);
  counters_.lag_ms = to_milliseconds(lag);
  counters_.lag_at = wall;
  lag_.add(lag, now);
}

Counters Flow::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

replica::LagWindow::Summary Flow::lag(MonoTime now) const {
  const std::lock_guard lock(mutex_);
  return lag_.summary(now);
}

}  // namespace leeward::replication
