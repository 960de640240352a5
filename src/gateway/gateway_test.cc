// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.h"

#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/fake_store.h"

namespace leeward::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kNotFound =
    R"({"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","Message":"none"})";
constexpr const char* kAuthorization =
    "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-3/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=0\r\n";

std::string post(std::string_view operation, std::string_view body,
                 std::string_view headers = kAuthorization) {
  return fmt::format(
      "POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: DynamoDB_20120810.{}\r\n{}Content-Length: "
      "{}\r\n\r\n{}",
      operation, headers, body.size(), body);
}

class GatewayTest : public testing::Test {
 protected:
  // `handler` sees all but the gateway's own look at its registry, which is empty.
  void start(FakeStore::Handler handler, std::optional<KeyBook> keys = std::nullopt) {
    store_ = std::make_unique<FakeStore>(
        [handler](std::string_view target, std::string_view body) -> std::optional<FakeAnswer> {
          if (body.find("leeward-global-tables") != std::string_view::npos) {
            return FakeAnswer{400, kNotFound};
          }
          return handler(target, body);
        });
    GatewayOptions options;
    options.region = RegionId("GRA11");
    options.store = {store_->url(), "eu-west-3"};
    options.credentials = {"test", Secret("test"), Secret()};
    options.keys = std::move(keys);
    options.listen = {"127.0.0.1", 0};
    options.control = Listen{"127.0.0.1", 0};
    options.store_timeout = store_timeout_;
    auto started = Gateway::start(std::move(options));
    ASSERT_TRUE(started) << started.error().message;
    gateway_ = std::move(*started);
  }

  [[nodiscard]] std::uint16_t port() const { return gateway_->listening().port; }

  std::string control(std::string_view method, std::string_view path,
                      std::string_view body = "") const {
    RawClient client(gateway_->control_listening()->port);
    client.send(fmt::format("{} {} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}", method,
                            path, body.size(), body));
    return client.receive();
  }

  Duration store_timeout_ = std::chrono::seconds(30);
  std::unique_ptr<FakeStore> store_;
  std::unique_ptr<Gateway> gateway_;
};

TEST_F(GatewayTest, PassesBytesAsTheyAre) {
  std::mutex mutex;
  std::string seen;
  start([&](std::string_view, std::string_view body) {
    const std::scoped_lock lock(mutex);
    seen = body;
    return FakeAnswer{200, "{ \"Item\" : {} }"};
  });
  RawClient client(port());
  const std::string body = "{ \"TableName\":\t\"items\", \"Key\" : {} }";
  for (int i = 0; i < 3; ++i) {
    client.send(post("GetItem", body));
    const std::string answer = client.receive();
    EXPECT_THAT(answer, HasSubstr("HTTP/1.1 200 OK"));
    EXPECT_THAT(answer, HasSubstr("x-amzn-RequestId: FAKE"));
    EXPECT_THAT(answer, HasSubstr("x-amz-crc32: 12345"));
    EXPECT_THAT(answer, HasSubstr("\r\n\r\n{ \"Item\" : {} }"));
  }
  const std::scoped_lock lock(mutex);
  EXPECT_EQ(seen, body);
}

TEST_F(GatewayTest, AStaleConnectionIsReplacedOnce) {
  start([](std::string_view, std::string_view) { return FakeAnswer{200, "{}", true}; });
  RawClient client(port());
  for (int i = 0; i < 20; ++i) {
    client.send(post("GetItem", "{}"));
    EXPECT_THAT(client.receive(), HasSubstr("HTTP/1.1 200"));
  }
}

TEST_F(GatewayTest, ACallThatMayHaveBeenCarriedOutIsNotRepeated) {
  std::atomic<bool> answers{true};
  start([&](std::string_view target, std::string_view) -> std::optional<FakeAnswer> {
    // A fresh connection each, so that none is taken for stale.
    return target.ends_with("PutItem") && !answers ? std::nullopt
                                                   : std::optional(FakeAnswer{200, "{}", true});
  });
  RawClient client(port());
  client.send(post("PutItem", "{}"));
  EXPECT_THAT(client.receive(), HasSubstr("HTTP/1.1 200"));
  answers = false;
  client.send(post("PutItem", "{}"));
  const std::string answer = client.receive();
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 500"));
  EXPECT_THAT(answer, HasSubstr("InternalServerError"));
  EXPECT_EQ(store_->count("PutItem"), 2);
}

TEST_F(GatewayTest, AnAnswerThatBreaksOffIsNotAskedForAgain) {
  start([](std::string_view target, std::string_view) {
    FakeAnswer answer;
    answer.raw =
        target.ends_with("PutItem") ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{" : "";
    return answer;
  });
  RawClient client(port());
  client.send(post("GetItem", "{}"));  // leaves a kept connection
  EXPECT_THAT(client.receive(), HasSubstr("HTTP/1.1 200"));
  client.send(post("PutItem", "{}"));
  EXPECT_THAT(client.receive(), HasSubstr("HTTP/1.1 500"));
  EXPECT_EQ(store_->count("PutItem"), 1);
}

TEST_F(GatewayTest, AnswersComeInAnyPiecesAndShapes) {
  start([](std::string_view target, std::string_view) {
    FakeAnswer answer;
    if (target.ends_with("GetItem")) {
      answer.raw =
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
          "chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n";
    } else if (target.ends_with("Scan")) {
      answer.raw = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"a\":1}";
    } else {
      answer.raw = "this is not HTTP\r\n\r\n";
    }
    return answer;
  });
  RawClient client(port());
  for (const char* operation : {"GetItem", "Scan"}) {
    client.send(post(operation, "{}"));
    EXPECT_THAT(client.receive(), HasSubstr("Content-Length: 7\r\n\r\n{\"a\":1}"));
  }
  client.send(post("PutItem", "{}"));
  EXPECT_THAT(client.receive(), HasSubstr("HTTP/1.1 500"));
}

TEST_F(GatewayTest, RequestsComeInAnyPiecesAndShapes) {
  start([](std::string_view, std::string_view body) { return FakeAnswer{200, std::string(body)}; });
  RawClient client(port());
  const std::string whole = post("GetItem", R"({"a":1})");
  for (const char byte : whole) {
    client.send({&byte, 1});
  }
  EXPECT_THAT(client.receive(), HasSubstr("\r\n\r\n{\"a\":1}"));
  client.send(
      fmt::format("POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\n{}"
                  "Transfer-Encoding: chunked\r\n\r\n3\r\n{{}} \r\n0\r\n\r\n",
                  kAuthorization));
  EXPECT_THAT(client.receive(), HasSubstr("\r\n\r\n{} "));
  client.send(whole + whole);  // two at once
  EXPECT_THAT(client.receive(), HasSubstr("{\"a\":1}"));
  EXPECT_THAT(client.receive(), HasSubstr("{\"a\":1}"));
}

TEST_F(GatewayTest, AStoreThatHangsIsGivenUp) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  store_timeout_ = std::chrono::milliseconds(300);
  start([released](std::string_view target, std::string_view) {
    if (target.ends_with("PutItem")) {
      released.wait();
    }
    return FakeAnswer{};
  });
  RawClient client(port());
  client.send(post("PutItem", "{}"));
  EXPECT_THAT(client.receive(), HasSubstr("no answer in time"));
  client.send(post("GetItem", "{}"));  // by another connection to the store
  EXPECT_THAT(client.receive(), HasSubstr("HTTP/1.1 200"));
  EXPECT_EQ(store_->count("PutItem"), 1);
  release.set_value();
}

TEST_F(GatewayTest, ErrorsAreWordedAsDynamoDbDoes) {
  start([](std::string_view, std::string_view body) {
    return body == "{}" ? FakeAnswer{400, kNotFound} : FakeAnswer{500, R"({"__type":"x"})"};
  });
  RawClient client(port());
  client.send(post("GetItem", "{}"));
  EXPECT_THAT(client.receive(), HasSubstr(R"("message":"none")"));
  client.send(post("GetItem", "{oops"));
  std::string answer = client.receive();
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(answer, HasSubstr("com.amazon.coral.service#SerializationException"));
  client.send(post("GetItem", ""));
  EXPECT_THAT(client.receive(), HasSubstr("SerializationException"));
  client.send(post("MakeCoffee", "{}"));
  answer = client.receive();
  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(answer, HasSubstr("com.amazon.coral.service#UnknownOperationException"));
  client.send(post("GetItem", "{}", ""));
  EXPECT_THAT(client.receive(), HasSubstr("MissingAuthenticationTokenException"));
}

TEST_F(GatewayTest, HttpThatIsWrongInItself) {
  start([](std::string_view, std::string_view) { return FakeAnswer{}; });
  const std::pair<std::string, const char*> cases[] = {
      {"nonsense\r\n\r\n", "HTTP/1.1 400"},
      {"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 16777217\r\n\r\n", "HTTP/1.1 413"},
      {"POST / HTTP/1.1\r\nHost: h\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", "HTTP/1.1 431"},
      {"POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: a\r\nX-Amz-Target: b\r\n"
       "Content-Length: 0\r\n\r\n",
       "HTTP/1.1 400"},
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "healthy: dynamodb.eu-west-3.amazonaws.com"},
      {"POST /else HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 404"},
  };
  for (const auto& [request, expected] : cases) {
    RawClient client(port());
    client.send(request);
    EXPECT_THAT(client.receive(), HasSubstr(expected)) << request.substr(0, 60);
  }
}

TEST_F(GatewayTest, ExpectContinueIsAnswered) {
  start([](std::string_view, std::string_view body) { return FakeAnswer{200, std::string(body)}; });
  RawClient client(port());
  const std::string whole =
      post("GetItem", R"({"a":1})", std::string(kAuthorization) + "Expect: 100-continue\r\n");
  const std::size_t body = whole.size() - 7;
  client.send(whole.substr(0, body));
  EXPECT_THAT(client.receive(), HasSubstr("HTTP/1.1 100 Continue"));
  client.send(whole.substr(body));
  EXPECT_THAT(client.receive(), HasSubstr(R"({"a":1})"));
}

TEST_F(GatewayTest, SignaturesAreCheckedWhereKeysAreKnown) {
  KeyBook keys;
  keys.emplace("test", Secret("secret"));
  start([](std::string_view, std::string_view) { return FakeAnswer{}; }, std::move(keys));
  RawClient client(port());
  client.send(post("GetItem", "{}"));
  EXPECT_THAT(client.receive(), HasSubstr("IncompleteSignatureException"));
  client.send(post("GetItem", "{}", std::string(kAuthorization) + "x-leeward-peer: RBX-A\r\n"));
  EXPECT_THAT(client.receive(), HasSubstr("IncompleteSignatureException"));
  EXPECT_EQ(store_->count("GetItem"), 0);
}

TEST_F(GatewayTest, AFrozenRequestIsAnsweredOnceHealed) {
  start([](std::string_view, std::string_view) { return FakeAnswer{}; });
  EXPECT_THAT(
      control("PUT", "/faults", R"({"faults":[{"direction":"clients","action":"freeze"}]})"),
      HasSubstr("HTTP/1.1 200"));
  auto answer = std::async(std::launch::async, [this] {
    RawClient client(port());
    client.send(post("GetItem", "{}"));
    return client.receive();
  });
  while (control("GET", "/metrics").find("faulted_total{region=\"GRA11\"} 1") ==
         std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(store_->count("GetItem"), 0);
  // Peers are another direction.
  RawClient peer(port());
  peer.send(post("GetItem", "{}", std::string(kAuthorization) + "x-leeward-peer: RBX-A\r\n"));
  EXPECT_THAT(peer.receive(), HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(control("PUT", "/faults", R"({"faults":[]})"), HasSubstr("200"));
  EXPECT_THAT(answer.get(), HasSubstr("HTTP/1.1 200"));
}

TEST_F(GatewayTest, ACutIsAClosedConnectionAndNoCall) {
  start([](std::string_view, std::string_view) { return FakeAnswer{}; });
  EXPECT_THAT(
      control("PUT", "/faults", R"({"faults":[{"direction":"peer:RBX-A","action":"cut"}]})"),
      HasSubstr("200"));
  RawClient peer(port());
  peer.send(post("GetItem", "{}", std::string(kAuthorization) + "x-leeward-peer: RBX-A\r\n"));
  EXPECT_EQ(peer.receive(), "");
  EXPECT_EQ(store_->count("GetItem"), 0);
  RawClient other(port());
  other.send(post("GetItem", "{}", std::string(kAuthorization) + "x-leeward-peer: RBX-B\r\n"));
  EXPECT_THAT(other.receive(), HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(control("GET", "/faults"), HasSubstr(R"("direction":"peer:RBX-A","action":"cut")"));
  EXPECT_THAT(control("PUT", "/faults", "[]"), HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(control("POST", "/faults"), HasSubstr("HTTP/1.1 405"));
  EXPECT_THAT(control("GET", "/else"), HasSubstr("HTTP/1.1 404"));
}

TEST_F(GatewayTest, NothingPassesBeforeTheStoreWasAsked) {
  auto store = std::make_unique<FakeStore>(
      [](std::string_view, std::string_view) -> std::optional<FakeAnswer> { return std::nullopt; });
  GatewayOptions options;
  options.region = RegionId("GRA11");
  options.store = {store->url(), "eu-west-3"};
  options.credentials = {"test", Secret("test"), Secret()};
  options.listen = {"127.0.0.1", 0};
  options.control = Listen{"127.0.0.1", 0};
  auto started = Gateway::start(std::move(options));
  ASSERT_TRUE(started);
  gateway_ = std::move(*started);
  RawClient client(port());
  client.send(post("PutItem", "{}"));
  EXPECT_THAT(client.receive(), HasSubstr("HTTP/1.1 500"));
  EXPECT_EQ(store->count("PutItem"), 0);
  EXPECT_THAT(control("GET", "/healthz"), HasSubstr("HTTP/1.1 503"));
  gateway_->stop();
}

TEST_F(GatewayTest, StopsWithClientsConnectedAndFrozen) {
  start([](std::string_view, std::string_view) { return FakeAnswer{}; });
  RawClient idle(port());
  idle.send(post("GetItem", "{}"));
  EXPECT_THAT(idle.receive(), HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(
      control("PUT", "/faults", R"({"faults":[{"direction":"clients","action":"freeze"}]})"),
      HasSubstr("200"));
  RawClient frozen(port());
  frozen.send(post("GetItem", "{}"));
  gateway_->stop();
  EXPECT_EQ(idle.receive(), "");
  EXPECT_EQ(frozen.receive(), "");
}

TEST_F(GatewayTest, APortThatIsTakenIsNamed) {
  start([](std::string_view, std::string_view) { return FakeAnswer{}; });
  GatewayOptions options;
  options.region = RegionId("GRA11");
  options.store = {store_->url(), "eu-west-3"};
  options.listen = gateway_->listening();
  const auto second = Gateway::start(std::move(options));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(second.error().message, HasSubstr(fmt::format("--listen 127.0.0.1:{}", port())));
}

}  // namespace
}  // namespace leeward::gateway
