// SPDX-License-Identifier: Apache-2.0
#include "server/test_support.h"

#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/check.h"
#include "dns/compile.h"

namespace leeward::server {
namespace {

constexpr int kReceiveDeadlineSeconds = 20;

std::string zone_text(const std::string& address) {
  std::string text =
      "$ORIGIN example.test.\n$TTL 60\n"
      "@ IN SOA ns1 hostmaster 1 3600 600 86400 60\n"
      "@ IN NS ns1\n"
      "ns1 IN A 127.0.0.1\n";
  text += "www IN A " + address + "\nwww IN AAAA 2001:db8::1\n";
  for (int i = 0; i < 40; ++i) {
    text += fmt::format("big IN TXT \"{:0>100}\"\n", i);
    text += fmt::format("many IN A 192.0.2.{}\n", i + 1);
  }
  return text;
}

dns::Tables compiled(const dns::CompileInput& input) {
  auto tables = dns::compile(input);
  if (!tables) {
    ADD_FAILURE() << dns::format_problem(tables.error().front());
    return {};
  }
  return std::move(*tables);
}

ApplicationRegion region(const std::string& name, const std::string& address) {
  ApplicationRegion made;
  made.region = RegionId(name);
  made.addresses = {address};
  made.check.id = HealthCheckId("shop/" + name);
  made.check.address = address;
  return made;
}

}  // namespace

std::shared_ptr<const Snapshot> zone_snapshot(const std::string& address) {
  dns::CompileInput input;
  input.zones.push_back({"example.test.zone", zone_text(address)});
  return std::make_shared<Snapshot>(
      Snapshot{.tables = compiled(input), .board = std::make_shared<HealthBoard>(0)});
}

AppSnapshot app_snapshot() {
  dns::CompileInput input;
  Application shop;
  shop.id = ApplicationId("shop");
  shop.hostnames = {"app.example.test"};
  shop.regions = {region("A", "192.0.2.10"), region("B", "192.0.2.20")};
  input.applications = {shop};
  input.layout = routing::BoardLayout(input.applications);
  auto board = std::make_shared<HealthBoard>(input.layout.size());
  for (BoardSlot slot = 0; slot < board->size(); ++slot) {
    board->store(slot, BoardWord::of(Health::kHealthy));
  }
  const BoardSlot active = input.layout.application(shop.id).value();
  board->store(active, BoardWord::of_region_index(0));
  auto snapshot = std::make_shared<Snapshot>(Snapshot{.tables = compiled(input), .board = board});
  return {.snapshot = std::move(snapshot), .board = std::move(board), .active = active};
}

DnsServerOptions loopback_options() {
  return {.listen = {{"127.0.0.1", 0}}, .workers = 2, .tcp = {}, .seed = 1};
}

std::unique_ptr<DnsServer> start_server(const DnsServerOptions& options,
                                        std::shared_ptr<const Snapshot> snapshot) {
  auto server = DnsServer::start(options, std::move(snapshot));
  LEEWARD_CHECK(server.has_value(), server ? "" : server.error().message.c_str());
  return std::move(*server);
}

Bytes make_query(std::uint16_t id, std::string_view name, std::uint16_t type,
                 std::uint16_t edns_bytes) {
  const auto push16 = [](Bytes& out, unsigned value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8U));
    out.push_back(static_cast<std::uint8_t>(value & 0xFFU));
  };
  Bytes out;
  for (const unsigned field : {unsigned{id}, 0x0100U, 1U, 0U, 0U, edns_bytes > 0 ? 1U : 0U}) {
    push16(out, field);
  }
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  out.push_back(0);
  push16(out, type);
  push16(out, 1);
  if (edns_bytes > 0) {
    out.push_back(0);
    push16(out, 41);
    push16(out, edns_bytes);
    out.insert(out.end(), 6, 0);
  }
  return out;
}

Bytes framed(const Bytes& message) {
  Bytes out = {static_cast<std::uint8_t>(message.size() >> 8U),
               static_cast<std::uint8_t>(message.size() & 0xFFU)};
  out.insert(out.end(), message.begin(), message.end());
  return out;
}

std::uint16_t id_of(const Bytes& message) {
  return static_cast<std::uint16_t>((message.at(0) << 8) | message.at(1));
}
int rcode_of(const Bytes& message) {
  return message.at(3) & 0x0F;
}
bool is_truncated(const Bytes& message) {
  return (message.at(2) & 0x02) != 0;
}
int answers_of(const Bytes& message) {
  return (message.at(6) << 8) | message.at(7);
}
std::string last_address_of(const Bytes& message) {
  const std::size_t at = message.size() - 4;
  return fmt::format("{}.{}.{}.{}", message.at(at), message.at(at + 1), message.at(at + 2),
                     message.at(at + 3));
}

UniqueFd connect_to(const config::Endpoint& endpoint, int type) {
  const auto address = to_socket_address(endpoint);
  LEEWARD_CHECK(address.has_value(), "a test connects to an address");
  UniqueFd fd(socket(address->storage.ss_family, type | SOCK_CLOEXEC, 0));
  const timeval deadline{.tv_sec = kReceiveDeadlineSeconds, .tv_usec = 0};
  (void)setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline);
  if (connect(fd.get(), address->raw(), address->size) != 0) {
    ADD_FAILURE() << "connect: errno " << errno;
  }
  return fd;
}

bool send_all(int fd, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      return false;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

std::optional<Bytes> receive_datagram(int fd) {
  Bytes message(65'535);
  const ssize_t size = recv(fd, message.data(), message.size(), 0);
  if (size < 0) {
    return std::nullopt;
  }
  message.resize(static_cast<std::size_t>(size));
  return message;
}

std::optional<Bytes> receive_frame(int fd) {
  std::array<std::uint8_t, 2> length{};
  if (recv(fd, length.data(), length.size(), MSG_WAITALL) != 2) {
    return std::nullopt;
  }
  Bytes message(static_cast<std::size_t>((length[0] << 8) | length[1]));
  const ssize_t size = recv(fd, message.data(), message.size(), MSG_WAITALL);
  return size == static_cast<ssize_t>(message.size()) ? std::optional(message) : std::nullopt;
}

bool is_closed_by_server(int fd) {
  std::array<std::uint8_t, 4096> ignored{};
  ssize_t got = 0;
  do {
    got = recv(fd, ignored.data(), ignored.size(), 0);
  } while (got > 0);
  return got == 0 || errno == ECONNRESET;
}

std::optional<Bytes> ask_udp(const config::Endpoint& endpoint, const Bytes& query) {
  const UniqueFd fd = connect_to(endpoint, SOCK_DGRAM);
  return send_all(fd.get(), query) ? receive_datagram(fd.get()) : std::nullopt;
}

std::optional<Bytes> ask_tcp(const config::Endpoint& endpoint, const Bytes& query) {
  const UniqueFd fd = connect_to(endpoint, SOCK_STREAM);
  return send_all(fd.get(), framed(query)) ? receive_frame(fd.get()) : std::nullopt;
}

}  // namespace leeward::server
