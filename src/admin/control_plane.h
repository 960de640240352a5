// SPDX-License-Identifier: Apache-2.0
//
// What the admin API asks of the node. The node implements it; tests have a double.
//
// Thread-safety: none. The API calls every function on the control thread's executor, where its own
// io_context runs, and expects callbacks there. Everything here must return without waiting: what
// takes longer takes a callback.
//
// Errors: kNotFound for an unknown application, check or decision; others as each function says.
// Messages are shown to the caller, so they hold no secrets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/views.h"
#include "base/result.h"
#include "model/decision.h"
#include "model/ids.h"
#include "model/standing.h"

namespace leeward::admin {

using MoveCallback = std::function<void(Result<Decision>)>;
using StandingCallback = std::function<void(Result<Standing>)>;
using ReloadCallback = std::function<void(Result<ReloadSummary>)>;

using PanelsEditor =
    std::function<Result<controls::PanelsEdit>(const controls::Panels&, WallTime now)>;
using PanelsCallback = std::function<void(Status)>;

class ControlPlane {
 public:
  ControlPlane() = default;
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;
  virtual ~ControlPlane() = default;

  // Both clocks now; everything else is rendered against it.
  [[nodiscard]] virtual Instant now() const = 0;

  [[nodiscard]] virtual NodeStatus status() const = 0;

  // Not ready before the tables are compiled and every DNS endpoint is bound, or while the state
  // store cannot be written. Probes need not have an opinion yet.
  [[nodiscard]] virtual Readiness ready() const = 0;

  // In the config's order.
  [[nodiscard]] virtual std::vector<ApplicationView> applications() const = 0;
  [[nodiscard]] virtual Result<ApplicationView> application(const ApplicationId& id) const = 0;

  // In the config's order; `history` may be left empty here, not in check().
  [[nodiscard]] virtual std::vector<CheckView> checks(const CheckFilter& filter) const = 0;
  [[nodiscard]] virtual Result<CheckView> check(const HealthCheckId& id) const = 0;

  // Newest first, at most `limit` (1 to 1000). An unknown application is kNotFound.
  [[nodiscard]] virtual Result<std::vector<Decision>> decisions(
      const std::optional<ApplicationId>& application, std::size_t limit) const = 0;
  [[nodiscard]] virtual Result<Decision> decision(std::uint64_t id) const = 0;

  // The decision as text for a person: votes, evidence, guards, times. `leeward explain` prints it.
  [[nodiscard]] virtual Result<std::string> explain(std::uint64_t decision_id) const = 0;

  // Moves an application. Calls back exactly once, now or later, with
  //   the decision: published, planned (dry run), or refused with the guards that say why;
  //   an error:     kNotFound (application, region), kInvalidArgument, kUnavailable (the store).
  virtual void move(const MoveCommand& command, MoveCallback callback) = 0;

  // Holds, releases or acknowledges. Works at once; calls back when it is durable, or with
  // kNotFound.
  virtual void change_standing(const StandingCommand& command, StandingCallback callback) = 0;

  // Entries from `from_sequence` on (0: the oldest kept), at most `limit` (1 to 1000), oldest
  // first.
  [[nodiscard]] virtual Result<JournalPage> journal(std::uint64_t from_sequence,
                                                    std::size_t limit) const = 0;

  // Every table and direction that is measured.
  [[nodiscard]] virtual std::vector<TableReplication> replication() const = 0;

  // In order of name, those of applications last.
  [[nodiscard]] virtual std::vector<ControlPanelView> control_panels() const = 0;

  // Runs `edit` on the panels as they are when its turn comes, stores what it returns, and calls
  // back once that is durable and in force. Its error, or the store's, changes nothing.
  virtual void change_control_panels(PanelsEditor edit, PanelsCallback callback) = 0;

  // In order of name.
  [[nodiscard]] virtual std::vector<ZoneView> zones() const = 0;
  // A hosted zone of the API as a zone file (dns/zone_export.h). kFailedPrecondition of one that
  // the config has a file for.
  [[nodiscard]] virtual Result<std::string> export_zone(std::string_view name) const = 0;
  // Makes or replaces a hosted zone of the API. kInvalidArgument: what is wrong, one per line.
  virtual void import_zone(std::string_view name, std::string text, PanelsCallback callback) = 0;

  // Reads the config file again, all or nothing. A config with problems is kFailedPrecondition, its
  // message one problem per line as config::format_problem prints it.
  virtual void reload(std::string_view requested_by, ReloadCallback callback) = 0;

  [[nodiscard]] virtual Metrics metrics() const = 0;
};

}  // namespace leeward::admin
