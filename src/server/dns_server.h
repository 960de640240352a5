// SPDX-License-Identifier: Apache-2.0
//
// The DNS server: UDP and TCP sockets and the threads that answer from the published snapshot.
//
// Threads: per endpoint as many UDP workers as the options say, each with a socket of its own on
// the shared port (SO_REUSEPORT); one thread for TCP on all endpoints. They share nothing but the
// snapshot, so the daemon's other troubles do not reach them.
//
// Thread-safety: publish(), counters() and endpoints() from any thread; stop() and destruction from
// one.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "server/counters.h"
#include "server/snapshot.h"
#include "server/tcp_server.h"
#include "server/transfers.h"
#include "server/udp_worker.h"

namespace leeward::server {

struct DnsServerOptions {
  std::vector<config::Endpoint> listen;  // UDP and TCP each; port 0: any free one
  int workers = 0;                       // UDP threads per endpoint; 0: one per core
  TcpLimits tcp;
  std::uint64_t seed = 0;  // of the choices among equal answers
  std::vector<config::TsigKey> keys{};
  std::vector<config::Secondary> secondaries{};  // get zone transfers and NOTIFY
};

class DnsServer {
 public:
  // Listens and answers when it returns. All or nothing: an endpoint that cannot be used is an
  // error that says which, why, and what to do.
  static Result<std::unique_ptr<DnsServer>> start(const DnsServerOptions& options,
                                                  std::shared_ptr<const Snapshot> snapshot);
  ~DnsServer();  // stops
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  // Queries that arrive from now on are answered from `snapshot`; none is lost. Not null.
  void publish(std::shared_ptr<const Snapshot> snapshot);

  // Where it listens, in the options' order, with the ports that the system chose.
  [[nodiscard]] const std::vector<config::Endpoint>& endpoints() const { return endpoints_; }

  [[nodiscard]] DnsCounters counters() const;

  // Ends all threads and closes all sockets; promptly, and as often as you like.
  void stop();

 private:
  explicit DnsServer(std::shared_ptr<const Snapshot> snapshot);

  Status bind_all(const DnsServerOptions& options);
  Status run_threads();

  SnapshotCell<Snapshot> cell_;
  std::vector<config::Endpoint> endpoints_;
  std::unique_ptr<Transfers> transfers_;  // null: no secondaries
  std::vector<std::unique_ptr<UdpWorker>> udp_;
  std::unique_ptr<TcpServer> tcp_;
  std::vector<std::thread> threads_;
};

}  // namespace leeward::server
