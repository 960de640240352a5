// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "gateway/calls.h"
#include "gateway/control.h"
#include "gateway/front_door.h"
#include "gateway/session.h"
#include "gateway/shared.h"

namespace leeward::gateway {
namespace {

using asio::ip::tcp;
using boost::system::error_code;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;

constexpr auto kWatchdogTick = std::chrono::milliseconds(100);
constexpr auto kRefresh = std::chrono::seconds(1);
constexpr int kFullRereadEvery = 10;  // refreshes
constexpr auto kStopPatience = std::chrono::seconds(5);

// Members are destroyed from the last to the first: what coroutines refer to outlives the
// io_context, which holds their frames, and sockets end before it.
struct Worker {
  Worker(Shared& s, std::size_t session_bytes) : shared(s) { limits.body_bytes = session_bytes; }

  Shared& shared;
  SessionLimits limits;
  Watchdog watchdog;
  SessionList sessions;
  asio::io_context io{1};
  Calls calls{io, watchdog, shared};
  FrontDoor front_door{shared, calls};
  Control control{shared};
  std::thread thread;
};

Result<Acceptor> open(asio::io_context& io, const Listen& listen, std::string_view option) {
  const auto failed = [&](const error_code& error) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("{} {}:{}: {}; stop what uses it or choose another", option,
                            listen.address, listen.port, error.message()));
  };
  error_code error;
  const asio::ip::address address = asio::ip::make_address(listen.address, error);
  if (error) {
    return failed(error);
  }
  const tcp::endpoint local(address, listen.port);
  Acceptor acceptor(io);
  acceptor.open(local.protocol(), error);
  if (!error) {
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  }
  if (!error) {
    acceptor.bind(local, error);
  }
  if (!error) {
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  if (error) {
    return failed(error);
  }
  return acceptor;
}

Listen where(const Acceptor& acceptor) {
  error_code ignored;
  const tcp::endpoint local = acceptor.local_endpoint(ignored);
  return {local.address().to_string(), local.port()};
}

}  // namespace

struct Gateway::Impl {
  explicit Impl(GatewayOptions options) : shared(std::move(options)) {
    const unsigned count = std::clamp(shared.options.threads, 1U, 64U);
    for (unsigned i = 0; i < count; ++i) {
      workers.push_back(std::make_unique<Worker>(shared, SessionLimits().body_bytes));
    }
  }

  Status listen() {
    ASSIGN_OR_RETURN(Acceptor opened, open(workers[0]->io, shared.options.listen, "--listen"));
    acceptor.emplace(std::move(opened));
    if (shared.options.control) {
      ASSIGN_OR_RETURN(Acceptor other, open(workers[0]->io, *shared.options.control, "--control"));
      control_acceptor.emplace(std::move(other));
    }
    return {};
  }

  void run() {
    spawn(*workers[0], accept(*acceptor, false));
    if (control_acceptor) {
      spawn(*workers[0], accept(*control_acceptor, true));
    }
    spawn(*workers[0], keep_registry(*workers[0]));
    spawn(*workers[0], keep_creation(*workers[0]));
    for (const auto& worker : workers) {
      spawn(*worker, watch(*worker));
      worker->thread = std::thread([w = worker.get()] { w->io.run(); });
    }
  }

  template <typename Coroutine>
  void spawn(Worker& worker, Coroutine coroutine) {
    asio::co_spawn(worker.io.get_executor(), std::move(coroutine),
                   [this](const std::exception_ptr& thrown) {
                     if (thrown) {
                       report(thrown);
                     }
                   });
  }

  void report(const std::exception_ptr& thrown) const {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
      shared.log("session_failed", error.what());
    }
  }

  // A connection stays with the worker it is given to.
  Task<void> accept(Acceptor& from, bool control) {
    for (std::size_t next = 0; !shared.stopping;) {
      Worker& worker = control ? *workers[0] : *workers[next++ % workers.size()];
      Socket socket(worker.io);
      const auto [error] = co_await from.async_accept(socket, kTuple);
      if (shared.stopping) {
        co_return;
      }
      if (error) {  // out of descriptors, most likely: others must end first
        Timer retry(workers[0]->io, std::chrono::steady_clock::now() + kWatchdogTick);
        co_await retry.async_wait(kTuple);
        continue;
      }
      const auto limit = static_cast<std::int64_t>(shared.options.max_connections);
      if (!control && shared.metrics.connections.load() >= limit) {
        ++shared.metrics.connections_refused;
        continue;
      }
      ++shared.metrics.connections;
      error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      Responder& responder = control ? static_cast<Responder&>(worker.control) : worker.front_door;
      spawn(worker, serve(worker, std::move(socket), responder));
    }
  }

  Task<void> serve(Worker& worker, Socket socket, Responder& responder) {
    struct Count {
      std::atomic<std::int64_t>& connections;
      ~Count() { --connections; }
    } const count{shared.metrics.connections};
    co_await run_session(std::move(socket), responder, worker.limits, worker.watchdog,
                         worker.sessions);
  }

  // Ends when the gateway stops and the worker's sessions have.
  Task<void> watch(Worker& worker) {
    std::optional<SteadyTime> give_up;
    for (;;) {
      const SteadyTime now = std::chrono::steady_clock::now();
      Timer timer(worker.io, now + kWatchdogTick);
      co_await timer.async_wait(kTuple);
      worker.watchdog.tick(std::chrono::steady_clock::now());
      if (!shared.stopping) {
        continue;
      }
      give_up = give_up.value_or(now + kStopPatience);
      worker.sessions.finish();
      if (worker.sessions.size() == 0 || now > *give_up) {
        worker.calls.close();
        worker.io.stop();
        co_return;
      }
    }
  }

  Task<void> keep_registry(Worker& worker) {
    for (int round = 0; !shared.stopping; ++round) {
      const bool all = round % kFullRereadEvery == 0;
      co_await refresh_registry(worker.calls, all ? Reread::kAllTables : Reread::kNewTables);
      Timer timer(worker.io, std::chrono::steady_clock::now() + kRefresh);
      co_await timer.async_wait(kTuple);
    }
  }

  // On its own: another region that does not answer must not delay the look at the own store.
  Task<void> keep_creation(Worker& worker) {
    while (!shared.stopping) {
      co_await watch_creation(worker.calls);
      Timer timer(worker.io, std::chrono::steady_clock::now() + kRefresh);
      co_await timer.async_wait(kTuple);
    }
  }

  void stop() {
    if (shared.stopping.exchange(true)) {
      return;
    }
    asio::post(workers[0]->io, [this] {
      error_code ignored;
      acceptor->close(ignored);
      if (control_acceptor) {
        control_acceptor->close(ignored);
      }
    });
    for (const auto& worker : workers) {
      if (worker->thread.joinable()) {
        worker->thread.join();
      }
    }
  }

  Shared shared;
  std::vector<std::unique_ptr<Worker>> workers;
  std::optional<Acceptor> acceptor;  // on the first worker; ends before it
  std::optional<Acceptor> control_acceptor;
};

Result<std::unique_ptr<Gateway>> Gateway::start(GatewayOptions options) {
  RETURN_IF_ERROR(parse_url(options.store.url));
  for (const PeerRegion& peer : options.peers) {
    RETURN_IF_ERROR(parse_url(peer.endpoint.url));
  }
  auto impl = std::make_unique<Impl>(std::move(options));
  RETURN_IF_ERROR(impl->listen());
  impl->run();
  return std::unique_ptr<Gateway>(new Gateway(std::move(impl)));
}

Gateway::Gateway(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Gateway::~Gateway() {
  stop();
}

void Gateway::stop() {
  impl_->stop();
}

Listen Gateway::listening() const {
  return where(*impl_->acceptor);
}

std::optional<Listen> Gateway::control_listening() const {
  return impl_->control_acceptor ? std::optional(where(*impl_->control_acceptor)) : std::nullopt;
}

}  // namespace leeward::gateway
