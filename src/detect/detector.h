// SPDX-License-Identifier: Apache-2.0
//
// One checker's opinion of one health check: observations in, verdict out. A small state machine
// with no I/O; the caller starts the probes it orders and reports how they ended.
//
// Telling *suspecting* from *acting*: a healthy target is probed every `interval`. The first miss
// makes it suspect: a burst probes every `confirm_spacing`, overlapping, each with its own timeout.
// When `failure_threshold` consecutive probes went unanswered the verdict is unhealthy; one success
// ends the suspicion. A refusing target is therefore found after about
//     interval/2 + (threshold - 1) x spacing
// and a silent one a timeout later, instead of after threshold x interval.
//
// Sources: Wald's sequential probability ratio test (1945) for the automatic threshold;
// RFC 6298 for the adaptive timeout (SRTT + 4 x RTTVAR); gdnsd's TTL rule for time_to_flip.
//
// Thread-safety: none; one owner. Time: `now` never decreases between calls.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "base/rng.h"
#include "base/time.h"
#include "model/health.h"
#include "model/health_check.h"

namespace leeward::detect {

// Start this probe now; report it with observe(), or let its deadline pass and call expire().
struct ProbeOrder {
  std::uint64_t sequence = 0;  // from 1, increasing
  Duration timeout{};          // for the whole probe: resolving, connecting, answering

  friend bool operator==(const ProbeOrder&, const ProbeOrder&) = default;
};

// The verdict changed. `health` moves, or `suspect` starts or ends.
struct Transition {
  Verdict before;
  Verdict after;
};

class Detector {
 public:
  // `initial` is the verdict of the saved board after a restart, else unknown. The first probe is
  // due at a random phase within the first interval, or at once where `initial` is unknown.
  Detector(const CheckTiming& timing, Rng rng, MonoTime now, Health initial = Health::kUnknown);

  // The next probe that is due at `now`, if any; call again until it returns nullopt.
  std::optional<ProbeOrder> next_probe(MonoTime now);

  // When to call next_probe() or expire() again. May lie before `now` if something is due.
  [[nodiscard]] MonoTime wakeup() const;

  // A probe ended. Late, duplicate and unknown sequences change nothing.
  std::optional<Transition> observe(const Observation& observation, MonoTime now);

  // Probes whose timeout has passed without observe() count as timed out.
  std::optional<Transition> expire(MonoTime now);

  // The checker cannot be trusted now (its timers ran late, its sockets fail): the verdict is
  // unknown, with `reason` as evidence, until qualify(). Probing goes on.
  std::optional<Transition> disqualify(const std::string& reason, MonoTime now);
  std::optional<Transition> qualify(MonoTime now);

  [[nodiscard]] const Verdict& verdict() const;

  // The last kHistoryMax observations, oldest first.
  static constexpr std::size_t kHistoryMax = 32;
  [[nodiscard]] const std::deque<Observation>& history() const;
};

}  // namespace leeward::detect
