// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "dns/answer.h"
#include "dns/tables.h"
#include "model/health_board.h"
#include "routing/location.h"
#include "server/rate_limit.h"

namespace leeward::server {

// What the config says of answering.
struct Answering {
  bool client_subnet = true;
  std::string nsid;  // empty: not said
  std::optional<dns::CookieSecret> cookie_secret;
  std::optional<dns::CookieSecret> previous_cookie_secret;
  RateLimit rate_limit;  // of each UDP worker
};

// What the workers answer from. The tables never change; the board's words do, under the workers'
// eyes. A config change publishes a new pair, because the board's layout belongs to the tables.
struct Snapshot {
  dns::Tables tables;
  std::shared_ptr<const HealthBoard> board;  // never null; written by whoever else holds it
  std::shared_ptr<const routing::Locator> locator{};  // where clients are; null: not known
  Answering answering{};
  std::shared_ptr<dns::Serials> serials{};  // of secondaries' zones; null: the zones' own

  // `signatures` are the calling thread's; null: nothing is signed.
  [[nodiscard]] dns::Context context(dns::SignatureCache* signatures = nullptr) const {
    return {.tables = tables,
            .board = *board,
            .locator = locator.get(),
            .client_subnet = answering.client_subnet,
            .nsid = answering.nsid,
            .cookie_secret = answering.cookie_secret ? &*answering.cookie_secret : nullptr,
            .previous_cookie_secret =
                answering.previous_cookie_secret ? &*answering.previous_cookie_secret : nullptr,
            .signatures = signatures,
            .serials = serials.get()};
  }
};

// One published value, many readers. A reader takes the lock only when there is something new:
// std::atomic<std::shared_ptr> would do, but libstdc++'s hides its lock from ThreadSanitizer.
//
// Thread-safety: publish() from any thread; each reading thread owns its Reader.
template <typename T>
class SnapshotCell {
 public:
  explicit SnapshotCell(std::shared_ptr<const T> first) : value_(std::move(first)) {}

  void publish(std::shared_ptr<const T> value) {
    {
      const std::scoped_lock lock(mutex_);
      value_.swap(value);
      generation_.fetch_add(1, std::memory_order_release);
    }
    // The old value, possibly large, is destroyed here, outside the lock.
  }

  class Reader {
   public:
    explicit Reader(const SnapshotCell& cell) : cell_(cell) { refresh(); }

    // The newest value; the reference holds until the next call.
    const T& get() {
      if (cell_.generation_.load(std::memory_order_acquire) != generation_) {
        refresh();
      }
      return *value_;
    }

   private:
    void refresh() {
      std::shared_ptr<const T> old;  // destroyed after the lock is gone
      const std::scoped_lock lock(cell_.mutex_);
      old = std::exchange(value_, cell_.value_);
      generation_ = cell_.generation_.load(std::memory_order_relaxed);
    }

    const SnapshotCell& cell_;
    std::shared_ptr<const T> value_;
    std::uint64_t generation_ = 0;
  };

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace leeward::server
