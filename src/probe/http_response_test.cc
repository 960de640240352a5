// SPDX-License-Identifier: Apache-2.0
#include "probe/http_response.h"

#include <string>

#include <gtest/gtest.h>

namespace leeward::probe {
namespace {

using Progress = HttpResponse::Progress;

// Fed whole and byte by byte: both must agree, so every test covers every split.
HttpResponse read_all(const std::string& bytes, std::size_t window = HttpResponse::kBodyWindowMax) {
  HttpResponse whole(window);
  whole.feed(bytes);
  HttpResponse pieces(window);
  for (const char c : bytes) {
    pieces.feed(std::string_view(&c, 1));
  }
  EXPECT_EQ(whole.progress(), pieces.progress());
  EXPECT_EQ(whole.status(), pieces.status());
  EXPECT_EQ(whole.body_window(), pieces.body_window());
  EXPECT_EQ(whole.keep_alive(), pieces.keep_alive());
  return whole;
}

TEST(HttpResponse, BodyByLength) {
  const auto r = read_all("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_EQ(r.progress(), Progress::kDone);
  EXPECT_EQ(r.status(), 200);
  EXPECT_EQ(r.body_window(), "hello");
  EXPECT_TRUE(r.keep_alive());
}

TEST(HttpResponse, ChunkedBodyWithExtensionAndTrailer) {
  const auto r = read_all(
      "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\n"
      "3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n");
  EXPECT_EQ(r.progress(), Progress::kDone);
  EXPECT_EQ(r.body_window(), "hello");
  EXPECT_TRUE(r.keep_alive());
}

TEST(HttpResponse, BodyUntilClose) {
  auto r = read_all("HTTP/1.1 200 OK\r\n\r\nhello");
  EXPECT_EQ(r.progress(), Progress::kNeedMore);
  EXPECT_EQ(r.finish(), Progress::kDone);
  EXPECT_EQ(r.body_window(), "hello");
  EXPECT_FALSE(r.keep_alive());
}

TEST(HttpResponse, CloseInTheMiddleIsTruncation) {
  for (const char* text : {"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nA: b\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"}) {
    auto r = read_all(text);
    EXPECT_EQ(r.finish(), Progress::kTruncated) << text;
  }
}

TEST(HttpResponse, NoBodyAfter204And304WhateverTheHeadersSay) {
  for (const char* status : {"204", "304"}) {
    const auto r =
        read_all("HTTP/1.1 " + std::string(status) + " x\r\nContent-Length: 100\r\n\r\n");
    EXPECT_EQ(r.progress(), Progress::kDone);
  }
}

TEST(HttpResponse, InformationalResponsesAreSkipped) {
  const auto r = read_all(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n"
      "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(r.status(), 503);
  EXPECT_EQ(r.progress(), Progress::kDone);
}

TEST(HttpResponse, InformationalFloodIsMalformed) {
  std::string flood;
  for (int i = 0; i <= HttpResponse::kInformationalMax; ++i) {
    flood += "HTTP/1.1 100 Continue\r\n\r\n";
  }
  EXPECT_EQ(read_all(flood).progress(), Progress::kMalformed);
}

TEST(HttpResponse, HeaderLimitIsExact) {
  const std::string head = "HTTP/1.1 200 OK\r\n";
  const std::string end = "Content-Length: 0\r\n\r\n";
  const std::size_t room = HttpResponse::kHeaderBytesMax - head.size() - end.size();
  const auto with_header = [&](std::size_t bytes) {
    return head + "A: " + std::string(bytes - 5, 'x') + "\r\n" + end;
  };
  EXPECT_EQ(read_all(with_header(room)).progress(), Progress::kDone);
  const auto over = read_all(with_header(room + 1));
  EXPECT_EQ(over.progress(), Progress::kMalformed);
  EXPECT_EQ(over.error(), "headers over 16 KiB");
}

TEST(HttpResponse, OtherProtocolsAreNamedAtOnce) {
  HttpResponse r;
  EXPECT_EQ(r.feed("SSH-2.0-OpenSSH_9.2p1"), Progress::kMalformed);  // no line end needed
  EXPECT_NE(r.error().find("'SSH-2.0-OpenSSH_9.2p1'"), std::string::npos) << r.error();
}

TEST(HttpResponse, MalformedHeads) {
  for (const char* text : {
           "HTTP/2 200\r\n\r\n",
           "HTTP/1.1 2000 OK\r\n\r\n",
           "HTTP/1.1 20 OK\r\n\r\n",
           "HTTP/1.1 099 OK\r\n\r\n",
           "HTTP/1.1 600 OK\r\n\r\n",
           "HTTP/1.1  200 OK\r\n\r\n",
           "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
           "HTTP/1.1 200 OK\r\nName : x\r\n\r\n",
           "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
           "HTTP/1.1 200 OK\r\n folded first\r\n\r\n",
           "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
       }) {
    const auto r = read_all(text);
    EXPECT_EQ(r.progress(), Progress::kMalformed) << text;
    EXPECT_FALSE(r.error().empty());
    EXPECT_EQ(r.status(), 0) << text;
  }
  EXPECT_EQ(read_all(std::string("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", 25)).progress(),
            Progress::kMalformed);
}

TEST(HttpResponse, MalformedChunks) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* body : {"g\r\n", "\r\n", "-1\r\n", "0x5\r\n", "11111111111111111\r\n",
                           "3\r\nabcd\r\n", "3\r\nabcX"}) {
    const auto r = read_all(head + body + std::string(300, 'x'));
    EXPECT_EQ(r.progress(), Progress::kMalformed) << body;
    EXPECT_EQ(r.status(), 200);
  }
  EXPECT_EQ(read_all(head + "3;" + std::string(300, 'x')).error(),
            "chunk size line over 256 bytes");
}

TEST(HttpResponse, OddButCommonServersAreRead) {
  auto r = read_all("HTTP/1.0 200\nServer: old\n folded\nContent-Length: 2\n\nok");
  EXPECT_EQ(r.progress(), Progress::kDone);
  EXPECT_FALSE(r.keep_alive());
}

TEST(HttpResponse, WhoMayKeepTheConnection) {
  const auto keeps = [](const std::string& head, const std::string& rest = "") {
    return read_all(head + "\r\nContent-Length: 0\r\n\r\n" + rest).keep_alive();
  };
  EXPECT_TRUE(keeps("HTTP/1.1 200 OK"));
  EXPECT_FALSE(keeps("HTTP/1.1 200 OK\r\nConnection: Upgrade, Close"));
  EXPECT_FALSE(keeps("HTTP/1.0 200 OK"));
  EXPECT_TRUE(keeps("HTTP/1.0 200 OK\r\nConnection: Keep-Alive"));
  EXPECT_FALSE(keeps("HTTP/1.1 200 OK", "stray"));
  EXPECT_FALSE(keeps("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", "0\r\n\r\n"));  // smuggling
}

TEST(HttpResponse, WindowIsBoundedAndBodyIsCounted) {
  const std::string body(6000, 'b');
  const auto r = read_all("HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n" + body);
  EXPECT_EQ(r.progress(), Progress::kDone);
  EXPECT_EQ(r.body_window().size(), HttpResponse::kBodyWindowMax);
  EXPECT_TRUE(r.window_full());
  EXPECT_EQ(r.body_bytes(), 6000U);
}

}  // namespace
}  // namespace leeward::probe
