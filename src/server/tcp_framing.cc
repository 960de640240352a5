// SPDX-License-Identifier: Apache-2.0
#include "server/tcp_framing.h"

#include "base/check.h"

namespace leeward::server {
namespace {

constexpr std::size_t kLengthBytes = 2;
constexpr std::size_t kFrameBytesMax = 65'535;

}  // namespace

void FrameReader::feed(std::span<const std::uint8_t> bytes) {
  if (broken_) {
    return;
  }
  // What was given out goes now, so that next()'s span lives until here.
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

std::optional<std::span<const std::uint8_t>> FrameReader::next() {
  if (broken_ || pending() < kLengthBytes) {
    return std::nullopt;
  }
  const std::size_t length = (std::size_t{buffer_[begin_]} << 8U) | buffer_[begin_ + 1];
  if (length > kMessageBytesMax) {
    broken_ = true;
    buffer_.clear();
    begin_ = 0;
    return std::nullopt;
  }
  if (pending() < kLengthBytes + length) {
    return std::nullopt;
  }
  const std::span<const std::uint8_t> message(buffer_.data() + begin_ + kLengthBytes, length);
  begin_ += kLengthBytes + length;
  return message;
}

void append_frame(std::span<const std::uint8_t> message, std::vector<std::uint8_t>& out) {
  LEEWARD_CHECK(message.size() <= kFrameBytesMax, "a DNS message fits its length field");
  out.push_back(static_cast<std::uint8_t>(message.size() >> 8U));
  out.push_back(static_cast<std::uint8_t>(message.size() & 0xFFU));
  out.insert(out.end(), message.begin(), message.end());
}

}  // namespace leeward::server
