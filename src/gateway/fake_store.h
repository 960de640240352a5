// SPDX-License-Identifier: Apache-2.0
//
// A store for tests: an HTTP server on loopback whose answers the test decides, and a client that
// sends bytes as they are. Blocking, a thread per connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace leeward::gateway {

struct FakeAnswer {
  int status = 200;
  std::string body = "{}";
  bool close_after = false;  // without having said so: a stale keep-alive connection
  std::string raw{};         // these bytes instead, one by one, then the connection ends
};

class FakeStore {
 public:
  // Nothing: the connection is closed instead. Called from any connection's thread.
  using Handler =
      std::function<std::optional<FakeAnswer>(std::string_view target, std::string_view body)>;

  explicit FakeStore(Handler handler);
  ~FakeStore();
  FakeStore(const FakeStore&) = delete;
  FakeStore& operator=(const FakeStore&) = delete;

  [[nodiscard]] std::string url() const;
  // Requests whose target ends in `operation`.
  [[nodiscard]] int count(std::string_view operation) const;

 private:
  void accept();
  void serve(int connection);

  Handler handler_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> targets_;
  std::vector<int> connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// One connection of a client.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes) const;
  // The next answer, headers and body, or "" where the connection ended instead.
  [[nodiscard]] std::string receive();

 private:
  int socket_ = -1;
  std::string received_;
};

}  // namespace leeward::gateway
