// SPDX-License-Identifier: Apache-2.0
//
// The floor: a server that does nothing but recvmmsg and sendmmsg. It answers each datagram with
// itself and sixteen bytes more, the size of an A record in the answer section, and sets the QR
// bit.
#include <cerrno>
#include <cstring>

#include <CLI/CLI.hpp>

#include "socket_batch.h"

int main(int argc, char** argv) {
  using namespace leeward::bench;
  std::string address = "127.0.0.1";
  std::uint16_t port = 5300;
  CLI::App app{"Echoes UDP datagrams: the floor that DNS servers are compared with"};
  app.add_option("--address", address, "IPv4 address to bind");
  app.add_option("--port", port, "port to bind");
  CLI11_PARSE(app, argc, argv);

  const int descriptor = udp_socket();
  const sockaddr_in local = ipv4(address, port);
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) {
    die("bind");
  }
  Batch batch(true);
  for (;;) {
    batch.reset();
    const int received =
        recvmmsg(descriptor, batch.messages.data(), kBatch, MSG_WAITFORONE, nullptr);
    if (received < 0) {
      if (errno == EINTR) {
        continue;
      }
      die("recvmmsg");
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
      const std::size_t length = batch.messages[i].msg_len;
      if (length > 2) {
        batch.buffers[i][2] |= 0x80;
      }
      batch.vectors[i].iov_len = std::min(length + 16, kDatagramMax);
    }
    for (int sent = 0; sent < received;) {
      const int now = sendmmsg(descriptor, batch.messages.data() + sent,
                               static_cast<unsigned>(received - sent), 0);
      sent += now > 0 ? now : 1;  // a datagram that cannot be sent is dropped, like a real server's
    }
  }
}
