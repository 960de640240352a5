// SPDX-License-Identifier: Apache-2.0
//
// Secondary servers: zone transfers to them (AXFR, IXFR over TCP, with TSIG), NOTIFY when a zone is
// another, be it changed or be it that health chooses other records. A thread of its own compares
// what would be answered now with what was; it does nothing while no word of the board changes.
//
// Who may transfer: a configured secondary, by its address, and with its key if it has one.
//
// Thread-safety: everything from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "config/config.h"
#include "dns/transfer.h"
#include "dns/tsig.h"
#include "server/snapshot.h"
#include "server/socket.h"

namespace leeward::server {

class Transfers {
 public:
  using Message = std::vector<std::uint8_t>;

  // kInvalidArgument names the key or secondary that cannot be used.
  static Result<std::unique_ptr<Transfers>> create(
      const std::vector<config::TsigKey>& keys, const std::vector<config::Secondary>& secondaries,
      Rng rng);

  // Before `snapshot` is published: its zones have their serials when this returns.
  void adopt(std::shared_ptr<const Snapshot> snapshot);

  // The answer to a request that came by TCP; nullopt: it asks for no transfer.
  std::optional<std::vector<Message>> answer(std::span<const std::uint8_t> request,
                                             const routing::ClientNetwork& client,
                                             std::uint64_t now_seconds);

  // Signs the answer to a query with TSIG, in `out`; if the query's signature is wrong, the answer
  // becomes one that says so. Returns its new size; unchanged: no TSIG, or no room for one.
  std::size_t sign_answer(std::span<const std::uint8_t> query, std::span<std::uint8_t> out,
                          std::size_t size, std::uint64_t now_seconds) const;

  // Runs in the thread of its own until stop().
  void run();
  void stop();

 private:
  struct Peer {
    config::Secondary config;
    routing::ClientNetwork network;
    const dns::TsigSecret* key = nullptr;
  };
  struct Notice {
    dns::Name zone;
    std::size_t peer = 0;
    std::uint16_t id = 0;
    int attempts = 0;
    MonoTime due{};
  };

  explicit Transfers(Rng rng) : rng_(rng) {}

  void refresh(std::uint32_t now_seconds);
  void notify_all(const dns::Name& zone);
  void send_notices(std::uint64_t now_seconds);
  void read_acknowledgements();
  [[nodiscard]] const dns::TsigSecret* find_key(const dns::Name& name) const;
  [[nodiscard]] bool may_transfer(const routing::ClientNetwork& client,
                                  const dns::TsigSecret* key) const;

  std::vector<dns::TsigSecret> keys_;  // never changed after create()
  std::vector<Peer> peers_;
  UniqueFd udp4_;
  UniqueFd udp6_;
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  Rng rng_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::vector<std::uint8_t> board_values_;             // as of the last refresh
  std::map<std::string, dns::ZoneHistory> histories_;  // by apex, wire form
  bool is_behind_ = false;                             // a content waits for its serial
  std::vector<Notice> notices_;
};

}  // namespace leeward::server
