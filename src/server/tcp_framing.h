// SPDX-License-Identifier: Apache-2.0
//
// DNS over TCP without the TCP: messages behind two bytes of length (RFC 1035 4.2.2, RFC 7766 8),
// cut out of a stream that arrives in any pieces.
//
// Bounded: holds at most what one feed() brought and one unfinished message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace leeward::server {

class FrameReader {
 public:
  // Longer messages end the connection: no query needs them, and 65,535 per client would be memory
  // for the asking.
  static constexpr std::size_t kMessageBytesMax = 4096;

  void feed(std::span<const std::uint8_t> bytes);

  // The next whole message, without its length; valid until the next call of either function.
  std::optional<std::span<const std::uint8_t>> next();

  // The stream announced a message longer than kMessageBytesMax; nothing more will come.
  [[nodiscard]] bool broken() const { return broken_; }

  // Bytes that are not yet given out.
  [[nodiscard]] std::size_t pending() const { return buffer_.size() - begin_; }

 private:
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0;
  bool broken_ = false;
};

// Appends `message` (at most 65,535 bytes) with its length in front.
void append_frame(std::span<const std::uint8_t> message, std::vector<std::uint8_t>& out);

}  // namespace leeward::server
