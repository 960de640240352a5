// SPDX-License-Identifier: Apache-2.0
//
// A batch of datagrams for recvmmsg and sendmmsg, shared by the echo floor and the generator.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace leeward::bench {

inline constexpr std::size_t kBatch = 64;
inline constexpr std::size_t kDatagramMax = 4096;

struct Batch {
  std::array<std::array<std::uint8_t, kDatagramMax>, kBatch> buffers{};
  std::array<iovec, kBatch> vectors{};
  std::array<sockaddr_storage, kBatch> peers{};
  std::array<mmsghdr, kBatch> messages{};

  explicit Batch(bool with_peers) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      vectors[i] = {buffers[i].data(), kDatagramMax};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      if (with_peers) {
        messages[i].msg_hdr.msg_name = &peers[i];
      }
    }
    reset();
  }

  // Before each receive: the kernel overwrote the lengths.
  void reset() {
    for (std::size_t i = 0; i < kBatch; ++i) {
      vectors[i].iov_len = kDatagramMax;
      if (messages[i].msg_hdr.msg_name != nullptr) {
        messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
      }
    }
  }
};

[[noreturn]] inline void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

inline sockaddr_in ipv4(const std::string& address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  if (inet_pton(AF_INET, address.c_str(), &result.sin_addr) != 1) {
    die("address");
  }
  return result;
}

inline int udp_socket() {
  const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) {
    die("socket");
  }
  const int bytes = 4 << 20;
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) != 0 ||
      setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) != 0) {
    die("setsockopt");
  }
  return descriptor;
}

}  // namespace leeward::bench
