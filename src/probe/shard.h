// SPDX-License-Identifier: Apache-2.0
//
// One thread of the checker with its share of the health checks. Private to this module.
//
// Order within a turn, which is what makes verdicts honest: wait until something is due or ready;
// read everything that is ready; only then let deadlines pass and start new probes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "base/rng.h"
#include "base/time.h"
#include "detect/detector.h"
#include "detect/paced_sample.h"
#include "probe/checker.h"
#include "probe/prober.h"
#include "probe/wakeup_heap.h"

namespace leeward::probe {

using TransitionCallback = std::function<void(const HealthCheckId&, const detect::Transition&)>;

// What apply() prepared for one check, before anything is changed.
struct PreparedCheck {
  HealthCheck check;
  TlsContext tls;
  std::optional<Health> initial;  // as reported
};

class Shard {
 public:
  Shard(std::uint64_t seed, std::size_t connects_max, std::shared_ptr<Resolver> resolver,
        TransitionCallback on_transition);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  void apply(std::vector<PreparedCheck> prepared, MonoTime now);
  void start();
  void stop();

  void snapshot(std::vector<CheckSnapshot>& out) const;
  [[nodiscard]] std::optional<CheckSnapshot> snapshot(const HealthCheckId& id) const;
  void verdicts(std::vector<std::pair<HealthCheckId, Verdict>>& out) const;
  void gray_counts(std::vector<std::pair<HealthCheckId, detect::GrayCounts>>& out) const;
  void add_counters(CheckerCounters& sum) const;

 private:
  struct Check : Target {
    explicit Check(PreparedCheck prepared)
        : Target(std::move(prepared.check), std::move(prepared.tls)), sample(check.timing) {}

    detect::PacedSample sample;
    std::optional<detect::Detector> detector;  // none while disabled
    Health last_health = Health::kUnknown;     // before inversion, of the time before a detector
    MonoTime disabled_since;
    Duration timeout{};  // adaptive, of the last probe ordered
    MonoTime wake;
    std::size_t heap_index = WakeupHeap<Check>::kAbsent;
    std::uint8_t late_streak = 0;
    std::uint8_t punctual_streak = 0;
    bool disqualified = false;
  };
  using Checks = std::map<HealthCheckId, std::unique_ptr<Check>>;

  void run();
  void service_due();
  void service(Check& check, MonoTime now);
  void watch_own_lateness(Check& check, Duration late, bool stalled, MonoTime now);
  void deliver_finished();
  void report(const Check& check, std::optional<detect::Transition> transition);
  void reschedule(Check& check, MonoTime now);
  void deliver_transitions();

  std::unique_ptr<Check> make_check(PreparedCheck prepared, Health last, MonoTime now) const;
  void retire(Check& check);
  [[nodiscard]] static Health raw_health(const Check& check);
  [[nodiscard]] static Verdict reported_verdict(const Check& check);
  [[nodiscard]] static CheckSnapshot snapshot_of(const Check& check);

  const std::uint64_t seed_;
  const TransitionCallback on_transition_;
  mutable std::mutex mutex_;  // everything below
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  Prober prober_;
  Checks checks_;
  WakeupHeap<Check> heap_;
  CheckerCounters counters_;
  std::vector<std::pair<HealthCheckId, detect::Transition>> transitions_;
  Duration turn_late_{};  // how late this turn came, whatever was due
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace leeward::probe
