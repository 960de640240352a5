// SPDX-License-Identifier: Apache-2.0
//
// The node as the admin API sees it: reads Control, the checker, the DNS server and the store, and
// fills the views.
//
// Thread-safety: none; the control thread's.
#pragma once

#include <functional>
#include <string>

#include "admin/control_plane.h"
#include "lag/monitor.h"
#include "node/answers.h"
#include "node/control.h"
#include "node/control_panels.h"
#include "probe/checker.h"
#include "route53/service.h"
#include "server/dns_server.h"
#include "state/store.h"

namespace leeward::node {

// What the plane cannot read from its collaborators; Node keeps it up to date.
struct NodeFacts {
  NodeId id;
  RegionId region;
  std::string config_file;
  std::uint64_t config_generation = 0;
  MonoTime config_loaded;
  MonoTime started;
  std::vector<std::string> zones;
  std::uint64_t reloads_ok = 0;
  std::uint64_t reloads_failed = 0;
};

class Plane final : public admin::ControlPlane {
 public:
  struct Collaborators {
    Control& control;
    ControlPanels& panels;
    route53::Service& route53;
    const Answers& answers;
    const StoreWriter& writer;
    state::Store& store;
    const probe::Checker& checker;
    const server::DnsServer& dns;
    const NodeFacts& facts;
    const std::vector<lag::TableLink>& replication;  // as measured last
    std::function<void(std::string_view, admin::ReloadCallback)> reload;
    // Why the panels may not be changed so; nothing: they may.
    std::function<Status(const controls::Panels&, const controls::PanelsEdit&)> may_edit;
  };

  explicit Plane(Collaborators with) : with_(std::move(with)) {}

  [[nodiscard]] admin::Instant now() const override;
  [[nodiscard]] admin::NodeStatus status() const override;
  [[nodiscard]] admin::Readiness ready() const override;
  [[nodiscard]] std::vector<admin::ApplicationView> applications() const override;
  [[nodiscard]] Result<admin::ApplicationView> application(const ApplicationId& id) const override;
  [[nodiscard]] std::vector<admin::CheckView> checks(
      const admin::CheckFilter& filter) const override;
  [[nodiscard]] Result<admin::CheckView> check(const HealthCheckId& id) const override;
  [[nodiscard]] Result<std::vector<Decision>> decisions(
      const std::optional<ApplicationId>& application, std::size_t limit) const override;
  [[nodiscard]] Result<Decision> decision(std::uint64_t id) const override;
  [[nodiscard]] Result<std::string> explain(std::uint64_t decision_id) const override;
  void move(const MoveCommand& command, admin::MoveCallback callback) override;
  void change_standing(const StandingCommand& command, admin::StandingCallback callback) override;
  [[nodiscard]] Result<admin::JournalPage> journal(std::uint64_t from_sequence,
                                                   std::size_t limit) const override;
  [[nodiscard]] std::vector<admin::TableReplication> replication() const override;
  [[nodiscard]] std::vector<admin::ControlPanelView> control_panels() const override;
  void change_control_panels(admin::PanelsEditor edit, admin::PanelsCallback callback) override;
  [[nodiscard]] std::vector<admin::ZoneView> zones() const override;
  [[nodiscard]] Result<std::string> export_zone(std::string_view name) const override;
  void import_zone(std::string_view name, std::string text,
                   admin::PanelsCallback callback) override;
  void reload(std::string_view requested_by, admin::ReloadCallback callback) override;
  [[nodiscard]] admin::Metrics metrics() const override;

 private:
  [[nodiscard]] const Application* find(const ApplicationId& id) const;
  [[nodiscard]] admin::ApplicationView view_of(const Application& application) const;

  Collaborators with_;
};

}  // namespace leeward::node
