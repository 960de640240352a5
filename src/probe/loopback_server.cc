// SPDX-License-Identifier: Apache-2.0
#include "probe/loopback_server.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/check.h"
#include "probe/socket_address.h"

namespace leeward::probe {

int bind_loopback(int family, std::uint16_t port) {
  const int socket = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) {
    return -1;
  }
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  auto address = *parse_address(family == AF_INET ? "127.0.0.1" : "::1");
  address.set_port(port);
  if (::bind(socket, &address.base, address.size()) != 0) {
    ::close(socket);
    return -1;
  }
  return socket;
}

std::uint16_t port_of(int socket) {
  SocketAddress address;
  socklen_t size = sizeof address.v6;
  LEEWARD_CHECK(getsockname(socket, &address.base, &size) == 0, "the socket is bound");
  return ntohs(address.family() == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

void serve_plain(const std::vector<int>& listeners, const std::atomic<bool>* stop) {
  constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  const auto watch = [&](int socket) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = socket;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) == 0;
  };
  for (const int listener : listeners) {
    watch(listener);
  }
  std::array<epoll_event, 512> events{};
  std::array<char, 4096> buffer{};
  while (stop == nullptr || !stop->load()) {
    const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 50);
    for (int i = 0; i < count; ++i) {
      const int socket = events[static_cast<std::size_t>(i)].data.fd;
      if (std::ranges::find(listeners, socket) != listeners.end()) {
        const int client = accept4(socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0 && !watch(client)) {
          ::close(client);
        }
        continue;
      }
      const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
      const bool asked = got > 0;  // a probe's request always fits one segment on loopback
      if (!asked || ::send(socket, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) < 0) {
        ::close(socket);
      }
    }
  }
  ::close(epoll);
}

std::string LoopbackServer::Connection::read_request() {
  for (;;) {
    const std::size_t end = pending_.find("\r\n\r\n");
    if (end != std::string::npos) {
      std::string request = pending_.substr(0, end + 4);
      pending_.erase(0, end + 4);
      return request;
    }
    std::array<char, 4096> buffer{};
    const ssize_t got = ssl_ != nullptr
                            ? SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()))
                            : ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      return "";
    }
    pending_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

bool LoopbackServer::Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ssl_ != nullptr
                             ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                             : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void LoopbackServer::Connection::wait_for_close() {
  while (!read_request().empty()) {
  }
}

LoopbackServer::LoopbackServer(Script script, int family, std::uint16_t port, SSL_CTX* tls)
    : script_(std::move(script)), tls_(tls), listener_(bind_loopback(family, port)) {
  // Writes of OpenSSL to a closed connection; the library under test must not rely on this.
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c)
  LEEWARD_CHECK(listener_ >= 0 && ::listen(listener_, 512) == 0, "loopback can be listened on");
  port_ = port_of(listener_);
  acceptor_ = std::thread([this] { accept_all(); });
}

void LoopbackServer::accept_all() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (stopping_ || socket < 0) {
      if (socket >= 0) {
        ::close(socket);
      }
      return;
    }
    const int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ++connections_;
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket] { converse(socket); });
  }
}

void LoopbackServer::converse(int socket) {
  SSL* ssl = nullptr;
  if (tls_ != nullptr) {
    ssl = SSL_new(tls_);
    SSL_set_fd(ssl, socket);
  }
  if (ssl == nullptr || SSL_accept(ssl) == 1) {
    Connection connection(socket, ssl);
    script_(connection);
  }
  SSL_free(ssl);
  ::shutdown(socket, SHUT_RDWR);
}

void LoopbackServer::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_.exchange(true)) {
      return;
    }
    for (const int socket : sockets_) {
      ::shutdown(socket, SHUT_RDWR);
    }
  }
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& thread : threads_) {
    thread.join();
  }
  for (const int socket : sockets_) {
    ::close(socket);
  }
  ::close(listener_);
}

}  // namespace leeward::probe
