// SPDX-License-Identifier: Apache-2.0
//
// The invariants of the whole, checked against what really happened, which no part of the world
// knows. docs/internals/invariants.md states each one.
//
// Thread-safety: none; one world, one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "failover/invariants.h"
#include "sim/ground.h"

namespace leeward::sim {

class Checks {
 public:
  explicit Checks(Ground& ground);

  // ---- writes: I1, I2, I5 ----
  // A region's store took a write. `at_risk`: its writer had been stopped for longer than
  // request_max after it asked for its lease, which no fence that cannot be reached covers.
  void wrote(std::size_t application, std::size_t region, Epoch epoch, bool at_risk);
  // A region's writers may write under this epoch until then (true time).
  void permitted(std::size_t application, std::size_t region, Epoch epoch, MonoTime until);
  // The region's fence stands like this now.
  void fenced(std::size_t application, std::size_t region, Epoch epoch, bool open);

  // ---- decisions: I3, I4, I6, I7, I10, I11, I12, I19, and the engine's own ----
  void stepped(const failover::State& before, const failover::State& after,
               const std::vector<failover::Effect>& effects);
  // The state store took it. `now` is of the deciding node's clock.
  void committed(std::size_t application, const Decision& decision, MonoTime now);
  // `seen_alive`: how many honest nodes could see for long that the region that is left is well.
  void left_a_living_region(std::size_t application, const Decision& decision, int seen_alive);
  // A planned move reaches its users. `behind`: what the region has of the one that was left.
  void moved_as_planned(std::size_t application, const Decision& decision, Duration behind);
  void promoted_onto(std::size_t application, const Decision& decision, Duration true_staleness);
  void held(std::size_t application, bool held);

  // ---- answers: I8, I9 ----
  // `server`: a node's index, or the provider. `regions`: what it answered.
  void answered(std::size_t server, std::size_t application, const PlanVersion& version,
                const std::vector<std::size_t>& regions);
  // It starts anew, perhaps with an old copy of its disk.
  void forget_server(std::size_t server);

  // What was committed since the backup is forgotten, and epochs may come again. What was written
  // stays written: I1, I2 and I5 hold all the same.
  void store_restored();

  // Wall clocks jumped: ages that cross a change of leaders mean little.
  void clocks_jumped() { clocks_jumped_ = true; }

  [[nodiscard]] std::uint64_t writes() const { return writes_; }
  [[nodiscard]] std::uint64_t writes_at_risk() const { return writes_at_risk_; }

 private:
  struct Permit {
    Epoch epoch = 0;
    MonoTime until;
    Epoch fence = 0;
    bool open = false;
  };
  struct PerApplication {
    Epoch newest_write = 0;
    std::vector<Permit> permits;  // by region
    std::map<Epoch, std::size_t> owners;
    Epoch committed = 0;
    std::optional<MonoTime> automatic_move;
    std::optional<MonoTime> automatic_move_before;
    std::optional<MonoTime> held_since;
  };
  void check_velocity(std::size_t application);
  void check_permits(std::size_t application, const char* invariant);
  [[nodiscard]] const failover::Policy& policy(std::size_t application) const;

  Ground& ground_;
  std::vector<PerApplication> applications_;
  std::map<std::pair<std::size_t, std::size_t>, PlanVersion> served_;  // server, application
  failover::Invariants engine_;
  bool clocks_jumped_ = false;
  std::uint64_t writes_ = 0;
  std::uint64_t writes_at_risk_ = 0;
};

}  // namespace leeward::sim
