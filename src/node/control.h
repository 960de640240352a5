// SPDX-License-Identifier: Apache-2.0
//
// The control loop: turns verdicts, commands and timers into events for failover::step, and does
// what the effects say, in their order: journal and assignment into the store, the flip onto the
// health board, the reply to whoever asked.
//
// Thread-safety: none; everything runs on the control thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "admin/events.h"
#include "base/result.h"
#include "config/config.h"
#include "detect/gray_watch.h"
#include "failover/step.h"
#include "model/health_board.h"
#include "node/data_plane.h"
#include "node/journal.h"
#include "node/log.h"
#include "node/store_writer.h"
#include "routing/board_layout.h"

namespace leeward::node {

// What was in the store at start.
struct SavedState {
  std::map<ApplicationId, AssignmentRecord> assignments;
  std::map<ApplicationId, Epoch> granted;  // under which the assigned region was allowed to write
  std::map<ApplicationId, Standing> standings;
  std::map<ApplicationId, state::Revision> revisions;
  std::map<HealthCheckId, Health> healths;
  JournalHead journal;
  std::deque<Decision> decisions;  // the last ones, oldest first
};

// True: a later word on one that is known, which replaces it. At most kDecisionsKept are kept.
bool remember_decision(std::deque<Decision>& decisions, const Decision& decision);

// Reads it all, before anything runs. kDataCorrupt where a value cannot be understood.
Result<SavedState> read_saved_state(state::Store& store);

class Control {
 public:
  using MoveDone = std::function<void(Result<Decision>)>;
  using StandingDone = std::function<void(Result<Standing>)>;
  // Calls timer_fired() then; a later call replaces it.
  using WakeAt = std::function<void(MonoTime)>;

  struct Collaborators {
    StoreWriter& writer;
    Log& log;
    admin::EventLog& events;
    WakeAt wake_at;
    DataPlane& data;
  };

  Control(NodeId node, std::uint64_t journal_entries_max, SavedState saved,
          Collaborators collaborators);

  // The board that answers come from, at start and after each reload; filled from what is known.
  void use_board(std::shared_ptr<HealthBoard> board, routing::BoardLayout layout,
                 std::vector<Application> applications);
  // Tells the engine of the applications in use, and of those that are gone. Call after use_board.
  void define_applications();

  void verdict_changed(const HealthCheckId& check, const Verdict& verdict);
  // How good the checks' targets were (detect/gray_watch.h); call about every second.
  void gray_counted(std::span<const std::pair<HealthCheckId, detect::GrayCounts>> totals);
  void timer_fired();
  // What heartbeats say; decisions read it when they are made.
  void replication_measured(const ApplicationId& application, std::vector<ReplicationLink> links);
  void move(const MoveCommand& command, MoveDone done);
  // Works at once; calls back when it is durable.
  void change_standing(const StandingCommand& command, StandingDone done);

  // After the fencers were rebuilt: they know of no lease.
  void renew_leases();

  // Replies to whoever still waits for a move: the daemon is stopping.
  void cancel_moves();

  // ---- what the API shows ----
  [[nodiscard]] const failover::State& state() const { return state_; }
  [[nodiscard]] const std::vector<Application>& applications() const { return applications_; }
  [[nodiscard]] HealthStatus status_of(const HealthCheckId& check) const;
  [[nodiscard]] const detect::GrayWatch& gray() const { return gray_; }
  [[nodiscard]] std::uint32_t ttl_limit_of(const ApplicationId& application) const;
  [[nodiscard]] const std::deque<Decision>& decisions() const {
    return decisions_;
  }  // oldest first
  [[nodiscard]] const JournalTail& journal() const { return journal_; }
  struct DecisionKind {
    ApplicationId application;
    MoveKind kind = MoveKind::kFailover;
    DecisionOutcome outcome = DecisionOutcome::kPublished;
    auto operator<=>(const DecisionKind&) const = default;
  };
  [[nodiscard]] const std::map<DecisionKind, std::uint64_t>& decision_counts() const {
    return decision_counts_;
  }
  [[nodiscard]] const std::map<std::pair<HealthCheckId, Health>, std::uint64_t>& transition_counts()
      const {
    return transition_counts_;
  }

  // Decisions kept for the API; older ones are in the journal.
  static constexpr std::size_t kDecisionsKept = 1000;

 private:
  struct Place {  // of a health check
    const Application* application = nullptr;
    std::size_t region = 0;
  };

  void use_verdict(const HealthCheckId& check, const Place& place);
  void announce_gray(const HealthCheckId& check, const Place& place, const GrayStatus& status);
  Verdict with_gray(const HealthCheckId& check, const Place& place, Verdict verdict);
  void dispatch(const failover::Event& event);
  std::vector<state::Put> record(const std::optional<failover::ApplicationState>& before,
                                 const failover::Elsewhere& elsewhere,
                                 std::uint64_t next_decision_id, const failover::Event& event,
                                 const std::vector<failover::Effect>& effects, MonoTime now,
                                 WallTime wall);
  void perform(const std::vector<failover::Effect>& effects, std::vector<state::Put> journal_puts);
  void perform(const failover::CommitAssignment& effect, std::vector<state::Put> journal_puts);
  void perform(const failover::PublishAssignment& effect);
  void perform(const failover::WakeAt& effect);
  void perform(const failover::RecordDecision& effect);
  void perform(const failover::Reply& effect);
  void perform(const failover::RaiseFence& effect);
  void perform(const failover::Drain& effect);
  void perform(const failover::RecordGrant& effect);
  void perform(const failover::StoreStanding& effect);
  void renew_lease(const ApplicationId& id);

  [[nodiscard]] std::optional<failover::ApplicationState> find(const ApplicationId& id) const;
  [[nodiscard]] std::optional<Place> place_of(const HealthCheckId& check) const;
  void wake_at_the_next();
  void store_application_word(const Application& application);
  void announce(const HealthCheckId& check, const Place& place, const HealthStatus& before,
                const HealthStatus& after);

  NodeId node_;
  std::uint64_t journal_entries_max_;
  SavedState saved_;
  Collaborators with_;
  failover::State state_;
  std::vector<Application> applications_;
  std::shared_ptr<HealthBoard> board_;
  routing::BoardLayout layout_;
  std::map<HealthCheckId, Place> places_;  // into applications_
  std::map<HealthCheckId, HealthStatus> statuses_;
  std::map<HealthCheckId, Verdict> verdicts_;  // as they came
  detect::GrayWatch gray_;
  std::set<HealthCheckId> held_gray_;  // healthy, and counted as unhealthy for being gray
  std::map<ApplicationId, MonoTime> wake_times_;
  std::map<ApplicationId, Assignment> leases_;  // whose are being renewed
  std::map<std::uint64_t, MoveDone> moves_;
  std::map<std::uint64_t, StandingDone> standing_changes_;
  std::uint64_t next_request_ = 1;
  JournalTail journal_;
  std::deque<Decision> decisions_;
  std::map<DecisionKind, std::uint64_t> decision_counts_;
  std::map<std::pair<HealthCheckId, Health>, std::uint64_t> transition_counts_;
};

}  // namespace leeward::node
