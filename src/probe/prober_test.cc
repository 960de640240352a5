// SPDX-License-Identifier: Apache-2.0
//
// One probe at a time against real and hostile servers on loopback. Deadlines are generous except
// where the timeout itself is the subject.
#include "probe/prober.h"

#include <atomic>
#include <cerrno>
#include <condition_variable>

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "probe/clock.h"
#include "probe/loopback_server.h"
#include "probe/test_certificates.h"

namespace leeward::probe {
namespace {

using Connection = LoopbackServer::Connection;

constexpr Duration kGenerous = std::chrono::seconds(20);
constexpr Duration kShort = std::chrono::milliseconds(150);

HealthCheck http_check(std::uint16_t port, std::string address = "127.0.0.1") {
  HealthCheck check;
  check.id = HealthCheckId("test");
  check.address = std::move(address);
  check.port = port;
  return check;
}

HealthCheck match_check(std::uint16_t port, std::string wanted) {
  HealthCheck check = http_check(port);
  check.type = CheckType::kHttpStrMatch;
  check.search_string = std::move(wanted);
  return check;
}

class ProberTest : public testing::Test {
 protected:
  explicit ProberTest(ResolveFunction resolve = system_resolve)
      : resolver_(std::make_shared<Resolver>(std::move(resolve))),
        prober_(io_, mutex_, resolver_, 100) {}

  std::unique_ptr<Target> target_for(const HealthCheck& check) {
    TlsContext tls;
    if (is_tls(check.type)) {
      tls = make_tls_context(check.verify_certificate, check.ca_file).value();
    }
    return std::make_unique<Target>(check, tls);
  }

  Observation run(Target& target, Duration timeout = kGenerous) {
    {
      const std::lock_guard lock(mutex_);
      prober_.start(target, ++sequence_, timeout, mono_now());
    }
    for (;;) {
      MonoTime next;
      {
        const std::lock_guard lock(mutex_);
        prober_.advance(target, mono_now(), false);
        for (Finished& finished : prober_.take_finished()) {
          EXPECT_EQ(finished.observation.sequence, sequence_);
          return finished.observation;
        }
        next = std::min(prober_.next_deadline(target), mono_now() + kGenerous);
      }
      io_.run_one_until(to_steady(next));
    }
  }

  Observation run_once(const HealthCheck& check, Duration timeout = kGenerous) {
    const auto target = target_for(check);
    const Observation observation = run(*target, timeout);
    const std::lock_guard lock(mutex_);
    prober_.drop(*target);
    return observation;
  }

  // Lets handlers run until nothing is under way for the target.
  void settle(const Target& target) {
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        if (prober_.next_deadline(target) == MonoTime::max()) {
          return;
        }
      }
      io_.run_one_for(std::chrono::milliseconds(100));
    }
  }

  // As `outcome` and whose detail contains `detail`.
  void expect(const Observation& observation, ProbeOutcome outcome, std::string_view detail = "") {
    EXPECT_EQ(observation.outcome, outcome)
        << to_string(observation.outcome) << ": " << observation.detail;
    EXPECT_NE(observation.detail.find(detail), std::string::npos) << observation.detail;
    EXPECT_LE(observation.detail.size(), kDetailBytesMax);
    EXPECT_EQ(observation.detail.find_first_of("\r\n\t"), std::string::npos);
    EXPECT_GE(observation.finished, observation.started);
  }

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  std::mutex mutex_;
  std::shared_ptr<Resolver> resolver_;
  Prober prober_;
  std::uint64_t sequence_ = 0;
};

LoopbackServer::Script answering(std::string answer) {
  return [answer = std::move(answer)](Connection& connection) {
    while (!connection.read_request().empty() && connection.send(answer)) {
    }
  };
}

std::string ok_with(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST_F(ProberTest, StatusDecides) {
  for (const auto& [status, outcome] : std::map<int, ProbeOutcome>{
           {200, ProbeOutcome::kSuccess},
           {204, ProbeOutcome::kSuccess},
           {302, ProbeOutcome::kSuccess},
           {399, ProbeOutcome::kSuccess},
           {400, ProbeOutcome::kBadStatus},
           {404, ProbeOutcome::kBadStatus},
           {503, ProbeOutcome::kBadStatus},
           {101, ProbeOutcome::kBadStatus},
       }) {
    LoopbackServer server(answering("HTTP/1.1 " + std::to_string(status) +
                                    " x\r\nLocation: http://127.0.0.1:1/\r\n"
                                    "Content-Length: 0\r\n\r\n"));
    expect(run_once(http_check(server.port())), outcome, "HTTP " + std::to_string(status));
    EXPECT_EQ(server.connections(), 1) << "redirects are not followed";
  }
}

TEST_F(ProberTest, RequestIsWellFormed) {
  std::string request;
  LoopbackServer server([&](Connection& connection) {
    request = connection.read_request();
    connection.send(ok_with("x"));
  });
  HealthCheck check = http_check(server.port());
  check.path = "/healthz?deep=1";
  check.host_name = "app.example.test";
  expect(run_once(check), ProbeOutcome::kSuccess);
  server.stop();
  EXPECT_TRUE(request.starts_with("GET /healthz?deep=1 HTTP/1.1\r\nHost: app.example.test:" +
                                  std::to_string(check.port) + "\r\n"))
      << request;
  EXPECT_NE(request.find("\r\nConnection: keep-alive\r\n"), std::string::npos);
}

TEST_F(ProberTest, Ipv6AndNames) {
  const int probe = bind_loopback(AF_INET6);
  if (probe >= 0) {
    ::close(probe);
    std::string request;
    LoopbackServer server(
        [&](Connection& connection) {
          request = connection.read_request();
          connection.send(ok_with("x"));
        },
        AF_INET6);
    expect(run_once(http_check(server.port(), "::1")), ProbeOutcome::kSuccess);
    server.stop();
    EXPECT_NE(request.find("Host: [::1]:"), std::string::npos) << request;
  }
  // localhost may mean ::1 first: the refusal there must not hide the server on 127.0.0.1.
  LoopbackServer server(answering(ok_with("x")));
  expect(run_once(http_check(server.port(), "localhost")), ProbeOutcome::kSuccess);
}

TEST_F(ProberTest, Refused) {
  const int socket = bind_loopback(AF_INET);  // bound but not listening
  HealthCheck check = http_check(port_of(socket));
  expect(run_once(check), ProbeOutcome::kRefused, "refused");
  check.type = CheckType::kTcp;
  expect(run_once(check), ProbeOutcome::kRefused, "refused");
  ::close(socket);
}

TEST_F(ProberTest, UnreachableAndErrnoMapping) {
  expect(run_once(http_check(80, "255.255.255.255")), ProbeOutcome::kUnreachable);
  EXPECT_EQ(connect_failure(EHOSTUNREACH).outcome, ProbeOutcome::kUnreachable);
  EXPECT_EQ(connect_failure(ECONNRESET).outcome, ProbeOutcome::kUnreachable);
  EXPECT_EQ(connect_failure(ETIMEDOUT).outcome, ProbeOutcome::kTimeout);
  EXPECT_EQ(connect_failure(ENOBUFS).outcome, ProbeOutcome::kLocalError);
  EXPECT_EQ(exchange_failure(ECONNRESET).outcome, ProbeOutcome::kClosed);
  EXPECT_EQ(exchange_failure(ENETUNREACH).outcome, ProbeOutcome::kUnreachable);
  EXPECT_EQ(sanitise_detail("a\r\nb\x80" + std::string(300, 'c')).substr(0, 5), "a??b?");
  EXPECT_EQ(sanitise_detail(std::string(300, 'c')).size(), kDetailBytesMax);
}

TEST_F(ProberTest, NoDescriptorsIsOurOwnTrouble) {
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "UBSan's own vptr check needs a descriptor";
#endif
  LoopbackServer server(answering(ok_with("x")));
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &none);
  const Observation observation = run_once(http_check(server.port()));
  setrlimit(RLIMIT_NOFILE, &before);
  expect(observation, ProbeOutcome::kLocalError);
}

TEST_F(ProberTest, TcpConnects) {
  LoopbackServer server([](Connection& connection) { connection.wait_for_close(); });
  HealthCheck check = http_check(server.port());
  check.type = CheckType::kTcp;
  expect(run_once(check), ProbeOutcome::kSuccess, "connected");
}

TEST_F(ProberTest, StringMatchEndsAtByte5120) {
  const std::string wanted = "all-good";
  const std::size_t window = HttpResponse::kBodyWindowMax;
  for (const bool fits : {true, false}) {
    const std::string body =
        std::string(window - wanted.size() + (fits ? 0 : 1), '.') + wanted + std::string(99, '.');
    const ProbeOutcome outcome = fits ? ProbeOutcome::kSuccess : ProbeOutcome::kNoMatch;
    LoopbackServer plain(answering(ok_with(body)));
    expect(run_once(match_check(plain.port(), wanted)), outcome, "HTTP 200");
    // Chunks of 7 bytes: the string lies across chunk borders.
    std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < body.size(); at += 7) {
      const std::string chunk = body.substr(at, 7);
      chunked += std::to_string(chunk.size()) + "\r\n" + chunk + "\r\n";
    }
    LoopbackServer pieces(answering(chunked + "0\r\n\r\n"));
    expect(run_once(match_check(pieces.port(), wanted)), outcome, "HTTP 200");
  }
}

TEST_F(ProberTest, StringMatchNeedsAGoodStatusAndTheString) {
  LoopbackServer failing(answering("HTTP/1.1 500 x\r\nContent-Length: 2\r\n\r\nok"));
  expect(run_once(match_check(failing.port(), "ok")), ProbeOutcome::kBadStatus, "HTTP 500");
  LoopbackServer other(answering(ok_with("ko")));
  expect(run_once(match_check(other.port(), "ok")), ProbeOutcome::kNoMatch, "first 2 bytes");
  LoopbackServer until_close([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\n\r\nall ok");
  });
  expect(run_once(match_check(until_close.port(), "ok")), ProbeOutcome::kSuccess);
  LoopbackServer cut([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nal");
  });
  expect(run_once(match_check(cut.port(), "ok")), ProbeOutcome::kClosed, "middle");
}

TEST_F(ProberTest, HostileAnswers) {
  LoopbackServer garbage(answering("\x16\x03\x01 binary \r\n\x07 garbage"));
  expect(run_once(http_check(garbage.port())), ProbeOutcome::kMalformed, "not an HTTP/1.x");
  LoopbackServer headers([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\n");
    while (connection.send("X-More: and more and more and more\r\n")) {
    }
  });
  expect(run_once(http_check(headers.port())), ProbeOutcome::kMalformed, "over 16 KiB");
  LoopbackServer informational([](Connection& connection) {
    connection.read_request();
    while (connection.send("HTTP/1.1 100 Continue\r\n\r\n")) {
    }
  });
  expect(run_once(http_check(informational.port())), ProbeOutcome::kMalformed, "informational");
  LoopbackServer closing([](Connection& connection) { connection.read_request(); });
  expect(run_once(http_check(closing.port())), ProbeOutcome::kClosed, "before an answer");
  LoopbackServer half([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 O");
  });
  expect(run_once(http_check(half.port())), ProbeOutcome::kClosed, "middle");
}

TEST_F(ProberTest, EndlessBodiesAreCutNotDrained) {
  const auto endless = [](const std::string& head, const std::string& piece) {
    return [head, piece](Connection& connection) {
      connection.read_request();
      connection.send(head);
      while (connection.send(piece)) {
      }
    };
  };
  LoopbackServer until_close(endless("HTTP/1.1 200 OK\r\n\r\n", std::string(4096, 'x')));
  const auto target = target_for(http_check(until_close.port()));
  expect(run(*target), ProbeOutcome::kSuccess, "HTTP 200");
  settle(*target);  // would run into its deadline if the body were drained
  EXPECT_TRUE(target->sessions.empty());
  expect(run_once(match_check(until_close.port(), "never")), ProbeOutcome::kNoMatch);
  const std::string padding(200, 'p');
  LoopbackServer chunks(endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                                "1;" + padding + "\r\nx\r\n"));
  expect(run_once(match_check(chunks.port(), "never")), ProbeOutcome::kMalformed, "128 KiB");
}

TEST_F(ProberTest, OneDeadlineForTheWholeProbe) {
  LoopbackServer silent([](Connection& connection) { connection.wait_for_close(); });
  expect(run_once(http_check(silent.port()), kShort), ProbeOutcome::kTimeout, "no answer within");
  // Every byte comes soon after the last one, the header never ends: progress is no excuse.
  LoopbackServer drip([](Connection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nX: ");
    while (connection.send("x")) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  const Observation observation = run_once(http_check(drip.port()), kShort);
  expect(observation, ProbeOutcome::kTimeout, "response not finished");
  EXPECT_GE(observation.finished - observation.started, kShort);
  // A listener that never accepts: the kernel connects, nobody answers (a frozen server).
  const int frozen = bind_loopback(AF_INET);
  ASSERT_EQ(::listen(frozen, 8), 0);
  expect(run_once(http_check(port_of(frozen)), kShort), ProbeOutcome::kTimeout, "no answer");
  ::close(frozen);
}

TEST_F(ProberTest, ConnectionsAreKept) {
  LoopbackServer server(answering(ok_with("body")));
  const auto target = target_for(http_check(server.port()));
  for (int i = 0; i < 5; ++i) {
    expect(run(*target), ProbeOutcome::kSuccess);
    settle(*target);
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(prober_.counters().connections_reused, 4U);

  HealthCheck fresh = http_check(server.port());
  fresh.fresh_connection = true;
  const auto fresh_target = target_for(fresh);
  for (int i = 0; i < 3; ++i) {
    expect(run(*fresh_target), ProbeOutcome::kSuccess);
    settle(*fresh_target);
  }
  EXPECT_EQ(server.connections(), 4);
}

TEST_F(ProberTest, RestartBetweenProbesIsNoMiss) {
  auto server = std::make_unique<LoopbackServer>(answering(ok_with("1")));
  const std::uint16_t port = server->port();
  const auto target = target_for(http_check(port));
  expect(run(*target), ProbeOutcome::kSuccess);
  // The prober does not get to see the close before it asks again: the reused connection fails.
  server = nullptr;
  server = std::make_unique<LoopbackServer>(answering(ok_with("2")), AF_INET, port);
  expect(run(*target), ProbeOutcome::kSuccess);
  EXPECT_EQ(prober_.counters().reuse_retries, 1U);
}

TEST_F(ProberTest, ReusedConnectionOfADeadServerIsRefusedPromptly) {
  auto server = std::make_unique<LoopbackServer>(answering(ok_with("1")));
  const auto target = target_for(http_check(server->port()));
  expect(run(*target), ProbeOutcome::kSuccess);
  server = nullptr;
  expect(run(*target), ProbeOutcome::kRefused);
}

TEST_F(ProberTest, OnlyOneRetry) {
  // Answers once per connection and hangs up on the second request, and on every other connection.
  std::atomic<int> seen{0};
  LoopbackServer server([&](Connection& connection) {
    const bool first = seen.fetch_add(1) == 0;
    connection.read_request();
    if (first) {
      connection.send(ok_with("x"));
      connection.read_request();
    }
  });
  const auto target = target_for(http_check(server.port()));
  expect(run(*target), ProbeOutcome::kSuccess);
  expect(run(*target), ProbeOutcome::kClosed, "before an answer");
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(ProberTest, ClosedAndChattyIdleConnectionsAreGivenUp) {
  LoopbackServer server([](Connection& connection) {
    connection.read_request();
    connection.send(ok_with("x"));
  });
  const auto target = target_for(http_check(server.port()));
  expect(run(*target), ProbeOutcome::kSuccess);
  while (!target->sessions.empty()) {
    io_.run_one_for(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(target->idle, Target::kNone);
}

class TlsTest : public ProberTest {
 protected:
  // With a certificate as wished for, asked for by `host_name`.
  Observation ask(const CertificateWish& wish, const std::string& host_name, bool verify = true,
                  bool trust = true) {
    const auto context = authority_.server(wish);
    SSL_CTX_set_tlsext_servername_arg(context.get(), this);
    SSL_CTX_set_tlsext_servername_callback(context.get(), &TlsTest::note_name);
    LoopbackServer server(answering(ok_with("x")), AF_INET, 0, context.get());
    HealthCheck check = http_check(server.port());
    check.type = CheckType::kHttps;
    check.host_name = host_name;
    check.verify_certificate = verify;
    check.ca_file = trust ? authority_.ca_file() : "";
    return run_once(check);
  }

  static int note_name(SSL* ssl, int* /*alert*/, void* self) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    static_cast<TlsTest*>(self)->seen_name_ = name != nullptr ? name : "";
    return SSL_TLSEXT_ERR_OK;
  }

  TestAuthority authority_;
  std::string seen_name_;
};

TEST_F(TlsTest, ValidCertificateAndSni) {
  expect(ask({}, "good.test"), ProbeOutcome::kSuccess, "HTTP 200");
  EXPECT_EQ(seen_name_, "good.test");
  expect(ask({}, ""), ProbeOutcome::kSuccess);  // by address
  EXPECT_EQ(seen_name_, "");
}

TEST_F(TlsTest, BadCertificatesFailWithTheReason) {
  expect(ask({}, "other.test"), ProbeOutcome::kTlsError, "hostname mismatch");
  expect(ask({.names = "DNS:good.test"}, ""), ProbeOutcome::kTlsError, "IP address mismatch");
  expect(ask({.expired = true}, "good.test"), ProbeOutcome::kTlsError, "expired");
  expect(ask({.self_signed = true}, "good.test"), ProbeOutcome::kTlsError, "self-signed");
  expect(ask({}, "good.test", true, false), ProbeOutcome::kTlsError, "certificate");
}

TEST_F(TlsTest, VerificationOffTakesAnything) {
  expect(ask({.expired = true}, "other.test", false), ProbeOutcome::kSuccess);
  EXPECT_EQ(seen_name_, "other.test");
  expect(ask({.self_signed = true}, "", false), ProbeOutcome::kSuccess);
}

TEST_F(TlsTest, NotTlsAndSilent) {
  LoopbackServer plain([](Connection& connection) {
    connection.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    connection.wait_for_close();
  });
  HealthCheck check = http_check(plain.port());
  check.type = CheckType::kHttps;
  check.verify_certificate = false;
  expect(run_once(check), ProbeOutcome::kTlsError, "wrong version number");
  LoopbackServer closing([](Connection& /*connection*/) {});
  check.port = closing.port();
  EXPECT_EQ(run_once(check).outcome, ProbeOutcome::kTlsError);
  LoopbackServer silent([](Connection& connection) { connection.wait_for_close(); });
  check.port = silent.port();
  expect(run_once(check, kShort), ProbeOutcome::kTimeout, "no TLS handshake");
}

TEST_F(TlsTest, KeptConnectionsSurviveTickets) {
  const auto context = authority_.server({});
  LoopbackServer server(answering(ok_with("x")), AF_INET, 0, context.get());
  HealthCheck check = http_check(server.port());
  check.type = CheckType::kHttpsStrMatch;
  check.search_string = "x";
  check.ca_file = authority_.ca_file();
  const auto target = target_for(check);
  for (int i = 0; i < 4; ++i) {
    expect(run(*target), ProbeOutcome::kSuccess);
    settle(*target);
  }
  EXPECT_EQ(server.connections(), 1);
}

// A resolver under the test's control. Shared with its threads, which may outlive the test.
struct FakeDns {
  std::mutex mutex;
  std::condition_variable changed;
  bool released = true;
  std::atomic<int> calls{0};

  Result<std::vector<std::string>> operator()(const std::string& name) {
    ++calls;
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return released; });
    if (name == "two.test") {
      return std::vector<std::string>{"127.0.0.2", "127.0.0.1"};
    }
    if (name == "one.test") {
      return std::vector<std::string>{"127.0.0.1"};
    }
    return fail(ErrorCode::kUnavailable, "no such name");
  }
  void hold(bool on) {
    const std::lock_guard lock(mutex);
    released = !on;
    changed.notify_all();
  }
};

class NamesTest : public ProberTest {
 protected:
  explicit NamesTest(std::shared_ptr<FakeDns> dns = std::make_shared<FakeDns>())
      : ProberTest([dns](const std::string& name) { return (*dns)(name); }), dns_(dns) {}
  ~NamesTest() override { dns_->hold(false); }
  std::shared_ptr<FakeDns> dns_;
};

TEST_F(NamesTest, AllAddressesAreTriedAndAnswersAreCached) {
  LoopbackServer server(answering(ok_with("x")));
  HealthCheck check = http_check(server.port(), "two.test");
  check.fresh_connection = true;
  const auto target = target_for(check);
  expect(run(*target), ProbeOutcome::kSuccess);  // 127.0.0.2 refuses
  const std::uint64_t opened = prober_.counters().connections_opened;
  expect(run(*target), ProbeOutcome::kSuccess);
  EXPECT_EQ(prober_.counters().connections_opened, opened + 1) << "starts with what worked";
  EXPECT_EQ(dns_->calls.load(), 1);
}

TEST_F(NamesTest, UnknownNamesFail) {
  expect(run_once(http_check(80, "absent.test")), ProbeOutcome::kNameResolution, "no such name");
}

TEST_F(NamesTest, SlowResolverDelaysNobodyElse) {
  LoopbackServer server(answering(ok_with("x")));
  dns_->hold(true);
  expect(run_once(http_check(server.port(), "one.test"), kShort), ProbeOutcome::kNameResolution,
         "no address within");
  expect(run_once(http_check(server.port())), ProbeOutcome::kSuccess);
  dns_->hold(false);
  expect(run_once(http_check(server.port(), "one.test")), ProbeOutcome::kSuccess);
  EXPECT_EQ(dns_->calls.load(), 1);
}

TEST_F(ProberTest, ConnectsAreBoundedAndQueued) {
  LoopbackServer server(answering(ok_with("x")));
  Prober narrow(io_, mutex_, resolver_, 2);
  HealthCheck check = http_check(server.port());
  check.fresh_connection = true;
  const auto target = target_for(check);
  constexpr std::uint64_t kProbes = 40;
  std::size_t done = 0;
  {
    const std::lock_guard lock(mutex_);
    for (std::uint64_t i = 1; i <= kProbes; ++i) {
      narrow.start(*target, i, kGenerous, mono_now());
      EXPECT_LE(narrow.counters().connecting, 2U);
    }
  }
  while (done < kProbes) {
    io_.run_one_for(std::chrono::milliseconds(100));
    const std::lock_guard lock(mutex_);
    for (const Finished& finished : narrow.take_finished()) {
      expect(finished.observation, ProbeOutcome::kSuccess);
      ++done;
    }
  }
  const std::lock_guard lock(mutex_);
  narrow.drop(*target);
  EXPECT_EQ(narrow.counters().connects_waiting, 0U);
  EXPECT_EQ(narrow.counters().sessions, 0U);
}

TEST_F(ProberTest, AStalledCheckerBlamesItself) {
  LoopbackServer silent([](Connection& connection) { connection.wait_for_close(); });
  const auto target = target_for(http_check(silent.port()));
  const std::lock_guard lock(mutex_);
  const MonoTime now = mono_now();
  prober_.start(*target, 1, kShort, now);
  prober_.advance(*target, now + kShort, true);
  const auto finished = prober_.take_finished();
  ASSERT_EQ(finished.size(), 1U);
  expect(finished[0].observation, ProbeOutcome::kLocalError, "ran late itself");
}

}  // namespace
}  // namespace leeward::probe
