// SPDX-License-Identifier: Apache-2.0
//
// A node around the engine, for tests: a clock, a state store and a journal, all made of values.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "failover/invariants.h"
#include "failover/journal.h"
#include "failover/step.h"

namespace leeward::failover {

// One region's fence table as far as one application goes.
struct TestFence {
  Epoch epoch = 0;
  bool open = false;
};

enum class StoreMood : std::uint8_t { kTakes, kUnavailable, kLostRace, kHangs };

class TestWorld {
 public:
  // Steps, checks the invariants, journals, and carries out the effects until none is left.
  void feed(const Event& event);
  // Fires the timers that are due on the way.
  void advance(Duration by);
  // A new process: the store is all that is left. `policies` come from its config.
  void restart();
  void define(const Policy& policy);
  void remove(const ApplicationId& id);
  void set_status(const ApplicationId& id, const RegionId& region, Health health, int votes = 3);
  // With kLostRace: the other writer's region.
  void set_store(StoreMood mood, RegionId other = {});
  void set_fence_reachable(const RegionId& region, bool reachable);
  // What stands in a region's fence table, for instance from another life of the state store.
  void set_fence(const ApplicationId& id, const RegionId& region, TestFence fence);
  void set_drain_works(bool works) { drain_works_ = works; }
  // The newest write of `from` that `to` has is this old; nullopt: none was ever seen.
  void set_replication(const ApplicationId& id, const RegionId& from, const RegionId& to,
                       std::optional<Duration> age);
  void move(MoveCommand command) { feed(MoveRequested{std::move(command), ++request_}); }

  void standing(StandingChange change, const ApplicationId& id) {
    feed(StandingRequested{{change, id, "ann", "because"}, ++request_});
  }

  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] const ApplicationState* find(const ApplicationId& id) const;
  [[nodiscard]] const std::string& story() const { return story_; }
  [[nodiscard]] const std::string& journal() const { return journal_; }
  [[nodiscard]] const std::string& broken() const { return broken_; }
  [[nodiscard]] const std::map<ApplicationId, Policy>& policies() const { return policies_; }

 private:
  void tell(const std::string& text);
  void carry_out(const Effect& effect);
  void commit(const CommitAssignment& effect);
  void raise_fence(const RaiseFence& effect);
  void check_writers(const RaiseFence& effect);
  void drain(const Drain& effect);
  void renew_leases();
  StoredAssignment stored_assignment(const ApplicationId& id);
  void write_journal(const ApplicationId& id, const State& before, const Event& event,
                     const std::vector<Effect>& effects);

  State state_;
  MonoTime now_{std::chrono::seconds(100)};
  std::map<ApplicationId, Policy> policies_;
  std::map<ApplicationId, Assignment> store_;
  std::map<ApplicationId, MonoTime> timers_;
  std::deque<Event> queue_;
  StoreMood mood_ = StoreMood::kTakes;
  RegionId other_;
  std::map<std::pair<ApplicationId, RegionId>, TestFence> fences_;
  std::map<std::pair<ApplicationId, RegionId>, MonoTime> last_grants_;
  std::map<ApplicationId, Epoch> granted_;
  std::map<ApplicationId, Standing> standings_;
  std::set<RegionId> unreachable_;
  std::set<std::string> told_;
  bool drain_works_ = true;
  Invariants invariants_;
  std::string story_, journal_, broken_;
  std::uint64_t sequence_ = 0, previous_ = 0, request_ = 0;
};

}  // namespace leeward::failover
