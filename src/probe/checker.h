// SPDX-License-Identifier: Apache-2.0
//
// The part of a node that runs health checks: starts the probes that the detectors order, feeds
// them what came back, and reports when a verdict changes. Thousands of health checks share one
// thread: a heap of wake-ups and one readiness loop, no thread and no timer per check.
//
// A vote must be earned. After a stall of this process the answers that already lie in its sockets
// are read before anything is judged; probes that became overdue meanwhile are no evidence; and a
// check whose wake-ups keep coming late (by more than half its timeout) is *unknown* until they are
// on time again (Lifeguard, arXiv 1707.00788: a slow observer must not blame others).
//
// Inverted checks report the opposite verdict. Disabled checks are not probed and count as healthy
// (an inverted disabled one as unhealthy, as Route 53 documents for taking a target out by hand).
//
// Thread-safety: every member from any thread. Callbacks run on a checker thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "detect/detector.h"
#include "detect/gray.h"
#include "model/health.h"
#include "model/health_check.h"
#include "model/ids.h"

namespace leeward::probe {

struct CheckerOptions {
  std::uint64_t seed = 0;  // of jitter and phases; give each node its own, so that they spread
  int threads = 1;         // 1 to 64; checks are spread over them by id
  // A verdict changed. Must not block; may call snapshot() and verdicts(), not apply() or stop().
  std::function<void(const HealthCheckId&, const detect::Transition&)> on_transition;
  // Names to addresses; blocking, called on threads of its own. Empty: the system's resolver.
  std::function<Result<std::vector<std::string>>(const std::string& name)> resolve;
  std::size_t connects_max = 8192;  // connections being opened at once, per thread
};

struct CheckSnapshot {
  HealthCheck check;
  Verdict verdict;
  std::vector<Observation> history;  // the last ones, oldest first
};

// Since start; sums over all threads.
struct CheckerCounters {
  static constexpr std::size_t kOutcomes = 11;  // ProbeOutcome
  // Upper bounds of the histogram buckets; the last bucket of each is "more".
  static constexpr std::array<double, 12> kBucketsMs = {1,   2.5, 5,   10,   25,   50,
                                                        100, 250, 500, 1000, 2500, 5000};
  using Histogram = std::array<std::uint64_t, kBucketsMs.size() + 1>;

  std::uint64_t probes_started = 0;
  std::array<std::uint64_t, kOutcomes> probes_finished{};  // by ProbeOutcome
  Histogram latency{};                                     // of successful probes
  Duration latency_sum{};
  Histogram lateness{};  // of wake-ups: how late this checker's own timers ran
  Duration lateness_sum{};
  Duration lateness_max{};
  std::uint64_t stalls = 0;  // wake-ups late by more than half of the check's timeout
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_reused = 0;
  std::uint64_t reuse_retries = 0;  // a kept connection turned out closed; asked again on a new one
  std::size_t connections = 0;      // now, idle ones included
  std::size_t checks = 0;           // now
  std::size_t disqualified = 0;     // now: unknown because this checker runs late
};

// Raises this process's limit of open files to the hard limit and returns it: each check may keep a
// connection. For main(), before threads start.
std::uint64_t raise_descriptor_limit();

class Checker {
 public:
  // Where the process has no descriptors or threads left, apply() and start() say so.
  explicit Checker(CheckerOptions options);
  ~Checker();  // stops
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  // Sets what is checked, at start and on reload: unchanged checks keep their verdict, history and
  // connections; changed ones start again from their last health; missing ones stop. `initial`: the
  // reported health of new checks, from the saved board. All or nothing: on error nothing changed.
  // Errors: kInvalidArgument with the check's id (contents, ca_file, duplicate id).
  Status apply(std::vector<HealthCheck> checks,
               const std::map<HealthCheckId, Health>& initial = {});

  // Starts the threads; apply() may come before or after. Errors: kFailedPrecondition (started or
  // stopped before), kResourceExhausted.
  Status start();
  // Ends the threads and closes everything; probes under way report nothing. Idempotent; final.
  void stop();

  [[nodiscard]] std::vector<CheckSnapshot> snapshot() const;  // sorted by id
  [[nodiscard]] std::optional<CheckSnapshot> snapshot(const HealthCheckId& id) const;
  // Verdicts without checks and histories, for those who ask often. Sorted by id.
  [[nodiscard]] std::vector<std::pair<HealthCheckId, Verdict>> verdicts() const;
  // How good each check's target was since the check began, at its regular pace
  // (detect/paced_sample.h). Sorted by id.
  [[nodiscard]] std::vector<std::pair<HealthCheckId, detect::GrayCounts>> gray_counts() const;
  [[nodiscard]] CheckerCounters counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace leeward::probe
