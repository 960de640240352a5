// SPDX-License-Identifier: Apache-2.0
//
// A server to test on loopback, and clients with a deadline.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "server/dns_server.h"
#include "server/socket.h"

namespace leeward::server {

using Bytes = std::vector<std::uint8_t>;

// example.test with www (A, AAAA), a TXT set too large for UDP (big), many addresses (many) and the
// A record `address` at www.
std::shared_ptr<const Snapshot> zone_snapshot(const std::string& address = "192.0.2.1");

// An application at app.example.test in two regions, 192.0.2.10 and 192.0.2.20, and its board.
struct AppSnapshot {
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<HealthBoard> board;
  BoardSlot active = 0;  // the word that holds the active region's index
};
AppSnapshot app_snapshot();

DnsServerOptions loopback_options();

std::unique_ptr<DnsServer> start_server(const DnsServerOptions& options = loopback_options(),
                                        std::shared_ptr<const Snapshot> snapshot = zone_snapshot());

constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypeTxt = 16;

Bytes make_query(std::uint16_t id, std::string_view name, std::uint16_t type = kTypeA,
                 std::uint16_t edns_bytes = 0);
Bytes framed(const Bytes& message);

std::uint16_t id_of(const Bytes& message);
int rcode_of(const Bytes& message);
bool is_truncated(const Bytes& message);
int answers_of(const Bytes& message);
// The last four bytes, which are the address in an answer with one A record and no OPT.
std::string last_address_of(const Bytes& message);

// Connected to the server, with a receive deadline that a working server never needs.
UniqueFd connect_to(const config::Endpoint& endpoint, int type);
bool send_all(int fd, std::span<const std::uint8_t> bytes);
std::optional<Bytes> receive_datagram(int fd);
// The next framed message; nullopt at the end of the stream.
std::optional<Bytes> receive_frame(int fd);
// The server closed or reset the connection, perhaps after more bytes.
bool is_closed_by_server(int fd);

std::optional<Bytes> ask_udp(const config::Endpoint& endpoint, const Bytes& query);
std::optional<Bytes> ask_tcp(const config::Endpoint& endpoint, const Bytes& query);

// Polls `condition` until it holds; false after a deadline far beyond any machine's slowness.
template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition()) {
      return true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace leeward::server
