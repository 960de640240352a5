// SPDX-License-Identifier: Apache-2.0
#include "server/socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <unistd.h>

namespace leeward::server {
namespace {

constexpr int kReceiveBufferBytes = 4 << 20;
constexpr int kTcpBacklog = 256;
constexpr int kAnyPortAttemptsMax = 16;

std::string printed(const config::Endpoint& endpoint) {
  const bool v6 = endpoint.address.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", endpoint.address, endpoint.port)
            : fmt::format("{}:{}", endpoint.address, endpoint.port);
}

Error explain(int error, std::string_view protocol, const config::Endpoint& endpoint) {
  const std::string where = fmt::format("cannot listen on {} {}", protocol, printed(endpoint));
  switch (error) {
    case EADDRINUSE:
      return {ErrorCode::kUnavailable,
              fmt::format("{}: another program uses that port (ss -lntup 'sport = :{}' shows it); "
                          "stop it or choose another port under dns.listen",
                          where, endpoint.port)};
    case EACCES:
    case EPERM:
      return {ErrorCode::kPermissionDenied,
              fmt::format("{}: no permission; ports below 1024 need the capability "
                          "CAP_NET_BIND_SERVICE, or choose a port above 1023",
                          where)};
    case EADDRNOTAVAIL:
      return {ErrorCode::kInvalidArgument,
              fmt::format("{}: this machine has no such address (ip address shows those it has)",
                          where)};
    case EAFNOSUPPORT:
      return {ErrorCode::kUnavailable,
              fmt::format("{}: this machine's kernel does not speak that version of IP", where)};
    case EMFILE:
    case ENFILE:
      return {ErrorCode::kResourceExhausted,
              fmt::format("{}: no file descriptors left; raise the limit (ulimit -n)", where)};
    default:
      return {ErrorCode::kUnavailable,
              fmt::format("{}: {}", where, std::generic_category().message(error))};
  }
}

bool set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

int level_of(const SocketAddress& address) {
  return address.storage.ss_family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
}

// Asks the kernel for each packet's destination, so that the answer leaves from there.
bool ask_destination(int fd, const SocketAddress& address) {
  return level_of(address) == IPPROTO_IPV6 ? set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
                                           : set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
}

struct BindOptions {
  int type = SOCK_DGRAM;
  bool reuse_port = false;
};

// errno in the error case.
std::expected<UniqueFd, int> bind_socket(const SocketAddress& address, BindOptions options) {
  UniqueFd fd(socket(address.storage.ss_family, options.type | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return std::unexpected(errno);
  }
  const bool v6 = address.storage.ss_family == AF_INET6;
  if ((v6 && !set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1)) ||
      (options.reuse_port && !set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1)) ||
      (options.type == SOCK_STREAM && !set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1)) ||
      bind(fd.get(), address.raw(), address.size) != 0) {
    return std::unexpected(errno);
  }
  return fd;
}

std::expected<UniqueFd, int> bind_udp_worker(const SocketAddress& address) {
  auto fd = bind_socket(address, {.type = SOCK_DGRAM, .reuse_port = true});
  if (!fd) {
    return fd;
  }
  // Refreshes an idle worker's snapshot, and bounds the wait for stop() should the kernel not wake
  // the worker.
  const timeval timeout{.tv_sec = 1, .tv_usec = 0};
  if (setsockopt(fd->get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0 ||
      (address.is_wildcard() && !ask_destination(fd->get(), address))) {
    return std::unexpected(errno);
  }
  // Both are wishes. Answers fit 1,232 bytes, so a forged "fragmentation needed" message shall not
  // make the kernel fragment them.
  (void)set_option(fd->get(), SOL_SOCKET, SO_RCVBUF, kReceiveBufferBytes);
  if (level_of(address) == IPPROTO_IP) {
    (void)set_option(fd->get(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
  }
  return fd;
}

std::expected<UniqueFd, int> bind_tcp(const SocketAddress& address) {
  auto fd = bind_socket(address, {.type = SOCK_STREAM | SOCK_NONBLOCK, .reuse_port = false});
  if (fd && listen(fd->get(), kTcpBacklog) != 0) {
    return std::unexpected(errno);
  }
  return fd;
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return 0;
  }
  return ntohs(storage.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port
                   : reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

Result<BoundEndpoint> bind_at(const config::Endpoint& endpoint, int workers) {
  ASSIGN_OR_RETURN(SocketAddress address, to_socket_address(endpoint));
  BoundEndpoint bound{
      .endpoint = endpoint, .wildcard = address.is_wildcard(), .udp = {}, .tcp = {}};
  {
    auto tcp = bind_tcp(address);
    if (!tcp) {
      return fail(explain(tcp.error(), "TCP", endpoint));
    }
    bound.tcp = std::move(*tcp);
    bound.endpoint.port = bound_port(bound.tcp.get());
    ASSIGN_OR_RETURN(address, to_socket_address(bound.endpoint));
  }
  // Without SO_REUSEPORT, to find out whether anybody else is there.
  if (const auto alone = bind_socket(address, {}); !alone) {
    return fail(explain(alone.error(), "UDP", bound.endpoint));
  }
  for (int i = 0; i < workers; ++i) {
    auto udp = bind_udp_worker(address);
    if (!udp) {
      return fail(explain(udp.error(), "UDP", bound.endpoint));
    }
    bound.udp.push_back(std::move(*udp));
  }
  return bound;
}

}  // namespace

void UniqueFd::reset() {
  if (fd_ >= 0) {
    (void)close(std::exchange(fd_, -1));
  }
}

bool SocketAddress::is_wildcard() const {
  if (storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    return IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
  }
  return reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr.s_addr == INADDR_ANY;
}

routing::ClientNetwork network_of(const sockaddr_storage& address) {
  routing::ClientNetwork network;
  if (address.ss_family == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, &address, sizeof ipv4);
    network.family = 4;
    network.prefix_bits = 32;
    std::memcpy(network.address.data(), &ipv4.sin_addr, sizeof ipv4.sin_addr);
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 ipv6{};
    std::memcpy(&ipv6, &address, sizeof ipv6);
    const std::uint8_t* bytes = ipv6.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
      network.family = 4;
      network.prefix_bits = 32;
      std::memcpy(network.address.data(), bytes + 12, 4);
    } else {
      network.family = 6;
      network.prefix_bits = 128;
      std::memcpy(network.address.data(), bytes, 16);
    }
  }
  return network;
}

Result<SocketAddress> to_socket_address(const config::Endpoint& endpoint) {
  SocketAddress address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET, endpoint.address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(endpoint.port);
    address.size = sizeof *v4;
  } else if (inet_pton(AF_INET6, endpoint.address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(endpoint.port);
    address.size = sizeof *v6;
  } else {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("cannot listen on '{}': not an IP address", endpoint.address));
  }
  return address;
}

Result<BoundEndpoint> bind_endpoint(const config::Endpoint& endpoint, int workers) {
  Result<BoundEndpoint> bound = bind_at(endpoint, workers);
  // Any port: the one that the system chose for TCP may be taken on UDP.
  for (int attempt = 1;
       endpoint.port == 0 && !bound && bound.error().code == ErrorCode::kUnavailable &&
       attempt < kAnyPortAttemptsMax;
       ++attempt) {
    bound = bind_at(endpoint, workers);
  }
  return bound;
}

}  // namespace leeward::server
