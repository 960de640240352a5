// SPDX-License-Identifier: Apache-2.0
//
// DNS over TCP (RFC 7766) for all endpoints in one thread: epoll, pipelining, answers in order.
//
// A client may be slow or hostile, so everything has a limit: connections in all and per address
// (the idlest goes), time per message and per answer, bytes per connection. Only a whole message or
// an emptied output queue counts as activity: single bytes do not keep a connection alive.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "server/counters.h"
#include "server/snapshot.h"
#include "server/socket.h"
#include "server/transfers.h"

namespace leeward::server {

struct TcpLimits {
  std::size_t connections_max = 1024;            // in all; at least 1
  std::size_t connections_per_client_max = 256;  // from one address; at least 1
  Duration idle_timeout = std::chrono::seconds(10);
  std::size_t output_bytes_max = 64UL << 10;  // queued answers beyond which a client is not read
};

class TcpServer {
 public:
  // `listeners` listen and are non-blocking.
  static Result<std::unique_ptr<TcpServer>> create(std::vector<UniqueFd> listeners,
                                                   const SnapshotCell<Snapshot>& cell,
                                                   TcpLimits limits, Rng rng,
                                                   Transfers* transfers = nullptr);
  ~TcpServer();
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  // Runs in the server's thread until stop().
  void run();

  // From any thread; run() returns promptly.
  void stop();

  [[nodiscard]] const WorkerCounters& counters() const { return counters_; }

 private:
  struct Connection;
  using Connections = std::list<Connection>;  // the idlest first

  TcpServer(std::vector<UniqueFd> listeners, UniqueFd epoll, UniqueFd wake, UniqueFd reserve,
            const SnapshotCell<Snapshot>& cell, TcpLimits limits, Rng rng, Transfers* transfers);

  void handle_event(int fd, std::uint32_t events);
  void accept_all(int listener);
  bool make_room_after(int error, int listener);
  void adopt(UniqueFd fd, const SocketAddress& client);
  void serve(Connections::iterator connection, std::uint32_t events);
  bool read_some(Connection& connection);
  void answer_pending(Connection& connection);
  bool transfer(Connection& connection, const dns::Query& query);
  bool write_some(Connection& connection);
  static void drop_sent(Connection& connection);
  void watch(Connection& connection);
  void touch(Connections::iterator connection);
  void close_connection(Connections::iterator connection);
  void close_expired();
  [[nodiscard]] int wait_milliseconds() const;

  std::vector<UniqueFd> listeners_;
  UniqueFd epoll_;
  UniqueFd wake_;     // eventfd
  UniqueFd reserve_;  // given up when descriptors run out, to refuse a client properly
  SnapshotCell<Snapshot>::Reader reader_;
  TcpLimits limits_;
  Rng rng_;
  std::atomic<bool> stopping_{false};
  WorkerCounters counters_;
  Connections connections_;
  std::unordered_map<int, Connections::iterator> by_fd_;
  std::vector<std::uint8_t> input_;   // one read
  std::vector<std::uint8_t> answer_;  // one response
  dns::SignatureCache signatures_;
  Transfers* transfers_;  // null: there are no secondaries
};

}  // namespace leeward::server
