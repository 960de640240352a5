// SPDX-License-Identifier: Apache-2.0
#include "admin/api.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "admin/session.h"

namespace leeward::admin {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

Result<std::shared_ptr<asio::ssl::context>> make_tls(const std::optional<config::TlsFiles>& files) {
  if (!files) {
    return std::shared_ptr<asio::ssl::context>();
  }
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  error_code error;
  tls->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                       asio::ssl::context::no_tlsv1_1 | asio::ssl::context::single_dh_use,
                   error);
  if (!error) {
    tls->use_certificate_chain_file(files->certificate_file, error);
  }
  if (error) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("api.tls.certificate {}: {}",
                                                         files->certificate_file, error.message()));
  }
  tls->use_private_key_file(files->key_file, asio::ssl::context::pem, error);
  if (error) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("api.tls.key {}: {}", files->key_file, error.message()));
  }
  return tls;
}

}  // namespace

struct ApiServer::Impl : std::enable_shared_from_this<ApiServer::Impl> {
  Impl(asio::io_context& io, const config::ApiConfig& config, ControlPlane& control,
       EventLog& events, const ApiLimits& limits)
      : acceptor(io),
        retry(io),
        last_moment(io),
        context(std::make_shared<SessionContext>(Router(control, config.tokens), events, limits)) {}

  Status listen(const config::Endpoint& endpoint) {
    const auto failed = [&](const error_code& error) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("api.listen {}:{}: {}; stop what uses it or choose another under "
                              "api.listen",
                              endpoint.address, endpoint.port, error.message()));
    };
    error_code error;
    const asio::ip::address address = asio::ip::make_address(endpoint.address, error);
    if (error) {
      return failed(error);
    }
    const tcp::endpoint local(address, endpoint.port);
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
    return {};
  }

  void accept() {
    acceptor.async_accept([self = shared_from_this()](const error_code& error, tcp::socket socket) {
      if (!self->acceptor.is_open()) {
        return;
      }
      if (error) {  // out of descriptors, most likely: others must end first
        self->retry.expires_after(std::chrono::milliseconds(100));
        self->retry.async_wait([self](const error_code& canceled) {
          if (!canceled && self->acceptor.is_open()) {
            self->accept();
          }
        });
        return;
      }
      self->begin_session(std::move(socket));
      self->accept();
    });
  }

  void begin_session(tcp::socket socket) {
    if (sessions.size() >= context->limits.connections && !make_room()) {
      error_code ignored;
      socket.close(ignored);
      return;
    }
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const std::uint64_t id = ++last_session;
    const auto session =
        make_session(std::move(socket), tls, context, [weak = weak_from_this(), id] {
          if (const auto self = weak.lock()) {
            self->sessions.erase(id);
          }
        });
    sessions.emplace(id, session);
    session->start();
  }

  // Closes the session that has waited longest for a request, if one waits.
  bool make_room() {
    std::shared_ptr<Session> longest;
    std::optional<std::uint64_t> since;
    for (const auto& [id, weak] : sessions) {
      const auto session = weak.lock();
      const auto waiting = session ? session->waiting_since() : std::nullopt;
      if (waiting && (!since || *waiting < *since)) {
        since = waiting;
        longest = session;
      }
    }
    if (longest) {
      longest->close();
    }
    return longest != nullptr;
  }

  [[nodiscard]] std::vector<std::shared_ptr<Session>> live_sessions() const {
    std::vector<std::shared_ptr<Session>> live;
    for (const auto& [id, weak] : sessions) {
      if (auto session = weak.lock()) {
        live.push_back(std::move(session));
      }
    }
    return live;
  }

  void stop_accepting() {
    error_code ignored;
    acceptor.close(ignored);
    retry.cancel();
  }

  void stop() {
    stop_accepting();
    for (const auto& session : live_sessions()) {
      session->finish();
    }
    if (sessions.empty()) {
      return;
    }
    last_moment.expires_after(context->limits.shutdown);
    last_moment.async_wait([weak = weak_from_this()](const error_code& canceled) {
      const auto self = weak.lock();
      if (!canceled && self) {
        self->close_all();
      }
    });
  }

  void close_all() {
    stop_accepting();
    last_moment.cancel();
    for (const auto& session : live_sessions()) {
      session->close();
    }
  }

  tcp::acceptor acceptor;
  asio::steady_timer retry;
  asio::steady_timer last_moment;
  std::shared_ptr<SessionContext> context;
  std::shared_ptr<asio::ssl::context> tls;
  std::uint64_t last_session = 0;
  std::map<std::uint64_t, std::weak_ptr<Session>> sessions;
};

ApiServer::ApiServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

ApiServer::~ApiServer() {
  impl_->close_all();
}

Result<std::unique_ptr<ApiServer>> ApiServer::start(asio::io_context& io,
                                                    const config::ApiConfig& config,
                                                    ControlPlane& control, EventLog& events,
                                                    const ApiLimits& limits) {
  auto impl = std::make_shared<Impl>(io, config, control, events, limits);
  ASSIGN_OR_RETURN(impl->tls, make_tls(config.tls));
  RETURN_IF_ERROR(impl->listen(config.listen));
  impl->accept();
  return std::unique_ptr<ApiServer>(new ApiServer(std::move(impl)));
}

std::uint16_t ApiServer::port() const {
  error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

Status ApiServer::reconfigure(const config::ApiConfig& config) {
  ASSIGN_OR_RETURN(impl_->tls, make_tls(config.tls));
  impl_->context->router.set_tokens(config.tokens);
  return {};
}

void ApiServer::mount(std::string prefix, MountedHandler handler) {
  impl_->context->mounted_prefix = std::move(prefix);
  impl_->context->mounted = std::move(handler);
}

void ApiServer::stop() {
  impl_->stop();
}

}  // namespace leeward::admin
