// SPDX-License-Identifier: Apache-2.0
//
// A lossy path between one checker and one target, and what a probe over it sees: a model for
// Monte Carlo, in virtual time.
//
// - kIndependent: every packet is lost with the same probability, whatever happened before.
// - kBursts: the path alternates between good and bad periods of random (exponential) length; a
//   bad one loses every packet (a Gilbert model). Each checker's path has its own periods.
// - kSharedBursts: the same, but all checkers' paths are bad together, such as a blackout at the
//   target's own edge. No number of checkers helps against it.
//
// Transports, with Linux's timers:
// - kDatagram: one packet there, one back, nothing repeated.
// - kFreshTcp: a handshake whose lost packets are repeated after 1 s, 2 s ..., then the exchange.
// - kKeptTcp: the exchange alone; lost segments are repeated after RTT + 200 ms, then doubling.
//
// Thread-safety: none; one owner. Copies are independent. Memory: the bad periods of the last
// minute.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "base/rng.h"
#include "base/time.h"

namespace leeward::plan {

enum class LossKind : std::uint8_t { kIndependent, kBursts, kSharedBursts };
enum class Transport : std::uint8_t { kDatagram, kFreshTcp, kKeptTcp };

[[nodiscard]] std::string_view to_string(LossKind kind);  // "shared bursts"

struct Loss {
  LossKind kind = LossKind::kIndependent;
  double share = 0;                                      // of packets, or of time; 0 to below 1
  Duration burst_mean = std::chrono::milliseconds(500);  // of a bad period; > 0
};

class Path {
 public:
  Path(const Loss& loss, Rng rng, MonoTime now);

  // REQUIRES: `at` is not more than a minute before the latest `at` so far.
  bool loses(MonoTime at);

 private:
  struct Period {
    MonoTime from;
    MonoTime until;
  };
  [[nodiscard]] Duration exponential(Duration mean);

  Loss loss_;
  Rng rng_;
  MonoTime known_until_;  // the end of the last period
  std::deque<Period> bad_;
};

// When a probe sent at `start` has its answer, if that is before `deadline`. A fresh connection
// takes two round trips.
[[nodiscard]] std::optional<MonoTime> answer_time(Path& path, Transport transport, MonoTime start,
                                                  MonoTime deadline, Duration round_trip);

// When a probe of a port that nobody listens on is refused.
[[nodiscard]] std::optional<MonoTime> refusal_time(Path& path, MonoTime start, MonoTime deadline,
                                                   Duration round_trip);

}  // namespace leeward::plan
