// SPDX-License-Identifier: Apache-2.0
//
// Sockets with an owner, and errors that say what to do.
#pragma once

#include <utility>
#include <vector>

#include <sys/socket.h>

#include "base/result.h"
#include "config/config.h"
#include "routing/client_network.h"

namespace leeward::server {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() { reset(); }
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] bool is_wildcard() const;
  [[nodiscard]] const sockaddr* raw() const {
    return reinterpret_cast<const sockaddr*>(&storage);  // the sockets API's own way
  }
};

// The address alone; an IPv4 address that came over IPv6 as what it is.
[[nodiscard]] routing::ClientNetwork network_of(const sockaddr_storage& address);

Result<SocketAddress> to_socket_address(const config::Endpoint& endpoint);

// UDP sockets that share one port (SO_REUSEPORT), one per worker, and the TCP listener on it.
struct BoundEndpoint {
  config::Endpoint endpoint;  // with the port that the system chose, if it was 0
  bool wildcard = false;      // 0.0.0.0 or ::
  std::vector<UniqueFd> udp;  // blocking, with a receive timeout
  UniqueFd tcp;               // non-blocking, listening
};

// A port that another program uses is an error even where the kernel would let us share it.
Result<BoundEndpoint> bind_endpoint(const config::Endpoint& endpoint, int workers);

}  // namespace leeward::server
