// SPDX-License-Identifier: Apache-2.0
//
// A control node: the real detectors, quorum, decision engine and answers, around them what the
// daemon's shell does, modelled: pushing verdicts to the others, leading by a lease in the store,
// carrying out effects over a network that loses things, journal, restarts.
//
// Thread-safety: none; one world, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutant.h"
#include "detect/detector.h"
#include "detect/vantage.h"
#include "failover/step.h"
#include "model/health_board.h"
#include "routing/policy.h"
#include "sim/region.h"
#include "sim/store.h"

namespace leeward::sim {

// What all nodes share: the world around them.
struct Surroundings {
  Ground& ground;
  Checks& checks;
  Regions& regions;
  Store& store;
  Provider& provider;
  // How many honest nodes have had an undisturbed view of the region, which was well, for long.
  std::function<int(std::size_t region)> seen_alive;
};

class Node {
 public:
  // Another node's verdicts, all of them, at a constant rate.
  struct Bitmap {
    std::size_t from = 0;
    std::vector<Health> verdicts;
  };
  using PushTo = std::function<void(std::size_t to, const Bitmap&)>;

  Node(Surroundings world, std::size_t index, PushTo push_to, bool journals);

  void boot(bool with_old_disk);
  void crash();
  void pause();
  void resume();
  void set_lying(bool lying) { lying_ = lying; }
  LocalClock& clock() { return clock_; }

  // A packet for it: dropped while it is down, late while it is paused.
  void receive(Task task);
  void take_votes(const Bitmap& bitmap);
  void command(const MoveCommand& move);
  void command(const StandingCommand& change);

  [[nodiscard]] bool up() const { return up_; }
  [[nodiscard]] bool running() const { return up_ && !paused_; }
  [[nodiscard]] bool honest() const { return !lying_; }
  [[nodiscard]] bool leads() const { return running() && state_.has_value() && leading(); }
  [[nodiscard]] const failover::State* state() const { return state_ ? &*state_ : nullptr; }
  [[nodiscard]] const DnsPlan& plan(std::size_t application) const { return plans_[application]; }
  [[nodiscard]] Health own_verdict(std::size_t check) const {
    return detectors_.empty() ? Health::kUnknown : detectors_[check].verdict().health;
  }
  // What the real routing code makes of its board now: places in the policy. Empty: it has no plan.
  [[nodiscard]] std::vector<std::size_t> answer(std::size_t application, std::uint64_t random);
  // Something that is due and was not asked for again; for a checker that looks from outside.
  [[nodiscard]] std::optional<std::string> overslept() const;
  // Its journal replayed gives its live state; what is wrong, or nothing.
  [[nodiscard]] std::optional<std::string> replay_journal() const;

  [[nodiscard]] MonoTime booted() const { return booted_; }  // true time

  [[nodiscard]] std::size_t check_index(std::size_t application, std::size_t place) const {
    return first_check_[application] + place;
  }
  [[nodiscard]] std::size_t checks() const { return check_count_; }

 private:
  struct Check {
    std::size_t application = 0;
    std::size_t place = 0;
    std::vector<Vote> votes;  // by node
    HealthStatus status;
    std::uint64_t known = 0;  // of the votes that the status was made from
  };

  [[nodiscard]] MonoTime now() const { return clock_.mono(world_.ground.now()); }
  [[nodiscard]] WallTime wall() const { return clock_.wall(world_.ground.now()); }
  [[nodiscard]] const failover::Policy& policy(std::size_t application) const {
    return world_.ground.scenario.applications[application];
  }
  [[nodiscard]] std::size_t application_index(const ApplicationId& id) const;
  [[nodiscard]] Site site() const { return world_.ground.node_site(index_); }
  // Runs it then, by its own clock, unless it has died meanwhile.
  void at(MonoTime local, Task task);
  void beat();

  // ---- probing and voting (node.cc) ----
  void look_at_clock();
  void probe();
  void schedule_probes();
  void send_probe(std::size_t check, const detect::ProbeOrder& order);
  void probed(std::size_t check, const Observation& observation);
  void vote(std::size_t check);
  void push();
  void look_at_votes();
  void update_board(std::size_t application);

  // ---- leading (leading.cc) ----
  [[nodiscard]] bool leading() const {
    return term_ != 0 && (now() < leads_until_ || mutant(Mutant::kLeaderNeverSteps));
  }
  void campaign();
  void elected(std::uint64_t term, std::vector<StoredApplication> stored);
  void step_down();
  void dispatch(const failover::Event& event);
  void perform(const failover::CommitAssignment& effect);
  void perform(const failover::PublishAssignment& effect);
  void perform(const failover::WakeAt& effect);
  void perform(const failover::RecordDecision& effect);
  void perform(const failover::Reply& effect);
  void perform(const failover::RaiseFence& effect);
  void perform(const failover::Drain& effect);
  void perform(const failover::RecordGrant& effect);
  void perform(const failover::StoreStanding& effect);
  void wake();
  void renew_leases();
  [[nodiscard]] std::optional<MonoTime> last_grant(std::size_t application,
                                                   std::size_t place) const;
  void try_drain(std::size_t application, const failover::Drain& effect, std::size_t from,
                 std::size_t to);
  void measure_replication();
  void journal(const failover::State& before, const failover::Event& event,
               const std::vector<failover::Effect>& effects);
  // Asks the store and comes back with `answered`, or `lost` after a second.
  void ask_store(std::move_only_function<void(Store&)> ask, Task answered, Task lost);
  void judge_commit(std::size_t application, const Decision& decision);

  // ---- answering (node.cc) ----
  void take_plan(std::size_t application, const DnsPlan& plan);
  void read_plans();
  void push_to_provider();
  void push_to_store();

  Surroundings world_;
  std::size_t index_;
  PushTo push_to_;
  bool journals_;
  LocalClock clock_;
  Rng rng_;
  std::vector<std::size_t> first_check_;  // by application
  std::size_t check_count_ = 0;

  bool up_ = false;
  bool paused_ = false;
  bool lying_ = false;
  std::uint64_t life_ = 0;  // grows with each boot
  std::uint64_t beats_ = 0;
  MonoTime booted_;
  MonoTime ran_;  // local: when it did something last
  bool doubted_ = false;
  detect::Vantage vantage_{detect::VantagePolicy{}};
  std::vector<Task> backlog_;

  std::vector<detect::Detector> detectors_;  // by check
  std::vector<Check> checks_;
  MonoTime probes_due_;  // local

  std::uint64_t term_ = 0;  // 0: does not lead
  MonoTime leads_until_;
  std::optional<failover::State> state_;
  std::map<ApplicationId, MonoTime> wakes_;
  struct Renewal {
    MonoTime sent;
    std::optional<MonoTime> ended;
  };
  std::map<std::pair<std::size_t, std::size_t>, Renewal> renewals_;  // application, place
  std::uint64_t next_request_ = 1;
  std::map<std::uint64_t, StandingCommand> standing_requests_;

  std::vector<DnsPlan> plans_;  // by application
  std::vector<DnsPlan> disk_;   // as they were a while ago
  std::uint64_t plan_sequence_ = 0;
  std::vector<bool> provider_knows_;
  std::vector<bool> store_knows_;
  routing::Policies routing_;
  HealthBoard board_;

  std::string journal_;
  std::uint64_t journal_sequence_ = 0;
  std::uint64_t journal_digest_ = 0;
};

}  // namespace leeward::sim
