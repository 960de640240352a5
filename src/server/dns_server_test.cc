// SPDX-License-Identifier: Apache-2.0
#include "server/dns_server.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rng.h"
#include "server/test_support.h"

namespace leeward::server {
namespace {

using ::testing::HasSubstr;

TEST(DnsServer, AnswersOverUdpAndTcpOnTheSamePort) {
  const auto server = start_server();
  const config::Endpoint& endpoint = server->endpoints().at(0);
  ASSERT_NE(endpoint.port, 0);
  for (const auto& answer : {ask_udp(endpoint, make_query(7, "www.example.test")),
                             ask_tcp(endpoint, make_query(7, "www.example.test"))}) {
    ASSERT_TRUE(answer);
    EXPECT_EQ(id_of(*answer), 7);
    EXPECT_EQ(rcode_of(*answer), 0);
    EXPECT_EQ(last_address_of(*answer), "192.0.2.1");
  }
}

TEST(DnsServer, ListensOnSeveralAddressesIncludingIpv6) {
  DnsServerOptions options = loopback_options();
  options.listen = {{"127.0.0.1", 0}, {"127.0.0.2", 0}, {"::1", 0}};
  const auto server = DnsServer::start(options, zone_snapshot());
  if (!server) {
    GTEST_SKIP() << "no IPv6 on loopback here: " << server.error().message;
  }
  ASSERT_EQ((*server)->endpoints().size(), 3U);
  for (const config::Endpoint& endpoint : (*server)->endpoints()) {
    EXPECT_TRUE(ask_udp(endpoint, make_query(1, "www.example.test"))) << endpoint.address;
    EXPECT_TRUE(ask_tcp(endpoint, make_query(2, "www.example.test"))) << endpoint.address;
  }
}

// A connected client accepts an answer only from the address that it asked.
TEST(DnsServer, AWildcardAnswersFromTheAddressThatWasAsked) {
  DnsServerOptions options = loopback_options();
  options.listen = {{"0.0.0.0", 0}};
  const auto server = start_server(options);
  for (const char* address : {"127.0.0.1", "127.0.0.2", "127.9.8.7"}) {
    const config::Endpoint asked{address, server->endpoints().at(0).port};
    EXPECT_TRUE(ask_udp(asked, make_query(1, "www.example.test"))) << address;
    EXPECT_TRUE(ask_tcp(asked, make_query(1, "www.example.test"))) << address;
  }
}

TEST(DnsServer, AnIpv6WildcardLeavesIpv4ToOthers) {
  // Another program may have the IPv4 port by chance (even a connection that waits to be
  // forgotten), so a few ports get a try.
  bool both = false;
  for (int attempt = 0; attempt < 20 && !both; ++attempt) {
    DnsServerOptions options = loopback_options();
    options.listen = {{"::", 0}};
    const auto six = DnsServer::start(options, zone_snapshot());
    if (!six) {
      GTEST_SKIP() << "no IPv6 here: " << six.error().message;
    }
    const std::uint16_t port = (*six)->endpoints().at(0).port;
    EXPECT_TRUE(ask_udp({"::1", port}, make_query(1, "www.example.test")));
    options.listen = {{"0.0.0.0", port}};
    both = DnsServer::start(options, zone_snapshot()).has_value();
  }
  EXPECT_TRUE(both);
}

// SO_REUSEPORT would let both have the port, each with half of the queries.
TEST(DnsServer, APortInUseIsAnErrorThatSaysSo) {
  const auto first = start_server();
  DnsServerOptions options = loopback_options();
  options.listen = first->endpoints();
  const auto second = DnsServer::start(options, zone_snapshot());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr("another program uses that port"));
}

TEST(DnsServer, APortThatIsInUseOnUdpAloneIsFoundToo) {
  UniqueFd other;
  config::Endpoint taken{"127.0.0.1", 0};
  {
    const auto bound = bind_endpoint(taken, 1);
    ASSERT_TRUE(bound);
    taken = bound->endpoint;
    other = UniqueFd(dup(bound->udp.at(0).get()));
  }  // TCP is free again; UDP is kept by `other`, with SO_REUSEPORT
  DnsServerOptions options = loopback_options();
  options.listen = {taken};
  const auto server = DnsServer::start(options, zone_snapshot());
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().message, HasSubstr("UDP"));
  EXPECT_THAT(server.error().message, HasSubstr("another program uses that port"));
}

TEST(DnsServer, BadAddressesAreErrorsThatSaySo) {
  DnsServerOptions options = loopback_options();
  options.listen = {{"192.0.2.1", 0}};
  EXPECT_THAT(DnsServer::start(options, zone_snapshot()).error().message,
              HasSubstr("this machine has no such address"));
  options.listen = {{"localhost", 53}};
  EXPECT_THAT(DnsServer::start(options, zone_snapshot()).error().message,
              HasSubstr("not an IP address"));
  options.listen = {};
  EXPECT_THAT(DnsServer::start(options, zone_snapshot()).error().message,
              HasSubstr("no address to listen on"));
}

TEST(DnsServer, StopsPromptlyAsOftenAsAskedAndFreesItsPort) {
  auto server = start_server();
  DnsServerOptions options = loopback_options();
  options.listen = server->endpoints();
  server->stop();
  server->stop();
  const auto again = DnsServer::start(options, zone_snapshot());
  EXPECT_TRUE(again) << again.error().message;
  EXPECT_EQ(server->counters().queries_udp, 0U);
}

TEST(DnsServer, TruncatesOnUdpAndGivesTheWholeAnswerOnTcp) {
  const auto server = start_server();
  const config::Endpoint& endpoint = server->endpoints().at(0);
  const auto udp = ask_udp(endpoint, make_query(1, "big.example.test", kTypeTxt, 4096));
  ASSERT_TRUE(udp);
  EXPECT_TRUE(is_truncated(*udp));
  EXPECT_LE(udp->size(), 1232U);
  const auto tcp = ask_tcp(endpoint, make_query(1, "big.example.test", kTypeTxt));
  ASSERT_TRUE(tcp);
  EXPECT_FALSE(is_truncated(*tcp));
  EXPECT_EQ(answers_of(*tcp), 40);
  EXPECT_TRUE(eventually([&] { return server->counters().truncated == 1; }));
}

// Resolvers hide randomness in the letter case of a name and compare it ("0x20").
TEST(DnsServer, TheQuestionComesBackAsItCame) {
  const auto server = start_server();
  const Bytes query = make_query(1, "wWw.eXaMpLe.TeSt");
  for (const auto& answer :
       {ask_udp(server->endpoints().at(0), query), ask_tcp(server->endpoints().at(0), query)}) {
    ASSERT_TRUE(answer);
    EXPECT_EQ(answers_of(*answer), 1);
    EXPECT_TRUE(std::equal(query.begin() + 12, query.end(), answer->begin() + 12));
  }
}

TEST(DnsServer, CountsWhatItDoes) {
  const auto server = start_server();
  const config::Endpoint& endpoint = server->endpoints().at(0);
  ASSERT_TRUE(ask_udp(endpoint, make_query(1, "www.example.test")));
  ASSERT_TRUE(ask_udp(endpoint, make_query(1, "none.example.test")));
  ASSERT_TRUE(ask_udp(endpoint, make_query(1, "www.elsewhere.test")));
  ASSERT_TRUE(ask_tcp(endpoint, make_query(1, "www.example.test")));
  ASSERT_TRUE(eventually([&] { return server->counters().tcp_open == 0; }));
  const DnsCounters counters = server->counters();
  EXPECT_EQ(counters.queries_udp, 3U);
  EXPECT_EQ(counters.queries_tcp, 1U);
  EXPECT_EQ(counters.tcp_accepted, 1U);
  EXPECT_EQ(counters.responses_by_rcode[0], 2U);
  EXPECT_EQ(counters.responses_by_rcode[3], 1U);
  EXPECT_EQ(counters.responses_by_rcode[5], 1U);
  EXPECT_EQ(counters.received_bytes, 34U + 35U + 36U + 34U + 2U);
  EXPECT_TRUE(eventually([&] {  // counted after the client has them
    return server->counters().sent_bytes > server->counters().received_bytes;
  }));
}

TEST(DnsServer, SurvivesAFloodOfRubbish) {
  const auto server = start_server();
  const config::Endpoint& endpoint = server->endpoints().at(0);
  const UniqueFd fd = connect_to(endpoint, SOCK_DGRAM);
  Rng rng(5);
  const Bytes good = make_query(1, "www.example.test", kTypeA, 1232);
  for (int i = 0; i < 5000; ++i) {
    Bytes packet = good;
    if (i % 2 == 0) {
      packet.resize(rng.below(600));
    }
    for (std::uint64_t flips = rng.below(8); flips > 0 && !packet.empty(); --flips) {
      packet[rng.below(packet.size())] = static_cast<std::uint8_t>(rng.below(256));
    }
    (void)send(fd.get(), packet.data(), packet.size(), 0);
  }
  EXPECT_TRUE(send_all(fd.get(), Bytes(5000, 1)));  // longer than any query
  const auto answer = ask_udp(endpoint, make_query(9, "www.example.test"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(last_address_of(*answer), "192.0.2.1");
  EXPECT_TRUE(eventually([&] { return server->counters().ignored > 0; }));
}

// An answer to a client that is gone earns an ICMP error on the socket; the next query must not
// pay for it.
TEST(DnsServer, ClientsThatLeaveDoNotDisturbOthers) {
  DnsServerOptions options = loopback_options();
  options.workers = 1;
  const auto server = start_server(options);
  const config::Endpoint& endpoint = server->endpoints().at(0);
  for (int i = 0; i < 200; ++i) {
    {
      const UniqueFd gone = connect_to(endpoint, SOCK_DGRAM);
      EXPECT_TRUE(send_all(gone.get(), make_query(1, "www.example.test")));
    }
    ASSERT_TRUE(ask_udp(endpoint, make_query(2, "www.example.test"))) << i;
  }
}

// A UDP packet whose source port is 0 asks like any other, but the kernel refuses to answer it:
// that must cost the other queries of its batch nothing.
TEST(DnsServer, AnAnswerThatCannotBeSentCostsNoOther) {
  UniqueFd raw(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP));
  if (!raw.valid()) {
    GTEST_SKIP() << "forging a source port needs CAP_NET_RAW";
  }
  DnsServerOptions options = loopback_options();
  options.workers = 1;
  const auto server = start_server(options);
  const config::Endpoint& endpoint = server->endpoints().at(0);
  const Bytes query = make_query(1, "www.example.test");
  Bytes forged = {0,
                  0,
                  static_cast<std::uint8_t>(endpoint.port >> 8U),
                  static_cast<std::uint8_t>(endpoint.port & 0xFFU),
                  0,
                  static_cast<std::uint8_t>(8 + query.size()),
                  0,
                  0};
  forged.insert(forged.end(), query.begin(), query.end());
  const auto address = to_socket_address(endpoint);
  ASSERT_TRUE(address);
  constexpr int kRounds = 50;
  const UniqueFd client = connect_to(endpoint, SOCK_DGRAM);
  for (int i = 0; i < kRounds; ++i) {
    ASSERT_GT(sendto(raw.get(), forged.data(), forged.size(), 0, address->raw(), address->size), 0);
    ASSERT_TRUE(send_all(client.get(), query));
  }
  for (int i = 0; i < kRounds; ++i) {
    ASSERT_TRUE(receive_datagram(client.get())) << i;
  }
  EXPECT_TRUE(eventually([&] { return server->counters().send_failed == kRounds; }));
}

// ------------------------------------------------------------------ publishing

TEST(DnsServer, AnswersFromThePublishedSnapshot) {
  const auto server = start_server(loopback_options(), zone_snapshot("192.0.2.1"));
  const config::Endpoint& endpoint = server->endpoints().at(0);
  server->publish(zone_snapshot("192.0.2.2"));
  const auto udp = ask_udp(endpoint, make_query(1, "www.example.test"));
  const auto tcp = ask_tcp(endpoint, make_query(1, "www.example.test"));
  ASSERT_TRUE(udp && tcp);
  EXPECT_EQ(last_address_of(*udp), "192.0.2.2");
  EXPECT_EQ(last_address_of(*tcp), "192.0.2.2");
}

TEST(DnsServer, AnOldSnapshotIsLetGoEvenWithoutQueries) {
  const auto server = start_server();
  std::weak_ptr<const Snapshot> old;
  {
    const auto next = zone_snapshot();
    old = next;
    server->publish(next);
  }
  server->publish(zone_snapshot());
  EXPECT_TRUE(eventually([&] { return old.expired(); }));
}

TEST(DnsServer, AFailoverIsOneStoreToTheBoard) {
  const AppSnapshot app = app_snapshot();
  const auto server = start_server(loopback_options(), app.snapshot);
  const config::Endpoint& endpoint = server->endpoints().at(0);
  const auto before = ask_udp(endpoint, make_query(1, "app.example.test"));
  app.board->store(app.active, BoardWord::of_region_index(1));
  const auto after = ask_udp(endpoint, make_query(1, "app.example.test"));
  ASSERT_TRUE(before && after);
  EXPECT_EQ(last_address_of(*before), "192.0.2.10");
  EXPECT_EQ(last_address_of(*after), "192.0.2.20");
}

// Under ThreadSanitizer this is the test of the whole arrangement: workers, TCP, publishing and
// board stores at once.
TEST(DnsServer, PublishesAndFlipsUnderLoadWithoutAWrongAnswer) {
  const AppSnapshot app = app_snapshot();
  const auto server = start_server(loopback_options(), app.snapshot);
  const config::Endpoint endpoint = server->endpoints().at(0);
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::atomic<int> answered{0};
  const auto check = [&](const std::optional<Bytes>& answer) {
    const bool good =
        answer && rcode_of(*answer) == 0 && answers_of(*answer) == 1 &&
        (last_address_of(*answer) == "192.0.2.10" || last_address_of(*answer) == "192.0.2.20");
    wrong += good ? 0 : 1;
    ++answered;
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back([&, i] {
      while (!done) {
        check(i == 0 ? ask_udp(endpoint, make_query(1, "app.example.test"))
                     : ask_tcp(endpoint, make_query(1, "app.example.test")));
      }
    });
  }
  AppSnapshot current = app;
  std::uint8_t region = 0;
  for (int round = 0; round < 50 || answered < 200; ++round) {
    region ^= 1;
    current.board->store(current.active, BoardWord::of_region_index(region));
    if (round % 3 == 0) {
      current = app_snapshot();
      server->publish(current.snapshot);
    }
    (void)server->counters();
    std::this_thread::yield();
  }
  done = true;
  for (std::thread& client : clients) {
    client.join();
  }
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace leeward::server
