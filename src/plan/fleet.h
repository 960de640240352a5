// SPDX-License-Identifier: Apache-2.0
//
// Checkers that watch one target over lossy paths, vote, and decide by quorum and confirm window:
// the real detect::Detector and detect::status_of (or, for comparison, FixedThreshold), in virtual
// time. Deterministic: the same spec and seed give the same life.
//
// What is left out: checkers' own faults, a target that is slow, queueing. Votes are renewed all
// the time, so that none expires.
//
// Thread-safety: none; one owner. A copy lives on independently.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/time.h"
#include "detect/detector.h"
#include "detect/quorum.h"
#include "detect/shared_suspicion.h"
#include "model/health.h"
#include "plan/fixed_threshold.h"
#include "plan/path.h"

namespace leeward::plan {

// What happens to the target.
enum class Fault : std::uint8_t {
  kNone,
  kKilled,  // the process ends: its kernel closes kept connections and refuses new ones
  kSilent,  // the host or its network is gone, or the process is frozen: nothing answers
};

struct FleetSpec {
  int vantages = 1;
  int required = 1;  // votes
  Duration confirm_window{};
  Duration vote_delay{};                                // a verdict's way to who decides
  Duration round_trip = std::chrono::milliseconds(30);  // checker to target and back
  Transport transport = Transport::kKeptTcp;
  Loss loss;
  bool share_suspicion = false;  // one checker's doubt makes the others look (RealDetector only)
};

// The real thing behind the calls that a fleet makes.
class RealDetector {
 public:
  RealDetector(const CheckTiming& timing, Rng rng, MonoTime now)
      : detector_(timing, rng, now, Health::kHealthy) {}

  std::optional<detect::ProbeOrder> next_probe(MonoTime now) { return detector_.next_probe(now); }
  [[nodiscard]] MonoTime wakeup() const { return detector_.wakeup(); }
  void observe(const Observation& observation, MonoTime now) {
    detector_.observe(observation, now);
  }
  void expire(MonoTime now) { detector_.expire(now); }
  void look_closer(MonoTime now) { detector_.look_closer(now); }
  [[nodiscard]] Health health() const { return detector_.verdict().health; }
  [[nodiscard]] bool doubts() const { return detect::doubts(detector_.verdict()); }

 private:
  detect::Detector detector_;
};

struct FleetCounts {
  std::uint64_t probes = 0;
  std::uint64_t suspicions = 0;  // verdicts of single checkers that became unhealthy
  std::uint64_t quorums = 0;     // statuses that became unhealthy
  std::uint64_t actions = 0;     // of these, those that outlived the confirm window
  Duration unhealthy{};          // total time of unhealthy statuses
};

template <typename Watcher, typename Timing>
class Fleet {
 public:
  Fleet(const FleetSpec& spec, const Timing& timing, Rng rng) : spec_(spec) {
    const bool shared = spec.loss.kind == LossKind::kSharedBursts;
    for (int i = 0; i < spec.vantages; ++i) {
      if (paths_.empty() || !shared) {
        paths_.emplace_back(spec.loss, rng.split(), now_);
      }
      vantages_.push_back(
          {Watcher(timing, rng.split(), now_), paths_.size() - 1, {}, Health::kHealthy, now_});
      votes_.push_back({NodeId("vantage-" + std::to_string(i)), Health::kHealthy, now_, {}});
    }
    doubting_.resize(vantages_.size());
    status_.health = Health::kHealthy;
  }

  [[nodiscard]] MonoTime now() const { return now_; }
  [[nodiscard]] Health health() const { return status_.health; }
  [[nodiscard]] const FleetCounts& counts() const { return counts_; }

  // From now on. Kept connections are seen to close half a round trip later.
  void fail(Fault fault) {
    fault_ = fault;
    failed_at_ = now_;
    if (fault == Fault::kKilled && spec_.transport == Transport::kKeptTcp) {
      hint_at_ = now_ + spec_.round_trip / 2;
    }
  }

  // The target is back; what was sent before is lost.
  void heal() {
    fault_ = Fault::kNone;
    hint_at_.reset();
  }

  void run_until(MonoTime until) {
    while (step(until)) {
    }
  }

  // When users would be moved, if before `until`.
  std::optional<MonoTime> run_until_action(MonoTime until) {
    const std::uint64_t before = counts_.actions;
    while (counts_.actions == before) {
      if (!step(until)) {
        return std::nullopt;
      }
    }
    return now_;
  }

 private:
  struct Answer {
    MonoTime at;
    Observation observation;
    friend bool operator>(const Answer& left, const Answer& right) { return left.at > right.at; }
  };
  struct Vantage {
    Watcher watcher;
    std::size_t path;
    std::priority_queue<Answer, std::vector<Answer>, std::greater<>> answers;
    Health voted;
    MonoTime next;
  };
  struct Hint {
    MonoTime at;
    std::size_t vantage;
  };
  struct Ballot {
    MonoTime at;
    std::size_t vantage;
    Health health;
  };

  // One instant; false: nothing is left before `until`.
  bool step(MonoTime until) {
    MonoTime next = std::min(until, hint_at_.value_or(until));
    for (const Vantage& vantage : vantages_) {
      next = std::min(next, vantage.next);
    }
    if (!ballots_.empty()) {
      next = std::min(next, ballots_.front().at);
    }
    if (!hints_.empty()) {
      next = std::min(next, hints_.front().at);
    }
    if (act_at_) {
      next = std::min(next, *act_at_);
    }
    if (next >= until) {
      advance(until);
      return false;
    }
    advance(next);
    const bool hinted = hint_at_ && *hint_at_ <= now_;
    while (!hints_.empty() && hints_.front().at <= now_) {
      Vantage& looker = vantages_[hints_.front().vantage];
      looker.watcher.look_closer(now_);
      looker.next = std::min(looker.next, looker.watcher.wakeup());
      hints_.pop_front();
    }
    for (std::size_t i = 0; i < vantages_.size(); ++i) {
      if (hinted) {
        vantages_[i].watcher.look_closer(now_);
      }
      if (hinted || vantages_[i].next <= now_) {
        visit(i);
      }
    }
    if (hinted) {
      hint_at_.reset();
    }
    deliver();
    if (act_at_ && *act_at_ <= now_) {
      act_at_.reset();
      ++counts_.actions;
    }
    return true;
  }

  void advance(MonoTime to) {
    if (status_.health == Health::kUnhealthy) {
      counts_.unhealthy += to - now_;
    }
    now_ = std::max(now_, to);
  }

  // Answers first, then timers, as the checker does.
  void visit(std::size_t index) {
    Vantage& vantage = vantages_[index];
    while (!vantage.answers.empty() && vantage.answers.top().at <= now_) {
      vantage.watcher.observe(vantage.answers.top().observation, now_);
      vantage.answers.pop();
    }
    vantage.watcher.expire(now_);
    while (const auto order = vantage.watcher.next_probe(now_)) {
      ++counts_.probes;
      send(vantage, *order);
    }
    if (spec_.share_suspicion) {
      share_doubt(index);
    }
    const Health health = vantage.watcher.health();
    if (health != vantage.voted) {
      vantage.voted = health;
      counts_.suspicions += health == Health::kUnhealthy ? 1 : 0;
      ballots_.push_back({now_ + spec_.vote_delay, index, health});  // one delay: in order
    }
    vantage.next = vantage.watcher.wakeup();
    if (!vantage.answers.empty()) {
      vantage.next = std::min(vantage.next, vantage.answers.top().at);
    }
  }

  // Hints travel as votes do.
  void share_doubt(std::size_t index) {
    if constexpr (requires(const Watcher& watcher) { watcher.doubts(); }) {
      const bool before = doubting_[index];
      doubting_[index] = vantages_[index].watcher.doubts();
      for (const std::size_t looker : detect::who_should_look(doubting_, index, before)) {
        hints_.push_back({now_ + spec_.vote_delay, looker});
      }
    }
  }

  void send(Vantage& vantage, const detect::ProbeOrder& order) {
    const bool failed = fault_ != Fault::kNone && now_ + spec_.round_trip / 2 >= failed_at_;
    if (failed && fault_ == Fault::kSilent) {
      return;
    }
    // One kept connection carries one probe at a time; those of a burst that overlap are fresh.
    Transport transport = spec_.transport;
    if (transport == Transport::kKeptTcp && !vantage.answers.empty()) {
      transport = Transport::kFreshTcp;
    }
    Path& path = paths_[vantage.path];
    const MonoTime deadline = now_ + order.timeout;
    const auto at = failed ? refusal_time(path, now_, deadline, spec_.round_trip)
                           : answer_time(path, transport, now_, deadline, spec_.round_trip);
    if (at) {
      vantage.answers.push(
          {*at, Observation{.sequence = order.sequence,
                            .outcome = failed ? ProbeOutcome::kRefused : ProbeOutcome::kSuccess,
                            .started = now_,
                            .finished = *at,
                            .detail = {}}});
    }
  }

  void deliver() {
    bool changed = false;
    while (!ballots_.empty() && ballots_.front().at <= now_) {
      votes_[ballots_.front().vantage].health = ballots_.front().health;
      ballots_.erase(ballots_.begin());
      changed = true;
    }
    if (!changed) {
      return;
    }
    for (Vote& vote : votes_) {
      vote.at = now_;
    }
    const Health before = status_.health;
    status_ = detect::status_of(votes_, spec_.required, now_, kVoteTtl, status_);
    if (status_.health == before) {
      return;
    }
    act_at_.reset();
    if (status_.health == Health::kUnhealthy) {
      ++counts_.quorums;
      act_at_ = now_ + spec_.confirm_window;
    }
  }

  static constexpr Duration kVoteTtl = std::chrono::seconds(1);

  FleetSpec spec_;
  MonoTime now_;
  std::vector<Path> paths_;
  std::vector<Vantage> vantages_;
  std::vector<Vote> votes_;
  std::vector<Ballot> ballots_;  // by time
  std::deque<Hint> hints_;       // by time
  std::vector<bool> doubting_;   // by vantage
  HealthStatus status_;
  std::optional<MonoTime> act_at_;
  std::optional<MonoTime> hint_at_;
  Fault fault_ = Fault::kNone;
  MonoTime failed_at_;
  FleetCounts counts_;
};

using RealFleet = Fleet<RealDetector, CheckTiming>;
using FixedFleet = Fleet<FixedThreshold, FixedTiming>;

}  // namespace leeward::plan
