// SPDX-License-Identifier: Apache-2.0
//
// What commands that talk to other servers than the daemon share.
#pragma once

#include <string>

#include <sys/socket.h>
#include <unistd.h>

#include "base/result.h"

namespace leeward::cli {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

// "192.0.2.1:53" or "[2001:db8::1]:53"; kInvalidArgument: it is neither. `what` names it there.
Result<SocketAddress> parse_endpoint(const std::string& what, const std::string& text);

// A descriptor that is closed in the end.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  Socket(Socket&& from) noexcept : fd_(from.fd_) { from.fd_ = -1; }
  Socket& operator=(Socket&&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace leeward::cli
