// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dynamodb/client.h"

namespace leeward::dynamodb {
namespace {

using testing::HasSubstr;

// Answers request number n of all connections with script[min(n, last)]; "" closes instead.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 64), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this] { accept_all(); });
  }

  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int socket : sockets_) {
        ::shutdown(socket, SHUT_RDWR);
      }
    }
    connections_.clear();
    for (const int socket : sockets_) {
      ::close(socket);
    }
    ::close(listener_);
  }

  [[nodiscard]] Endpoint endpoint() const {
    return {"http://127.0.0.1:" + std::to_string(port_), "eu-west-3"};
  }
  [[nodiscard]] int requests() const { return requests_; }
  int connections() {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(sockets_.size());
  }
  std::string last_request() {
    const std::lock_guard lock(mutex_);
    return last_request_;
  }

 private:
  void accept_all() {
    for (;;) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) {
        return;
      }
      const std::lock_guard lock(mutex_);
      sockets_.push_back(socket);
      connections_.emplace_back([this, socket] { serve(socket); });
    }
  }

  void serve(int socket) {
    std::string buffer;
    char chunk[4096];
    for (;;) {
      std::size_t end = 0;
      while ((end = buffer.find("\r\n\r\n")) == std::string::npos ||
             buffer.size() < end + 4 + length_of(buffer)) {
        const ssize_t got = ::recv(socket, chunk, sizeof chunk, 0);
        if (got <= 0) {
          return;
        }
        buffer.append(chunk, static_cast<std::size_t>(got));
      }
      {
        const std::lock_guard lock(mutex_);
        last_request_ = buffer;
      }
      buffer.erase(0, end + 4 + length_of(buffer));
      const std::size_t number = static_cast<std::size_t>(requests_++);
      const std::string& answer = script_[std::min(number, script_.size() - 1)];
      if (answer.empty()) {
        ::shutdown(socket, SHUT_RDWR);
        return;
      }
      EXPECT_EQ(::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(answer.size()));
    }
  }

  static std::size_t length_of(const std::string& request) {
    const std::size_t at = request.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::stoul(request.substr(at + 16));
  }

  const std::vector<std::string> script_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> requests_ = 0;
  std::mutex mutex_;
  std::string last_request_;
  std::vector<int> sockets_;
  std::vector<std::jthread> connections_;
  std::jthread acceptor_;
};

std::string answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::shared_ptr<CredentialSource> keys() {
  return std::make_shared<CredentialSource>(Credentials{"test", Secret("test"), Secret()});
}

const RetryPolicy kQuick{.attempts = 3,
                         .base = std::chrono::milliseconds(1),
                         .cap = std::chrono::milliseconds(2),
                         .deadline = std::chrono::minutes(1),
                         .call_timeout = std::chrono::seconds(30),
                         .idempotent = false};
constexpr const char* kTarget = "DynamoDB_20120810.PutItem";

TEST(Retries, ThrottledIsTriedAgainUntilAttemptsAreOver) {
  const std::string throttled =
      answer(400, R"({"__type": "x#ThrottlingException", "message": "m"})");
  Rng rng(1);
  {
    ScriptedServer server({throttled, throttled, answer(200, R"({"a": 1})")});
    Client client(server.endpoint(), keys());
    EXPECT_TRUE(call_with_retries(client, kTarget, {}, kQuick, rng));
    EXPECT_EQ(server.requests(), 3);
  }
  ScriptedServer server({throttled});
  Client client(server.endpoint(), keys());
  const auto result = call_with_retries(client, kTarget, {}, kQuick, rng);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().failure, Failure::kThrottled);
  EXPECT_EQ(result.error().type, "ThrottlingException");
  EXPECT_EQ(server.requests(), 3);
}

TEST(Retries, WhatMayHaveBeenDoneIsTriedAgainOnlyIfIdempotent) {
  for (const std::string& first :
       {std::string(), answer(500, R"({"__type": "x#InternalServerError"})"),
        answer(200, "no json")}) {
    for (const bool idempotent : {false, true}) {
      ScriptedServer server({answer(200, "{}"), first, answer(200, "{}")});
      Client client(server.endpoint(), keys());
      Rng rng(1);
      // The first call makes the connection; a connection closed on reuse is curl's own to retry,
      // and only that.
      ASSERT_TRUE(client.call(kTarget, {}, std::chrono::seconds(30)));
      RetryPolicy policy = kQuick;
      policy.idempotent = idempotent;
      const auto result = call_with_retries(client, kTarget, {}, policy, rng);
      if (first.empty()) {
        EXPECT_TRUE(result || result.error().maybe_done);
      } else {
        EXPECT_EQ(result.has_value(), idempotent) << first;
        EXPECT_EQ(server.requests(), idempotent ? 3 : 2);
      }
    }
  }
}

TEST(Retries, NoConnectionIsSafeAndAValidationErrorIsFinal) {
  EXPECT_TRUE(is_safe_to_retry({Failure::kUnavailable, ""}, false));
  EXPECT_FALSE(
      is_safe_to_retry({.failure = Failure::kTimeout, .message = "", .maybe_done = true}, false));
  EXPECT_TRUE(
      is_safe_to_retry({.failure = Failure::kTimeout, .message = "", .maybe_done = true}, true));
  for (const Failure final : {Failure::kValidation, Failure::kConditionFailed, Failure::kNotFound,
                              Failure::kDenied, Failure::kTooLarge}) {
    EXPECT_FALSE(is_safe_to_retry({final, ""}, true));
  }
  EXPECT_EQ(failure_of("UnknownOperationException", 400), Failure::kValidation);
  Client nobody(Endpoint{"http://127.0.0.1:1", "eu-west-3"}, keys());
  const auto refused = nobody.call(kTarget, {}, std::chrono::seconds(5));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::kUnavailable);
  EXPECT_FALSE(refused.error().maybe_done);
}

TEST(Backoff, IsFullJitterBelowADoublingLimit) {
  const RetryPolicy policy{.base = std::chrono::milliseconds(50),
                           .cap = std::chrono::milliseconds(300)};
  Rng rng(7);
  const Duration limits[] = {std::chrono::milliseconds(50), std::chrono::milliseconds(100),
                             std::chrono::milliseconds(200), std::chrono::milliseconds(300),
                             std::chrono::milliseconds(300)};
  for (int attempt = 1; attempt <= 5; ++attempt) {
    Duration least = std::chrono::hours(1);
    Duration most{};
    for (int i = 0; i < 2000; ++i) {
      const Duration wait = backoff(policy, attempt, rng);
      least = std::min(least, wait);
      most = std::max(most, wait);
    }
    const Duration limit = limits[attempt - 1];
    EXPECT_LT(most, limit);
    EXPECT_GT(most, limit * 9 / 10);
    EXPECT_LT(least, limit / 10);
  }
  EXPECT_EQ(backoff({.base = Duration::zero()}, 3, rng), Duration::zero());
  EXPECT_LT(backoff({}, 1'000'000, rng), RetryPolicy{}.cap);
}

TEST(ClientPool, KeepsConnectionsAndSendsItsHeaders) {
  ScriptedServer server({answer(200, "{}")});
  ClientPool pool(keys());
  pool.set_header("x-leeward-peer", "RBX-A");
  Rng rng(1);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(pool.call(server.endpoint(), kTarget, {}, kQuick, rng));
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_THAT(server.last_request(), HasSubstr("x-leeward-peer: RBX-A\r\n"));
  EXPECT_THAT(server.last_request(), HasSubstr("SignedHeaders=content-type;host;x-amz-date;"
                                               "x-amz-target;x-leeward-peer,"));
}

TEST(ClientPool, ServesManyThreadsWithNoMoreConnectionsThanThreads) {
  ScriptedServer server({answer(200, "{}")});
  ClientPool pool(keys());
  std::atomic<int> good = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 30; ++round) {
        good += pool.call(server.endpoint(), kTarget, {}, std::chrono::seconds(30)) ? 1 : 0;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(good, 180);
  EXPECT_LE(server.connections(), 6);
}

TEST(Client, WithoutCredentialsIsDeniedBeforeItAsks) {
  ScriptedServer server({answer(200, "{}")});
  Client client(server.endpoint(),
                std::make_shared<CredentialSource>(CredentialWorld{
                    .get_env = [](const std::string& name) -> std::optional<std::string> {
                      return name == "AWS_EC2_METADATA_DISABLED"
                                 ? std::optional<std::string>("true")
                                 : std::nullopt;
                    },
                    .read_file = [](const std::string&) -> Result<std::string> {
                      return fail(ErrorCode::kNotFound, "none");
                    },
                    .fetch = [](const FetchRequest&) -> Result<FetchAnswer> {
                      return fail(ErrorCode::kUnavailable, "none");
                    },
                    .now = [] { return WallTime{}; }}));
  const auto result = client.call(kTarget, {}, std::chrono::seconds(5));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().failure, Failure::kDenied);
  EXPECT_EQ(server.requests(), 0);
}

}  // namespace
}  // namespace leeward::dynamodb
