// SPDX-License-Identifier: Apache-2.0
#include "server/tcp_framing.h"

#include <algorithm>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace leeward::server {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes message_of(std::size_t size, std::uint8_t fill) {
  return Bytes(size, fill);
}

std::vector<Bytes> drain(FrameReader& reader) {
  std::vector<Bytes> messages;
  while (const auto message = reader.next()) {
    messages.emplace_back(message->begin(), message->end());
  }
  return messages;
}

TEST(TcpFraming, CutsMessagesWhereverTheStreamIsCut) {
  Rng rng(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<Bytes> sent;
    Bytes stream;
    for (std::uint64_t i = 1 + rng.below(20); i > 0; --i) {
      sent.push_back(message_of(rng.below(300), static_cast<std::uint8_t>(i)));
      append_frame(sent.back(), stream);
    }
    FrameReader reader;
    std::vector<Bytes> received;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t size = std::min<std::size_t>(1 + rng.below(40), stream.size() - at);
      reader.feed(std::span(stream).subspan(at, size));
      at += size;
      for (Bytes& message : drain(reader)) {
        received.push_back(std::move(message));
      }
    }
    EXPECT_EQ(received, sent) << "round " << round;
    EXPECT_EQ(reader.pending(), 0U);
  }
}

TEST(TcpFraming, TheLongestMessageIsTakenAndALongerOneEndsIt) {
  FrameReader reader;
  Bytes stream;
  append_frame(message_of(FrameReader::kMessageBytesMax, 7), stream);
  append_frame(message_of(FrameReader::kMessageBytesMax + 1, 8), stream);
  append_frame(message_of(1, 9), stream);
  reader.feed(stream);
  EXPECT_EQ(drain(reader).size(), 1U);
  EXPECT_TRUE(reader.broken());
  EXPECT_EQ(reader.pending(), 0U);
  reader.feed(stream);
  EXPECT_EQ(reader.next(), std::nullopt);
  EXPECT_EQ(reader.pending(), 0U);
}

TEST(TcpFraming, AnEmptyMessageIsAMessage) {
  FrameReader reader;
  reader.feed(Bytes{0, 0});
  const auto message = reader.next();
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->empty());
}

}  // namespace
}  // namespace leeward::server
