// SPDX-License-Identifier: Apache-2.0
#include "server/rate_limit.h"

#include <string>

#include <gtest/gtest.h>

#include "dns/client_message.h"
#include "dns/protocol.h"

namespace leeward::server {
namespace {

using Decision = RateLimiter::Decision;

// A response to `name` with this rcode: what the limiter reads of one.
std::vector<std::uint8_t> response(const std::string& name, std::uint16_t rcode = 0) {
  std::vector<std::uint8_t> bytes = *dns::build_query(name, "A", {});
  dns::store16(bytes.data() + 2, static_cast<std::uint16_t>(0x8400 | rcode));
  return bytes;
}

routing::ClientNetwork from(const char* address) {
  return *routing::parse_network(address);
}

int sent(RateLimiter& limiter, const std::vector<std::uint8_t>& of, int times,
         std::uint32_t now = 100, const char* client = "192.0.2.7") {
  int count = 0;
  for (int i = 0; i < times; ++i) {
    count += limiter.decide(from(client), of, now) == Decision::kSend ? 1 : 0;
  }
  return count;
}

RateLimit limit(std::uint32_t rate, std::uint32_t slip = 2) {
  return {.responses_per_second = rate, .slip = slip, .window_seconds = 5, .exempt = {}};
}

TEST(RateLimit, IsOffByDefault) {
  RateLimiter limiter({});
  EXPECT_FALSE(limiter.is_on());
  EXPECT_EQ(sent(limiter, response("a.test"), 10'000), 10'000);
}

TEST(RateLimit, OneNetworkGetsOneAnswerSoManyTimesASecond) {
  RateLimiter limiter(limit(10));
  EXPECT_EQ(sent(limiter, response("a.test"), 100), 10);
  EXPECT_EQ(sent(limiter, response("a.test"), 100, 100, "192.0.2.200"), 0) << "the same /24";
  EXPECT_EQ(sent(limiter, response("a.test"), 100, 100, "192.0.3.7"), 10);
  EXPECT_EQ(sent(limiter, response("b.test"), 100), 10) << "another name";
}

TEST(RateLimit, LetterCaseIsNoWayAround) {
  RateLimiter limiter(limit(10));
  sent(limiter, response("a.test"), 10);
  EXPECT_EQ(sent(limiter, response("A.tEST"), 100), 0);
}

TEST(RateLimit, RandomNamesThatAreNotThereShareTheirDomainsBudget) {
  RateLimiter limiter(limit(10));
  int count = 0;
  for (int i = 0; i < 100; ++i) {
    count += sent(limiter, response("x" + std::to_string(i) + ".shop.test", 3), 1);
  }
  EXPECT_EQ(count, 10);
  EXPECT_EQ(sent(limiter, response("x.other.test", 3), 100), 10);
}

TEST(RateLimit, ErrorsShareOneBudget) {
  RateLimiter limiter(limit(10));
  EXPECT_EQ(sent(limiter, response("a.test", 5), 6) + sent(limiter, response("b.test", 1), 6), 10);
}

TEST(RateLimit, AnExcessIsRememberedForTheWindow) {
  RateLimiter limiter(limit(10));
  sent(limiter, response("a.test"), 10'000);
  EXPECT_EQ(sent(limiter, response("a.test"), 100, 104), 0) << "four seconds of five";
  RateLimiter quiet(limit(10));
  sent(quiet, response("a.test"), 10'000);
  EXPECT_EQ(sent(quiet, response("a.test"), 100, 106), 10);
}

TEST(RateLimit, EverySoManyGoOutTruncated) {
  RateLimiter limiter(limit(1, 3));
  sent(limiter, response("a.test"), 1);
  int truncated = 0;
  for (int i = 0; i < 300; ++i) {
    truncated +=
        limiter.decide(from("192.0.2.7"), response("a.test"), 100) == Decision::kTruncate ? 1 : 0;
  }
  EXPECT_EQ(truncated, 100);
  RateLimiter silent(limit(1, 0));
  sent(silent, response("a.test"), 1);
  EXPECT_EQ(silent.decide(from("192.0.2.7"), response("a.test"), 100), Decision::kDrop);
}

TEST(RateLimit, ExemptNetworksAreNotLimited) {
  RateLimit exempting = limit(1);
  exempting.exempt = {from("192.0.2.0/25"), from("2001:db8::/32")};
  RateLimiter limiter(exempting);
  EXPECT_EQ(sent(limiter, response("a.test"), 100), 100);
  EXPECT_EQ(sent(limiter, response("a.test"), 100, 100, "2001:db8::1"), 100);
  EXPECT_EQ(sent(limiter, response("a.test"), 100, 100, "192.0.2.200"), 1);
}

TEST(RateLimit, ATruncatedResponseIsHeaderAndQuestion) {
  std::vector<std::uint8_t> bytes = response("www.a.test");
  const std::size_t size = truncate_response(bytes);
  bytes.resize(size);
  const auto parsed = dns::parse_response(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->truncated);
  EXPECT_EQ(parsed->question_name, "www.a.test");
  EXPECT_TRUE(parsed->answers.empty());
  std::vector<std::uint8_t> header(dns::kHeaderBytes);
  EXPECT_EQ(truncate_response(header), 0U);
}

}  // namespace
}  // namespace leeward::server
