// SPDX-License-Identifier: Apache-2.0
//
// The replicated state store: linearizable, with a lease for who leads. What is written carries the
// leader's term, and a leader of yesterday is refused. It is away while it has no leader itself.
//
// Thread-safety: none; one world, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "failover/event.h"
#include "sim/checks.h"
#include "sim/ground.h"

namespace leeward::sim {

// One application's part of the store.
struct StoredApplication {
  Assignment assignment;  // epoch 0: none
  std::optional<WallTime> automatic_shift;
  Epoch granted = 0;
  Standing standing;
  DnsPlan plan;
};

class Store {
 public:
  explicit Store(Ground& ground)
      : ground_(ground), applications_(ground.scenario.applications.size()) {}

  void set_up(bool up) { up_ = up; }
  [[nodiscard]] bool up() const { return up_; }

  // For leading until `kLease` from now. The term; nullopt: somebody else leads. `holds`: the term
  // in which the node leads already; who starts anew gets a new one.
  std::optional<std::uint64_t> lead(std::size_t node, std::uint64_t holds) {
    if (leader_ && *leader_ != node && ground_.now() < until_) {
      return std::nullopt;
    }
    if (!leader_ || *leader_ != node || ground_.now() >= until_ || holds != term_) {
      ++term_;
      if (leader_) {
        ground_.marks.hit(Mark::kLeaderChanged);
      }
      ground_.tell("node-{} leads, term {}", node + 1, term_);
    }
    leader_ = node;
    until_ = ground_.now() + kLease;
    return term_;
  }
  // Whether a write of this term is taken.
  [[nodiscard]] bool takes(std::uint64_t term) const { return term == term_; }
  [[nodiscard]] std::optional<std::size_t> leader() const {
    return ground_.now() < until_ ? leader_ : std::nullopt;
  }

  // Keeps a copy of itself, as a backup would.
  void back_up() {
    backups_.push_back(applications_);
    if (backups_.size() > kBackupsMax) {
      backups_.erase(backups_.begin());
    }
  }
  // Somebody restores the backup before the last, and whoever leads starts anew.
  void restore_backup() {
    if (backups_.size() > 1) {
      applications_ = backups_[backups_.size() - 2];
      ground_.marks.hit(Mark::kStoreRestored);
    }
    until_ = ground_.now();
    ++term_;
  }

  [[nodiscard]] const std::vector<StoredApplication>& all() const { return applications_; }
  [[nodiscard]] StoredApplication& at(std::size_t application) {
    return applications_[application];
  }

  static constexpr std::size_t kBackupsMax = 4;
  static constexpr Duration kLease = std::chrono::seconds(3);

 private:
  Ground& ground_;
  std::vector<StoredApplication> applications_;
  std::vector<std::vector<StoredApplication>> backups_;
  std::optional<std::size_t> leader_;
  MonoTime until_;
  std::uint64_t term_ = 0;
  bool up_ = true;
};

// A hosted zone at another provider: it takes a plan only in place of an older one.
class Provider {
 public:
  explicit Provider(Ground& ground)
      : ground_(ground), plans_(ground.scenario.applications.size()) {}

  void set_errors(double share) { errors_ = share; }
  void set_loses(double share) { loses_ = share; }

  // A change with a condition. False: refused, the provider had an error.
  bool change(std::size_t application, const DnsPlan& plan);
  // Whether the answer to a call gets lost on the way back.
  bool loses_answer();
  [[nodiscard]] const DnsPlan& plan(std::size_t application) const { return plans_[application]; }

 private:
  Ground& ground_;
  std::vector<DnsPlan> plans_;
  double errors_ = 0;
  double loses_ = 0;
};

}  // namespace leeward::sim
