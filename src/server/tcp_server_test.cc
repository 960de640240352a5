// SPDX-License-Identifier: Apache-2.0
//
// DNS over TCP with clients that are slow, greedy or broken.
#include "server/tcp_server.h"

#include <cerrno>
#include <chrono>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/test_support.h"

namespace leeward::server {
namespace {

using std::chrono::milliseconds;

Bytes pipelined(int count, std::string_view name, std::uint16_t type = kTypeA) {
  Bytes stream;
  for (int i = 0; i < count; ++i) {
    const Bytes one = framed(make_query(static_cast<std::uint16_t>(i), name, type));
    stream.insert(stream.end(), one.begin(), one.end());
  }
  return stream;
}

TEST(TcpServer, AnswersAHundredPipelinedQueriesInOrder) {
  const auto server = start_server();
  const UniqueFd fd = connect_to(server->endpoints().at(0), SOCK_STREAM);
  ASSERT_TRUE(send_all(fd.get(), pipelined(100, "www.example.test")));
  for (int i = 0; i < 100; ++i) {
    const auto answer = receive_frame(fd.get());
    ASSERT_TRUE(answer) << i;
    EXPECT_EQ(id_of(*answer), i);
  }
}

TEST(TcpServer, PutsAQueryTogetherFromSingleBytes) {
  const auto server = start_server();
  const UniqueFd fd = connect_to(server->endpoints().at(0), SOCK_STREAM);
  for (int round = 0; round < 2; ++round) {
    for (const std::uint8_t byte : framed(make_query(3, "www.example.test"))) {
      ASSERT_TRUE(send_all(fd.get(), {&byte, 1}));
    }
    const auto answer = receive_frame(fd.get());
    ASSERT_TRUE(answer);
    EXPECT_EQ(last_address_of(*answer), "192.0.2.1");
  }
}

TEST(TcpServer, ALengthInTwoPiecesIsOneLength) {
  const auto server = start_server();
  const UniqueFd fd = connect_to(server->endpoints().at(0), SOCK_STREAM);
  const Bytes query = framed(make_query(3, "www.example.test"));
  ASSERT_TRUE(send_all(fd.get(), std::span(query).first(1)));
  ASSERT_TRUE(eventually([&] { return server->counters().received_bytes == 1; }));
  ASSERT_TRUE(send_all(fd.get(), std::span(query).subspan(1)));
  EXPECT_TRUE(receive_frame(fd.get()));
}

TEST(TcpServer, AHalfClosedClientGetsItsAnswers) {
  const auto server = start_server();
  const UniqueFd fd = connect_to(server->endpoints().at(0), SOCK_STREAM);
  ASSERT_TRUE(send_all(fd.get(), pipelined(300, "big.example.test", kTypeTxt)));
  ASSERT_EQ(shutdown(fd.get(), SHUT_WR), 0);
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(receive_frame(fd.get())) << i;
  }
  EXPECT_EQ(receive_frame(fd.get()), std::nullopt);
}

TEST(TcpServer, AnImpossibleLengthEndsTheConnection) {
  const auto server = start_server();
  const UniqueFd fd = connect_to(server->endpoints().at(0), SOCK_STREAM);
  ASSERT_TRUE(send_all(fd.get(), Bytes{0xFF, 0xFF, 1, 2, 3}));
  EXPECT_TRUE(is_closed_by_server(fd.get()));
  EXPECT_TRUE(eventually([&] { return server->counters().tcp_refused == 1; }));
}

TEST(TcpServer, RubbishInFramesIsNotFatal) {
  const auto server = start_server();
  const UniqueFd fd = connect_to(server->endpoints().at(0), SOCK_STREAM);
  ASSERT_TRUE(send_all(fd.get(), Bytes{0, 0, 0, 3, 1, 2, 3}));
  ASSERT_TRUE(send_all(fd.get(), framed(make_query(5, "www.example.test"))));
  const auto answer = receive_frame(fd.get());
  ASSERT_TRUE(answer);
  EXPECT_EQ(id_of(*answer), 5);
  EXPECT_EQ(server->counters().ignored, 2U);
}

// A byte now and then is not activity.
TEST(TcpServer, ASlowlorisIsDisconnected) {
  DnsServerOptions options = loopback_options();
  options.tcp.idle_timeout = milliseconds(300);
  const auto server = start_server(options);
  const UniqueFd fd = connect_to(server->endpoints().at(0), SOCK_STREAM);
  const Bytes start = {0x0F, 0x00};
  ASSERT_TRUE(send_all(fd.get(), start));
  EXPECT_TRUE(eventually([&] {
    const std::uint8_t byte = 0;
    return !send_all(fd.get(), {&byte, 1});
  }));
  EXPECT_TRUE(eventually([&] { return server->counters().tcp_timed_out == 1; }));
  EXPECT_EQ(server->counters().tcp_open, 0U);
}

TEST(TcpServer, ASilentClientIsDisconnected) {
  DnsServerOptions options = loopback_options();
  options.tcp.idle_timeout = milliseconds(200);
  const auto server = start_server(options);
  const UniqueFd fd = connect_to(server->endpoints().at(0), SOCK_STREAM);
  EXPECT_TRUE(is_closed_by_server(fd.get()));
}

// Asks for megabytes of answers and reads none: the server stops reading, keeps little, serves
// others meanwhile, and gives up on it.
TEST(TcpServer, ASlowReaderIsBoundedAndHarmsNobody) {
  DnsServerOptions options = loopback_options();
  options.tcp.idle_timeout = milliseconds(1500);
  const auto server = start_server(options);
  const config::Endpoint& endpoint = server->endpoints().at(0);
  const UniqueFd greedy = connect_to(endpoint, SOCK_STREAM);
  const int small = 4096;
  (void)setsockopt(greedy.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  ASSERT_EQ(fcntl(greedy.get(), F_SETFL, O_NONBLOCK), 0);
  const Bytes stream = pipelined(1000, "big.example.test", kTypeTxt);
  std::size_t accepted = 0;
  const bool gave_up = eventually([&] {
    const ssize_t sent = send(greedy.get(), stream.data(), stream.size(), MSG_NOSIGNAL);
    accepted += sent > 0 ? static_cast<std::size_t>(sent) : 0;
    EXPECT_TRUE(ask_tcp(endpoint, make_query(1, "www.example.test")));
    return sent < 0 && errno != EAGAIN;
  });
  EXPECT_TRUE(gave_up);
  EXPECT_LT(accepted, 32UL << 20);
  EXPECT_TRUE(eventually([&] { return server->counters().tcp_timed_out >= 1; }));
}

TEST(TcpServer, TheIdlestGoesWhenThereAreTooMany) {
  DnsServerOptions options = loopback_options();
  options.tcp.connections_max = 3;
  const auto server = start_server(options);
  const config::Endpoint& endpoint = server->endpoints().at(0);
  const Bytes query = framed(make_query(1, "www.example.test"));
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect_to(endpoint, SOCK_STREAM));
    ASSERT_TRUE(send_all(clients.back().get(), query));
    ASSERT_TRUE(receive_frame(clients.back().get()));
  }
  ASSERT_TRUE(send_all(clients[0].get(), query));  // now the second is the idlest
  ASSERT_TRUE(receive_frame(clients[0].get()));
  clients.push_back(connect_to(endpoint, SOCK_STREAM));
  EXPECT_TRUE(is_closed_by_server(clients[1].get()));
  for (const int kept : {0, 2, 3}) {
    ASSERT_TRUE(send_all(clients[static_cast<std::size_t>(kept)].get(), query)) << kept;
    EXPECT_TRUE(receive_frame(clients[static_cast<std::size_t>(kept)].get())) << kept;
  }
  EXPECT_EQ(server->counters().tcp_evicted, 1U);
}

TEST(TcpServer, OneClientCannotTakeAllConnections) {
  DnsServerOptions options = loopback_options();
  options.listen = {{"0.0.0.0", 0}};
  options.tcp.connections_per_client_max = 2;
  const auto server = start_server(options);
  const std::uint16_t port = server->endpoints().at(0).port;
  const Bytes query = framed(make_query(1, "www.example.test"));
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect_to({"127.0.0.1", port}, SOCK_STREAM));
    ASSERT_TRUE(send_all(clients.back().get(), query));
    ASSERT_TRUE(receive_frame(clients.back().get()));
  }
  EXPECT_TRUE(is_closed_by_server(clients[0].get()));
  EXPECT_EQ(server->counters().tcp_open, 2U);
}

// Out of descriptors, a client is refused rather than left hanging, and the server does not spin.
TEST(TcpServer, SurvivesRunningOutOfDescriptors) {
  const auto server = start_server();
  const config::Endpoint endpoint = server->endpoints().at(0);
  const auto address = to_socket_address(endpoint);
  ASSERT_TRUE(address);
  UniqueFd waiting(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  std::vector<UniqueFd> taken;
  rlimit low = before;
  low.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  const auto open_one = [] { return UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)); };
  for (UniqueFd fd = open_one(); fd.valid(); fd = open_one()) {
    taken.push_back(std::move(fd));
  }
  EXPECT_EQ(connect(waiting.get(), address->raw(), address->size), 0);
  EXPECT_TRUE(is_closed_by_server(waiting.get()));
  EXPECT_GE(server->counters().accept_failed, 1U);
  taken.clear();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(ask_tcp(endpoint, make_query(1, "www.example.test")));
}

}  // namespace
}  // namespace leeward::server
