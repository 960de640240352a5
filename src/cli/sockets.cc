// SPDX-License-Identifier: Apache-2.0
#include "cli/sockets.h"

#include <charconv>
#include <cstdint>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace leeward::cli {

Result<SocketAddress> parse_endpoint(const std::string& what, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  std::uint16_t port = 0;
  const bool has_port = colon != std::string::npos && colon + 1 < text.size();
  const auto parsed =
      has_port ? std::from_chars(text.data() + colon + 1, text.data() + text.size(), port)
               : std::from_chars_result{nullptr, std::errc::invalid_argument};
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  SocketAddress server;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&server.storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&server.storage);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && port != 0) {
    if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
      v4->sin_family = AF_INET;
      v4->sin_port = htons(port);
      server.length = sizeof(sockaddr_in);
      return server;
    }
    if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
      v6->sin6_family = AF_INET6;
      v6->sin6_port = htons(port);
      server.length = sizeof(sockaddr_in6);
      return server;
    }
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: expected ADDRESS:PORT, as in 127.0.0.1:5353 or [::1]:53", what));
}

}  // namespace leeward::cli
