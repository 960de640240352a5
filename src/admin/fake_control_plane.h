// SPDX-License-Identifier: Apache-2.0
//
// A control plane for tests: a small world that stands still. Application "shop" ran in GRA11,
// moved to RBX-A by itself when GRA11 died (decision 1), and an attempt to go back was refused
// (decision 2). Commands act on it as the real one would, without guards but "target-healthy".
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admin/control_plane.h"
#include "admin/events.h"

namespace leeward::admin {

class FakeControlPlane final : public ControlPlane {
 public:
  FakeControlPlane();

  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] NodeStatus status() const override;
  [[nodiscard]] Readiness ready() const override { return readiness; }
  [[nodiscard]] std::vector<ApplicationView> applications() const override;
  [[nodiscard]] Result<ApplicationView> application(const ApplicationId& id) const override;
  [[nodiscard]] std::vector<CheckView> checks(const CheckFilter& filter) const override;
  [[nodiscard]] Result<CheckView> check(const HealthCheckId& id) const override;
  [[nodiscard]] Result<std::vector<Decision>> decisions(
      const std::optional<ApplicationId>& application, std::size_t limit) const override;
  [[nodiscard]] Result<Decision> decision(std::uint64_t id) const override;
  [[nodiscard]] Result<std::string> explain(std::uint64_t decision_id) const override;
  void move(const MoveCommand& command, MoveCallback callback) override;
  void change_standing(const StandingCommand& command, StandingCallback callback) override;
  [[nodiscard]] Result<JournalPage> journal(std::uint64_t from_sequence,
                                            std::size_t limit) const override;
  [[nodiscard]] std::vector<TableReplication> replication() const override;
  [[nodiscard]] std::vector<ControlPanelView> control_panels() const override;
  void change_control_panels(PanelsEditor edit, PanelsCallback callback) override;
  [[nodiscard]] std::vector<ZoneView> zones() const override;
  [[nodiscard]] Result<std::string> export_zone(std::string_view name) const override;
  void import_zone(std::string_view name, std::string text, PanelsCallback callback) override;
  void reload(std::string_view requested_by, ReloadCallback callback) override;
  [[nodiscard]] Metrics metrics() const override;

  // What tests turn.
  Readiness readiness{.ready = true, .reasons = {}};
  std::optional<Error> move_error;
  std::optional<Error> reload_error;
  std::optional<Error> panels_error;
  bool hold_moves = false;  // keep the callbacks in `held` instead of calling them
  EventLog* events = nullptr;

  // What tests look at.
  std::vector<MoveCommand> moves;
  std::vector<StandingCommand> standing_changes;
  Standing standing;
  std::optional<RampView> ramp;
  std::vector<std::string> reloads;  // by whom
  std::vector<MoveCallback> held;
  std::string hostile_text;  // appended to the last decision's reason
  GrayStatus gray;           // of the assigned region

 private:
  [[nodiscard]] HealthStatus status_of(std::string_view region) const;
  [[nodiscard]] Result<Decision> decide(const MoveCommand& command);

  Instant now_;
  Application shop_;
  controls::Panels panels_;
  std::map<std::string, std::string, std::less<>> zone_files_;
  Assignment assignment_;
  std::vector<Decision> decisions_;  // oldest first
  std::uint64_t generation_ = 1;
};

}  // namespace leeward::admin
