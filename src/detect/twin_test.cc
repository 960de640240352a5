// SPDX-License-Identifier: Apache-2.0
//
// The detector against a naive twin: the twin keeps every probe of its life and recomputes the
// verdict from the whole list after every step, with none of the detector's running state. Probes
// overlap, answer out of order, late, twice, or never; the caller is sometimes late.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "detect/detector.h"

namespace leeward::detect {
namespace {

using std::chrono::milliseconds;

constexpr int kCases = 20'000;
constexpr int kStepsPerCase = 120;

struct Past {
  std::uint64_t sequence = 0;
  MonoTime started;
  bool calm = false;  // sent while healthy and not suspect
  bool settled = false;
  bool counts = true;  // false: sent or settled under a checker that was not to be trusted
  ProbeOutcome outcome = ProbeOutcome::kTimeout;
  Duration took{};
  int order = 0;  // in which probes settled
};

class Twin {
 public:
  Twin(const CheckTiming& timing, Health initial) : timing_(timing), health_(initial) {}

  void sent(std::uint64_t sequence, MonoTime now) {
    Past past;
    past.sequence = sequence;
    past.started = now;
    past.calm = health_ == Health::kHealthy && !doubt_;
    past.counts = true;
    past_.push_back(past);
  }

  void ended(const Observation& end, MonoTime now) {
    for (Past& past : past_) {
      if (past.sequence == end.sequence && !past.settled) {
        const bool over = end.finished - past.started > timing_.timeout;
        settle(past,
               over && end.outcome == ProbeOutcome::kSuccess ? ProbeOutcome::kTimeout : end.outcome,
               end.finished - end.started);
        judge(now);
        return;
      }
    }
  }

  void time_passed(MonoTime now) {
    for (Past& past : past_) {
      const MonoTime deadline = past.started + timing_.timeout;
      if (!past.settled && deadline <= now) {
        const bool late = now - deadline > std::max<Duration>(timing_.timeout, milliseconds(250));
        settle(past, late ? ProbeOutcome::kLocalError : ProbeOutcome::kTimeout, timing_.timeout);
      }
    }
    judge(now);
  }

  void distrust(MonoTime) {
    trusted_ = false;
    forget();
    open_do_not_count();
    health_ = Health::kUnknown;
    doubt_ = false;
  }
  void trust() {
    if (!trusted_) {
      trusted_ = true;
      open_do_not_count();
      errors_from_ = orders_;
    }
  }

  [[nodiscard]] Health health() const { return health_; }
  [[nodiscard]] bool suspect() const { return health_ == Health::kHealthy && doubt_; }

  [[nodiscard]] int failures() const {
    return static_cast<int>(std::ranges::count_if(past_, [this](const Past& past) {
      return evidence(past) && past.outcome != ProbeOutcome::kSuccess &&
             past.sequence > newest(true);
    }));
  }
  [[nodiscard]] int successes() const {
    return static_cast<int>(std::ranges::count_if(past_, [this](const Past& past) {
      return evidence(past) && past.outcome == ProbeOutcome::kSuccess &&
             past.sequence > newest(false);
    }));
  }

 private:
  void settle(Past& past, ProbeOutcome outcome, Duration took) {
    past.settled = true;
    past.outcome = outcome;
    past.took = took;
    past.order = ++orders_;
    if (!trusted_) {
      past.counts = false;
    }
  }

  // Settled since the last time everything was forgotten.
  [[nodiscard]] bool evidence(const Past& past) const {
    return real(past) && past.order > forgotten_;
  }

  // Positions outlive forgetting: they only say which of two probes is the newer.
  [[nodiscard]] std::uint64_t newest(bool success) const {
    std::uint64_t newest = 0;
    for (const Past& past : past_) {
      if (real(past) && (past.outcome == ProbeOutcome::kSuccess) == success) {
        newest = std::max(newest, past.sequence);
      }
    }
    return newest;
  }
  [[nodiscard]] static bool real(const Past& past) {
    return past.settled && past.counts && past.outcome != ProbeOutcome::kLocalError;
  }

  [[nodiscard]] std::vector<Past> in_order() const {
    std::vector<Past> settled;
    std::ranges::copy_if(past_, std::back_inserter(settled),
                         [](const Past& past) { return real(past); });
    std::ranges::sort(settled, {}, &Past::order);
    return settled;
  }

  [[nodiscard]] Duration usual() const {
    std::optional<Duration> smoothed;
    Duration variation{};
    for (const Past& past : in_order()) {
      if (past.outcome != ProbeOutcome::kSuccess) {
        continue;
      }
      if (!smoothed) {
        smoothed = past.took;
        variation = past.took / 2;
      } else {
        variation = (variation * 3 + std::chrono::abs(*smoothed - past.took)) / 4;
        smoothed = (*smoothed * 7 + past.took) / 8;
      }
    }
    if (!smoothed) {
      return timing_.timeout;
    }
    return std::clamp(*smoothed + 4 * variation, timing_.timeout_floor, timing_.timeout);
  }

  [[nodiscard]] int threshold() const {
    if (timing_.failure_threshold) {
      return *timing_.failure_threshold;
    }
    double rate = 0.01;
    int count = 0;
    const auto learn = [&](double miss) { rate += (miss - rate) / std::min(++count + 32, 512); };
    int unexplained = 0;  // misses that may yet turn out to be the first of a death
    std::set<std::uint64_t> open;
    std::uint64_t answered = 0;
    auto ending = endings_.begin();
    for (const Past& past : in_order()) {
      for (; ending != endings_.end() && ending->order < past.order; ++ending) {
        unexplained = 0;
        if (ending->forgets) {
          open.clear();
        }
      }
      if (past.outcome == ProbeOutcome::kSuccess) {
        answered = std::max(answered, past.sequence);
        open.erase(open.begin(), open.lower_bound(past.sequence));
        if (past.calm) {
          learn(0);
        }
      } else {
        unexplained += past.calm ? 1 : 0;
        if (past.sequence > answered) {
          open.insert(past.sequence);
        }
      }
      for (; open.empty() && unexplained > 0; --unexplained) {
        learn(1);
      }
    }
    rate = std::clamp(rate, 0.01, 0.6);
    const double exact = std::log(1 / timing_.auto_alpha) / std::log(1 / rate);
    return std::clamp(static_cast<int>(std::ceil(exact - 1e-9)), timing_.auto_min,
                      timing_.auto_max);
  }

  [[nodiscard]] int errors_in_a_row() const {
    std::vector<Past> settled;
    std::ranges::copy_if(past_, std::back_inserter(settled), [this](const Past& past) {
      return past.settled && past.order > errors_from_ && (past.counts);
    });
    std::ranges::sort(settled, {}, &Past::order);
    int errors = 0;
    for (const Past& past : settled) {
      errors = past.outcome == ProbeOutcome::kLocalError ? errors + 1 : 0;
    }
    return errors;
  }

  void open_do_not_count() {
    for (Past& past : past_) {
      past.counts = past.counts && past.settled;
    }
  }
  void forget() {
    forgotten_ = orders_;
    endings_.push_back({orders_, true});
  }

  [[nodiscard]] bool doubtful(MonoTime now) const {
    return failures() > 0 || std::ranges::any_of(past_, [&](const Past& past) {
             return !past.settled && past.counts && past.sequence > newest(true) &&
                    now >= past.started + usual();
           });
  }

  void judge(MonoTime now) {
    if (!trusted_) {
      return;
    }
    if (errors_in_a_row() >= Detector::kLocalErrorsMax) {
      forget();
      health_ = Health::kUnknown;
      doubt_ = false;
      return;
    }
    if (health_ == Health::kUnhealthy) {
      if (successes() >= timing_.success_threshold) {
        health_ = Health::kHealthy;
        doubt_ = doubtful(now);
      }
      return;
    }
    if (failures() >= threshold()) {
      endings_.push_back({orders_, false});
      health_ = Health::kUnhealthy;
      doubt_ = false;
      return;
    }
    doubt_ = doubtful(now);
    if (health_ == Health::kUnknown && successes() > 0) {
      health_ = Health::kHealthy;
    }
  }

  CheckTiming timing_;
  Health health_;
  bool doubt_ = false;
  bool trusted_ = true;
  int orders_ = 0;
  int forgotten_ = 0;
  struct Ending {  // of a suspicion, other than by an answer
    int order;
    bool forgets;  // the misses as well
  };
  std::vector<Ending> endings_;
  int errors_from_ = 0;
  std::vector<Past> past_;
};

CheckTiming random_timing(Rng& rng) {
  CheckTiming timing;
  timing.interval = milliseconds(20 + rng.below(1000));
  timing.timeout = milliseconds(20 + rng.below(1000));
  timing.timeout_floor = timing.timeout / static_cast<int>(1 + rng.below(10));
  timing.jitter = static_cast<double>(rng.below(6)) / 10;
  timing.failure_threshold = static_cast<int>(1 + rng.below(6));
  if (rng.below(4) == 0) {
    timing.failure_threshold = std::nullopt;
  }
  timing.success_threshold = static_cast<int>(1 + rng.below(4));
  timing.confirm_spacing = milliseconds(5 + rng.below(15));
  return timing;
}

void expect_evidence(const std::optional<Transition>& transition, const Detector& detector) {
  if (!transition) {
    return;
  }
  EXPECT_TRUE(transition->before.health != transition->after.health ||
              transition->before.suspect != transition->after.suspect ||
              transition->before.evidence.reason == "restored from the saved board");
  EXPECT_EQ(transition->after, detector.verdict());
  const Evidence& evidence = transition->after.evidence;
  EXPECT_FALSE(evidence.reason.empty());
  EXPECT_LE(evidence.observations.size(), Detector::kEvidenceMax);
  EXPECT_GE(transition->after.time_to_flip, Duration::zero());
  if (!evidence.reason.starts_with("checker disqualified")) {
    EXPECT_FALSE(evidence.observations.empty()) << evidence.reason;
  }
}

class Case {
 public:
  explicit Case(std::uint64_t seed)
      : rng_(seed),
        timing_(random_timing(rng_)),
        initial_(static_cast<Health>(rng_.below(3))),
        detector_(timing_, rng_.split(), now_, initial_),
        twin_(timing_, initial_) {}

  void run() {
    for (int step = 0; step < kStepsPerCase && !testing::Test::HasFailure(); ++step) {
      advance();
      deliver();
      expect_evidence(detector_.expire(now_), detector_);
      twin_.time_passed(now_);
      compare();
      order();
      meddle();
      ASSERT_GT(detector_.wakeup(), now_) << "a caller would spin";
      ASSERT_LE(detector_.history().size(), Detector::kHistoryMax);
    }
  }

 private:
  void advance() {
    MonoTime next = detector_.wakeup();
    if (!flying_.empty()) {
      next = std::min(next, flying_.begin()->first);
    }
    now_ = std::max(now_, next);
    const std::uint64_t lateness = rng_.below(200);
    if (lateness == 0) {
      now_ += timing_.interval * 20;  // a pause
    } else if (lateness < 20) {
      now_ += milliseconds(lateness);
    }
    if (rng_.below(40) == 0) {
      mood_ = rng_.below(5);
    }
  }

  void deliver() {
    while (!flying_.empty() && flying_.begin()->first <= now_) {
      const Observation end = flying_.begin()->second;
      flying_.erase(flying_.begin());
      expect_evidence(detector_.observe(end, now_), detector_);
      twin_.ended(end, now_);
      compare();
      if (rng_.below(10) == 0) {  // a duplicate, and one that was never sent
        EXPECT_FALSE(detector_.observe(end, now_));
        Observation invented = end;
        invented.sequence += 100'000;
        EXPECT_FALSE(detector_.observe(invented, now_));
      }
    }
  }

  void order() {
    const MonoTime before = now_;
    int orders = 0;
    while (const auto order = detector_.next_probe(now_)) {
      ASSERT_LE(++orders, 1) << "a storm at " << before.time_since_epoch().count();
      ASSERT_EQ(order->sequence, ++last_sequence_);
      ASSERT_EQ(order->timeout, timing_.timeout);
      twin_.sent(order->sequence, now_);
      launch(order->sequence);
    }
  }

  void launch(std::uint64_t sequence) {
    Observation end;
    end.sequence = sequence;
    end.started = now_;
    const std::uint64_t dice = rng_.below(10);
    const bool good = (mood_ <= 1 && dice < 9) || (mood_ == 2 && dice < 5);
    end.outcome = good ? ProbeOutcome::kSuccess : ProbeOutcome::kRefused;
    if (!good && dice % 2 == 0) {
      end.outcome = ProbeOutcome::kTimeout;
    }
    if (mood_ == 4 && dice < 7) {
      end.outcome = ProbeOutcome::kLocalError;
    }
    const Duration longest = mood_ == 0 ? timing_.timeout / 5 : timing_.timeout;
    end.finished = now_ + Duration(static_cast<Duration::rep>(
                              rng_.unit() * 1.1 * static_cast<double>(longest.count())));
    if (good || dice < 7) {  // else nobody ever answers
      flying_.emplace(end.finished, end);
    }
  }

  void meddle() {
    const std::uint64_t dice = rng_.below(300);
    if (dice == 0) {
      expect_evidence(detector_.disqualify("a test says so", now_), detector_);
      twin_.distrust(now_);
    } else if (dice < 10) {
      EXPECT_FALSE(detector_.qualify(now_));
      twin_.trust();
    }
    compare();
  }

  void compare() {
    const Verdict& verdict = detector_.verdict();
    ASSERT_EQ(verdict.health, twin_.health());
    ASSERT_EQ(verdict.suspect, twin_.suspect());
    ASSERT_EQ(verdict.evidence.consecutive_failures, twin_.failures());
    ASSERT_EQ(verdict.evidence.consecutive_successes, twin_.successes());
  }

  Rng rng_;
  MonoTime now_ = MonoTime(std::chrono::hours(1));
  CheckTiming timing_;
  Health initial_;
  Detector detector_;
  Twin twin_;
  std::uint64_t mood_ = 0;
  std::uint64_t last_sequence_ = 0;
  std::multimap<MonoTime, Observation> flying_;
};

TEST(DetectorTwin, AgreesWithTheNaiveTwin) {
  for (int seed = 1; seed <= kCases; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Case(static_cast<std::uint64_t>(seed)).run();
    if (HasFailure()) {
      return;
    }
  }
}

}  // namespace
}  // namespace leeward::detect
