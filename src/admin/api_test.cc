// SPDX-License-Identifier: Apache-2.0
//
// The API over real sockets on loopback, with clients that behave and clients that do not.
#include "admin/api.h"

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/fake_control_plane.h"

namespace leeward::admin {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int kPatienceMs = 10'000;  // for what must come; less than a heartbeat

// A blocking client that gives up in the end.
class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    connected_ = ::connect(fd_, generic, sizeof(address)) == 0;
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Reads until `text` was seen; what it read is removed up to and with it.
  std::string read_until(std::string_view text) {
    std::size_t at = received_.find(text);
    while (at == std::string::npos && read_some()) {
      at = received_.find(text);
    }
    const std::size_t end = at == std::string::npos ? received_.size() : at + text.size();
    std::string result = received_.substr(0, end);
    received_.erase(0, end);
    return result;
  }

  // Until the server closes.
  std::string read_all() {
    while (read_some()) {
    }
    return std::exchange(received_, {});
  }

  // One response with a Content-Length.
  std::string read_response() {
    std::string head = read_until("\r\n\r\n");
    const std::size_t at = head.find("Content-Length: ");
    const std::size_t length = at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
    while (received_.size() < length && read_some()) {
    }
    head += received_.substr(0, length);
    received_.erase(0, length);
    return head;
  }

  std::string get(std::string_view target) {
    send("GET " + std::string(target) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    return read_response();
  }

 private:
  bool read_some() {
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, kPatienceMs) != 1) {
      ADD_FAILURE() << "nothing came in time";
      return false;
    }
    char buffer[4096];
    const ssize_t got = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (got <= 0) {
      return false;
    }
    received_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  int fd_;
  bool connected_ = false;
  std::string received_;
};

class ApiTest : public ::testing::Test {
 protected:
  void start(config::ApiConfig config = {}) {
    config.listen.port = 0;
    auto started = ApiServer::start(io_, config, control_, events_, limits_);
    ASSERT_TRUE(started) << started.error().message;
    server_ = *std::move(started);
    port_ = server_->port();
    control_.events = &events_;
    thread_ = std::thread([this] { io_.run(); });
  }

  void TearDown() override {
    if (thread_.joinable()) {
      on_control([this] { server_.reset(); });
      work_.reset();
      thread_.join();
    }
  }

  template <typename Work>
  void on_control(Work work) {
    std::promise<void> done;
    boost::asio::post(io_, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  void publish(int count, std::size_t bytes = 10) {
    on_control([&] {
      for (int i = 0; i < count; ++i) {
        events_.publish(ReloadEvent{.ok = false, .summary = {}, .error = std::string(bytes, 'x')},
                        control_.now());
      }
    });
  }

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  FakeControlPlane control_;
  EventLog events_{"run"};
  ApiLimits limits_;
  std::unique_ptr<ApiServer> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

TEST_F(ApiTest, AnswersOnOneConnectionAgainAndAgain) {
  start();
  Client client(port_);
  for (int i = 0; i < 3; ++i) {
    const std::string response = client.get("/v1/status");
    EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(response, HasSubstr("Cache-Control: no-store\r\n"));
    EXPECT_THAT(response, HasSubstr("\"node\":\"gra-1\""));
  }
}

TEST_F(ApiTest, AnswersPipelinedRequestsInOrder) {
  start();
  Client client(port_);
  client.send(
      "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /v1/nothing HTTP/1.1\r\nHost: ::1\r\n\r\n"
      "GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_response(), HasSubstr("ok\n"));
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 4"));
  const std::string last = client.read_all();
  EXPECT_THAT(last, HasSubstr("\"ready\":true"));
  EXPECT_THAT(last, HasSubstr("Connection: close"));
}

TEST_F(ApiTest, HeadHasTheLengthButNoBody) {
  start();
  Client client(port_);
  client.send("HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string response = client.read_all();
  EXPECT_THAT(response, HasSubstr("Content-Length: 3\r\n"));
  EXPECT_THAT(response, ::testing::EndsWith("\r\n\r\n"));
}

TEST_F(ApiTest, Http10IsAnsweredAndClosed) {
  start();
  Client client(port_);
  client.send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), HasSubstr("ok\n"));
}

TEST_F(ApiTest, GarbageGetsAProblemAndNothingElseBreaks) {
  start();
  const std::string cases[] = {
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS to the plain port\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
      "GET /healthz HTTP/1.1\r\n\r\n",                        // no Host
      "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",  // two
      "POST /v1/reload HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
      "POST /v1/reload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n"
      "\r\n0\r\n\r\n",
      "POST /v1/reload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
      std::string("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28),
  };
  for (const std::string& bytes : cases) {
    Client client(port_);
    client.send(bytes);
    const std::string response = client.read_all();
    EXPECT_THAT(response, AnyOf(IsEmpty(), StartsWith("HTTP/1.1 400 "))) << bytes;
  }
  EXPECT_TRUE(control_.reloads.empty());
  EXPECT_THAT(Client(port_).get("/healthz"), HasSubstr("ok"));
}

TEST_F(ApiTest, HugeHeadersAndBodiesAreRefusedWithoutBeingRead) {
  start();
  Client headers(port_);
  headers.send("GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + std::string(17 * 1024, 'x') +
               "\r\n\r\n");
  EXPECT_THAT(headers.read_all(), StartsWith("HTTP/1.1 431 "));
  Client body(port_);
  body.send("POST /v1/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000000\r\n\r\n{");
  const std::string response = body.read_all();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(response, HasSubstr("application/problem+json"));
}

TEST_F(ApiTest, AClientThatDripsItsRequestIsClosed) {
  limits_.request = milliseconds(200);
  limits_.first_byte = milliseconds(200);
  start();
  Client silent(port_);
  Client begun(port_);
  begun.send("GET /healthz HT");
  EXPECT_THAT(silent.read_all(), IsEmpty());
  EXPECT_THAT(begun.read_all(), IsEmpty());
}

TEST_F(ApiTest, TheDeadlineIsForTheWholeRequestNotForEachByte) {
  limits_.request = milliseconds(300);
  start();
  Client drip(port_);
  const auto begin = std::chrono::steady_clock::now();
  drip.send("GET /healthz HTTP/1.1\r\nHost: a\r\nX: ");
  bool open = true;
  for (int i = 0; open && i < 2000; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    open = drip.send("x");
  }
  EXPECT_FALSE(open);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(15));
}

TEST_F(ApiTest, WhenThereAreTooManyTheLongestIdleMakesRoom) {
  limits_.connections = 8;
  start();
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 50; ++i) {
    idle.push_back(std::make_unique<Client>(port_));
  }
  EXPECT_THAT(Client(port_).get("/healthz"), HasSubstr("ok"));
  EXPECT_THAT(idle.front()->read_all(), IsEmpty());
}

TEST_F(ApiTest, ConnectionsBeyondTheLimitAreClosedWhenNoneIsIdle) {
  limits_.connections = 2;
  start();
  Client first(port_);
  Client second(port_);
  first.send("GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  second.send("GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  first.read_until("id: run-0\n\n");
  second.read_until("id: run-0\n\n");
  EXPECT_THAT(Client(port_).read_all(), IsEmpty());
}

TEST_F(ApiTest, FollowersGetEventsAsTheyHappen) {
  start();
  Client follower(port_);
  follower.send("GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  EXPECT_THAT(follower.read_until("retry: 1000\nid: run-0\n\n"), HasSubstr("text/event-stream"));
  Client operator_client(port_);
  operator_client.send(
      "POST /v1/applications/shop/failover HTTP/1.1\r\nHost: 127.0.0.1\r\n"
      "Content-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"to\":\"RBX-A\"}");
  EXPECT_THAT(operator_client.read_response(), HasSubstr("200 OK"));
  const std::string event = follower.read_until("\n\n");
  EXPECT_THAT(event, StartsWith("id: run-1\nevent: decision\ndata: {"));
}

TEST_F(ApiTest, AFollowerResumesWhereItWas) {
  start();
  publish(3);
  Client follower(port_);
  follower.send("GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: run-1\r\n\r\n");
  const std::string missed = follower.read_until("id: run-3\nevent: reload");
  EXPECT_THAT(missed, HasSubstr("id: run-2\nevent: reload"));
  EXPECT_THAT(missed, Not(HasSubstr("event: reset")));
  Client stranger(port_);
  stranger.send("GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: old-1\r\n\r\n");
  EXPECT_THAT(stranger.read_until("event: reset\n"), HasSubstr("event: reset"));
}

TEST_F(ApiTest, ASilentFollowerHearsAHeartbeat) {
  limits_.heartbeat = milliseconds(50);
  start();
  Client follower(port_);
  follower.send("GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  follower.read_until("id: run-0\n\n");
  EXPECT_EQ(follower.read_until(":\n\n"), ":\n\n");
}

TEST_F(ApiTest, AFollowerThatDoesNotKeepUpIsClosed) {
  limits_.follower_queue_bytes = 1'000'000;
  start();
  Client slow(port_);
  Client good(port_);
  slow.send("GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  good.send("GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  slow.read_until("id: run-0\n\n");
  good.read_until("id: run-0\n\n");
  // More than any socket buffer holds; the good one takes each before the next comes.
  for (int i = 1; i <= 500; ++i) {
    publish(1, 50'000);
    good.read_until("id: run-" + std::to_string(i) + "\n");
  }
  EXPECT_LT(slow.read_all().size(), 500U * 50'000U);
  publish(1);
  EXPECT_THAT(good.read_until("id: run-501\n"), HasSubstr("id: run-501\n"));
}

TEST_F(ApiTest, FollowersAreCounted) {
  limits_.followers = 1;
  start();
  auto first = std::make_unique<Client>(port_);
  first->send("GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  first->read_until("id: run-0\n\n");
  Client second(port_);
  EXPECT_THAT(second.get("/v1/events"), StartsWith("HTTP/1.1 503 "));
  first.reset();
  std::string response;
  for (int i = 0; i < 1000 && !response.starts_with("HTTP/1.1 200 "); ++i) {
    response = second.get("/v1/events");  // until the server has seen the first one go
  }
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 "));
}

TEST_F(ApiTest, ACommandThatDoesNotEndIsAnsweredInTheEndAndItsLateResultIgnored) {
  limits_.control_plane = milliseconds(100);
  control_.hold_moves = true;
  start();
  Client client(port_);
  client.send(
      "POST /v1/applications/shop/failback HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
      "0\r\n\r\n");
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 504 "));
  on_control([&] { control_.held.at(0)(fail(ErrorCode::kInternal, "late")); });
  EXPECT_THAT(client.get("/healthz"), HasSubstr("200 OK"));
}

TEST_F(ApiTest, StoppingEndsStreamsAndLetsRequestsFinish) {
  control_.hold_moves = true;
  limits_.shutdown = seconds(15);
  start();
  Client follower(port_);
  follower.send("GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  follower.read_until("id: run-0\n\n");
  Client idle(port_);
  EXPECT_THAT(idle.get("/healthz"), HasSubstr("ok"));
  Client commanding(port_);
  commanding.send(
      "POST /v1/applications/shop/failback HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
      "0\r\n\r\n");
  for (bool held = false; !held;) {
    on_control([&] { held = !control_.held.empty(); });
  }
  on_control([&] { server_->stop(); });
  follower.read_all();
  EXPECT_THAT(idle.read_all(), IsEmpty());
  EXPECT_FALSE(Client(port_).connected());
  on_control([&] { control_.held[0](fail(ErrorCode::kAborted, "the daemon stops")); });
  const std::string response = commanding.read_all();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 409 "));
  EXPECT_THAT(response, HasSubstr("Connection: close"));
}

TEST_F(ApiTest, StoppingDoesNotWaitForEverAndALateCallbackIsHarmless) {
  control_.hold_moves = true;
  limits_.shutdown = milliseconds(100);
  start();
  Client commanding(port_);
  commanding.send(
      "POST /v1/applications/shop/failback HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: "
      "0\r\n\r\n");
  for (bool held = false; !held;) {
    on_control([&] { held = !control_.held.empty(); });
  }
  on_control([&] { server_->stop(); });
  EXPECT_THAT(commanding.read_all(), IsEmpty());
  on_control([&] {
    server_.reset();
    control_.held[0](fail(ErrorCode::kAborted, "late"));
    control_.held.clear();
  });
}

TEST_F(ApiTest, TokensChangeWhileRunning) {
  start();
  Client client(port_);
  EXPECT_THAT(client.get("/v1/status"), StartsWith("HTTP/1.1 200 "));
  config::ApiConfig config;
  config.tokens = {{"vera", config::Role::kViewer, {}, Secret("s3cret")}};
  on_control([&] { EXPECT_TRUE(server_->reconfigure(config)); });
  const std::string response = client.get("/v1/status");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(response, HasSubstr("WWW-Authenticate: Bearer"));
}

TEST_F(ApiTest, AnAddressInUseIsNamed) {
  start();
  config::ApiConfig config;
  config.listen.port = port_;
  boost::asio::io_context io;
  const auto second = ApiServer::start(io, config, control_, events_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message,
              HasSubstr("127.0.0.1:" + std::to_string(port_) + ": Address already in use"));
}

TEST_F(ApiTest, ACertificateThatCannotBeReadIsNamed) {
  config::ApiConfig config;
  config.listen.port = 0;
  config.tls = config::TlsFiles{"no-such-cert.pem", "no-such-key.pem"};
  const auto server = ApiServer::start(io_, config, control_, events_);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(server.error().message, HasSubstr("no-such-cert.pem"));
}

}  // namespace
}  // namespace leeward::admin
