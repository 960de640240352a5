// SPDX-License-Identifier: Apache-2.0
#include "server/dns_server.h"

#include <algorithm>
#include <csignal>
#include <functional>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include "base/check.h"
#include "server/socket.h"

namespace leeward::server {
namespace {

constexpr int kWorkersMax = 256;

int workers_of(const DnsServerOptions& options) {
  const int asked =
      options.workers > 0 ? options.workers : static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(asked, 1, kWorkersMax);
}

// New threads inherit a mask that leaves signals to the thread that handles them.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

DnsServer::DnsServer(std::shared_ptr<const Snapshot> snapshot) : cell_(std::move(snapshot)) {}

DnsServer::~DnsServer() {
  stop();
}

Result<std::unique_ptr<DnsServer>> DnsServer::start(const DnsServerOptions& options,
                                                    std::shared_ptr<const Snapshot> snapshot) {
  LEEWARD_CHECK(snapshot != nullptr && snapshot->board != nullptr, "a server has something to say");
  if (options.listen.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the DNS server has no address to listen on");
  }
  std::unique_ptr<DnsServer> server(new DnsServer(snapshot));
  if (!options.secondaries.empty() || !options.keys.empty()) {
    ASSIGN_OR_RETURN(server->transfers_,
                     Transfers::create(options.keys, options.secondaries, Rng(options.seed + 1)));
    server->transfers_->adopt(std::move(snapshot));
  }
  RETURN_IF_ERROR(server->bind_all(options));
  RETURN_IF_ERROR(server->run_threads());
  return server;
}

Status DnsServer::bind_all(const DnsServerOptions& options) {
  Rng rng(options.seed);
  std::vector<UniqueFd> listeners;
  for (const config::Endpoint& endpoint : options.listen) {
    ASSIGN_OR_RETURN(BoundEndpoint bound, bind_endpoint(endpoint, workers_of(options)));
    endpoints_.push_back(bound.endpoint);
    listeners.push_back(std::move(bound.tcp));
    for (UniqueFd& fd : bound.udp) {
      udp_.push_back(std::make_unique<UdpWorker>(std::move(fd), bound.wildcard, cell_, rng.split(),
                                                 transfers_.get()));
    }
  }
  ASSIGN_OR_RETURN(tcp_, TcpServer::create(std::move(listeners), cell_, options.tcp, rng.split(),
                                           transfers_.get()));
  return {};
}

Status DnsServer::run_threads() {
  const SignalsBlocked blocked;
  try {
    threads_.emplace_back([tcp = tcp_.get()] { tcp->run(); });
    if (transfers_ != nullptr) {
      threads_.emplace_back([transfers = transfers_.get()] { transfers->run(); });
    }
    for (const std::unique_ptr<UdpWorker>& worker : udp_) {
      threads_.emplace_back([udp = worker.get()] { udp->run(); });
    }
  } catch (const std::system_error& error) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("cannot start the DNS server's threads: {}; lower dns.workers or raise "
                            "the limit of threads (ulimit -u)",
                            error.what()));
  }
  return {};
}

void DnsServer::publish(std::shared_ptr<const Snapshot> snapshot) {
  LEEWARD_CHECK(snapshot != nullptr && snapshot->board != nullptr, "a server has something to say");
  if (transfers_ != nullptr) {
    transfers_->adopt(snapshot);
  }
  cell_.publish(std::move(snapshot));
}

DnsCounters DnsServer::counters() const {
  DnsCounters total;
  for (const std::unique_ptr<UdpWorker>& worker : udp_) {
    worker->counters().add_to(total, /*tcp=*/false);
  }
  tcp_->counters().add_to(total, /*tcp=*/true);
  return total;
}

void DnsServer::stop() {
  if (tcp_ != nullptr) {
    tcp_->stop();
  }
  if (transfers_ != nullptr) {
    transfers_->stop();
  }
  for (const std::unique_ptr<UdpWorker>& worker : udp_) {
    worker->stop();  // a closed one is harmless
  }
  for (std::thread& thread : threads_) {
    thread.join();
  }
  threads_.clear();
  for (const std::unique_ptr<UdpWorker>& worker : udp_) {
    worker->close();
  }
}

}  // namespace leeward::server
