// SPDX-License-Identifier: Apache-2.0
//
// The first byte says in which pieces the rest arrives: the messages must not depend on it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "server/tcp_framing.h"

namespace {

using Bytes = std::vector<std::uint8_t>;
using leeward::server::FrameReader;

struct Outcome {
  std::vector<Bytes> messages;
  bool broken = false;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read(std::span<const std::uint8_t> stream, std::size_t piece) {
  FrameReader reader;
  Outcome outcome;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    reader.feed(stream.subspan(at, std::min(piece, stream.size() - at)));
    while (const auto message = reader.next()) {
      LEEWARD_CHECK(message->size() <= FrameReader::kMessageBytesMax, "messages are bounded");
      outcome.messages.emplace_back(message->begin(), message->end());
    }
    LEEWARD_CHECK(reader.pending() < FrameReader::kMessageBytesMax + 2, "what waits is bounded");
  }
  outcome.broken = reader.broken();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const std::span<const std::uint8_t> stream(data + 1, size - 1);
  LEEWARD_CHECK(read(stream, 1 + data[0]) == read(stream, stream.size()),
                "pieces do not change the messages");
  return 0;
}
