// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace leeward::server {

// Totals since start; for /metrics.
struct DnsCounters {
  std::uint64_t queries_udp = 0;
  std::uint64_t queries_tcp = 0;
  std::array<std::uint64_t, 16> responses_by_rcode{};  // RCODE of the header (RFC 1035)
  std::uint64_t truncated = 0;                         // responses with TC=1
  std::uint64_t rate_limited = 0;  // responses over the limit: dropped (and ignored), or truncated
  std::uint64_t ignored = 0;       // messages that get no response: too short, responses, too long
  std::uint64_t send_failed = 0;   // the kernel refused the response; the client will ask again
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t tcp_accepted = 0;
  std::uint64_t tcp_open = 0;       // now
  std::uint64_t tcp_evicted = 0;    // the idlest, to make room
  std::uint64_t tcp_timed_out = 0;  // idle, or too slow in sending or reading
  std::uint64_t tcp_refused = 0;    // broke the framing
  std::uint64_t accept_failed = 0;  // no descriptors or memory

  friend bool operator==(const DnsCounters&, const DnsCounters&) = default;
};

// One thread writes, any thread reads; a cache line of its own, so that workers do not share one.
class alignas(64) WorkerCounters {
 public:
  class Counter {
   public:
    // Not fetch_add: there is one writer, and a locked instruction per query is not free.
    void add(std::uint64_t n) {
      value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void subtract(std::uint64_t n) {
      value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

   private:
    std::atomic<std::uint64_t> value_{0};
  };

  Counter queries;
  std::array<Counter, 16> responses_by_rcode;
  Counter truncated;
  Counter rate_limited;
  Counter ignored;
  Counter send_failed;
  Counter received_bytes;
  Counter sent_bytes;
  Counter tcp_accepted;
  Counter tcp_open;
  Counter tcp_evicted;
  Counter tcp_timed_out;
  Counter tcp_refused;
  Counter accept_failed;

  // A response of at least a header (12 bytes) is about to be sent.
  void count_response(const std::uint8_t* response) {
    responses_by_rcode[response[3] & 0x0FU].add(1);
    if ((response[2] & 0x02U) != 0) {
      truncated.add(1);
    }
  }

  void add_to(DnsCounters& total, bool tcp) const {
    (tcp ? total.queries_tcp : total.queries_udp) += queries.get();
    for (std::size_t i = 0; i < responses_by_rcode.size(); ++i) {
      total.responses_by_rcode[i] += responses_by_rcode[i].get();
    }
    total.truncated += truncated.get();
    total.rate_limited += rate_limited.get();
    total.ignored += ignored.get();
    total.send_failed += send_failed.get();
    total.received_bytes += received_bytes.get();
    total.sent_bytes += sent_bytes.get();
    total.tcp_accepted += tcp_accepted.get();
    total.tcp_open += tcp_open.get();
    total.tcp_evicted += tcp_evicted.get();
    total.tcp_timed_out += tcp_timed_out.get();
    total.tcp_refused += tcp_refused.get();
    total.accept_failed += accept_failed.get();
  }
};

}  // namespace leeward::server
