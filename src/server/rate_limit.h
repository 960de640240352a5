// SPDX-License-Identifier: Apache-2.0
//
// Response-rate limiting (Vixie and Schryver, "DNS Response Rate Limiting", 2012; the scheme that
// BIND and Knot have): one client network gets the same kind of response so many times a second and
// no more, so that nobody can make this server flood a victim whose address was forged. Over UDP
// only; clients that showed a good cookie, and exempt networks, are not limited. Of the responses
// over the limit every so many goes out truncated, which a real client answers by asking over TCP.
//
// Kinds: an answer or NODATA counts per name, NXDOMAIN per domain (the last two labels), errors all
// together. Networks: /24 and /56.
//
// A fixed table: no allocation, and what collides shares a budget. Virtual time is the caller's.
// Thread-safety: none; one per worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "routing/client_network.h"
#include "routing/prefix_map.h"

namespace leeward::server {

struct RateLimit {
  std::uint32_t responses_per_second = 0;  // of this worker; 0: no limit
  std::uint32_t slip = 2;                  // 0: everything over the limit is dropped
  std::uint32_t window_seconds = 15;       // how long an excess is remembered
  std::vector<routing::ClientNetwork> exempt;

  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

class RateLimiter {
 public:
  enum class Decision : std::uint8_t { kSend, kTruncate, kDrop };

  explicit RateLimiter(const RateLimit& limit);

  // What to do with this response, which counts. `now_seconds` must not run backwards by much.
  Decision decide(const routing::ClientNetwork& client, std::span<const std::uint8_t> response,
                  std::uint32_t now_seconds);

  [[nodiscard]] bool is_on() const { return limit_.responses_per_second > 0; }

 private:
  struct Entry {
    std::uint64_t key = 0;
    std::uint32_t seconds = 0;
    std::int32_t balance = 0;
  };
  static constexpr std::size_t kEntries = std::size_t{1} << 16;  // 1 MiB

  RateLimit limit_;
  routing::PrefixMap exempt_;
  std::vector<Entry> entries_;  // empty while it is off
  std::uint32_t limited_ = 0;   // counts, for slipping
};

// The header and the question with TC, as it goes out instead; its size. 0: there is no question.
std::size_t truncate_response(std::span<std::uint8_t> response);

}  // namespace leeward::server
