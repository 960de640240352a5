// SPDX-License-Identifier: Apache-2.0
//
// Servers for tests, on loopback and ephemeral ports: LoopbackServer runs a script per connection
// on a thread (hostile ones included); serve_plain() is a small and fast epoll loop for processes
// that get killed or frozen, and for load.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/socket.h>

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;

namespace leeward::probe {

// A socket bound to a loopback address; `port` 0: any. -1 if the family is not available.
int bind_loopback(int family, std::uint16_t port = 0);
std::uint16_t port_of(int socket);

// Answers every request on every connection with 200 and a short body, until `stop` or for ever.
void serve_plain(const std::vector<int>& listeners, const std::atomic<bool>* stop);

class LoopbackServer {
 public:
  class Connection {
   public:
    Connection(int socket, SSL* ssl) : socket_(socket), ssl_(ssl) {}
    // Reads up to the empty line; "" when the client has gone.
    std::string read_request();
    bool send(std::string_view bytes);  // false when the client has gone
    void wait_for_close();
    [[nodiscard]] SSL* ssl() const { return ssl_; }

   private:
    int socket_;
    SSL* ssl_;
    std::string pending_;
  };
  using Script = std::function<void(Connection&)>;

  explicit LoopbackServer(Script script, int family = AF_INET, std::uint16_t port = 0,
                          SSL_CTX* tls = nullptr);
  ~LoopbackServer() { stop(); }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  void stop();  // closes all connections
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_.load(); }

 private:
  void accept_all();
  void converse(int socket);

  Script script_;
  SSL_CTX* tls_;
  int listener_;
  std::uint16_t port_;
  std::atomic<int> connections_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // sockets_ and threads_
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace leeward::probe
