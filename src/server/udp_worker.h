// SPDX-License-Identifier: Apache-2.0
//
// One thread's share of the UDP queries: a blocking loop of recvmmsg, answer, sendmmsg over buffers
// that are allocated once. Nothing is locked or allocated per query.
#pragma once

#include <atomic>
#include <memory>
#include <span>

#include "base/rng.h"
#include "server/counters.h"
#include "server/snapshot.h"
#include "server/socket.h"
#include "server/transfers.h"

namespace leeward::server {

class UdpWorker {
 public:
  // `fd` is blocking; `wildcard`: it gives each packet's destination, and answers leave from there.
  // `transfers`, which may be null, signs answers to signed queries.
  UdpWorker(UniqueFd fd, bool wildcard, const SnapshotCell<Snapshot>& cell, Rng rng,
            const Transfers* transfers = nullptr);
  ~UdpWorker();
  UdpWorker(const UdpWorker&) = delete;
  UdpWorker& operator=(const UdpWorker&) = delete;

  // Runs in the worker's thread until stop().
  void run();

  // From any thread; run() returns promptly.
  void stop();

  // After run() has returned.
  void close() { fd_.reset(); }

  [[nodiscard]] const WorkerCounters& counters() const { return counters_; }

 private:
  struct Batch;

  void answer_batch(int received);
  // The size of what goes out; 0: nothing does.
  std::size_t limited(const routing::ClientNetwork& client, std::span<std::uint8_t> response,
                      std::uint32_t now_seconds);
  void send_batch(int count);

  UniqueFd fd_;
  SnapshotCell<Snapshot>::Reader reader_;
  Rng rng_;
  std::atomic<bool> stopping_{false};
  WorkerCounters counters_;
  std::unique_ptr<Batch> batch_;
  dns::SignatureCache signatures_;
  RateLimiter limiter_{RateLimit()};
  RateLimit rate_limit_;                  // that limiter_ was made with
  const Snapshot* limited_by_ = nullptr;  // where that came from
  const Transfers* transfers_;
};

}  // namespace leeward::server
