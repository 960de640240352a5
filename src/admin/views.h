// SPDX-License-Identifier: Apache-2.0
//
// What the admin API shows, as plain values. The node fills them from its own state; json.h renders
// them. They hold model types as they are, so an answer shows what the core really knows.
//
// Time: a MonoTime means nothing outside its process. A view keeps it, and an Instant, one reading
// of both clocks, turns it into wall time or an age when it is rendered.
//
// Thread-safety: values; no sharing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "config/config.h"
#include "controls/controls.h"
#include "model/application.h"
#include "model/decision.h"
#include "model/health.h"
#include "model/health_check.h"
#include "model/ids.h"
#include "model/replication.h"
#include "model/standing.h"

namespace leeward::admin {

// Both clocks at one moment.
struct Instant {
  MonoTime mono;
  WallTime wall;

  [[nodiscard]] WallTime to_wall(MonoTime time) const { return wall + (time - mono); }
  [[nodiscard]] Duration age(MonoTime time) const { return mono - time; }
};

// The node itself.
struct NodeStatus {
  NodeId node;
  RegionId region;      // empty: in no region
  std::string version;  // "0.1.0"
  MonoTime started;
  std::string config_file;
  std::uint64_t config_generation = 0;  // 1 after the first load, +1 with each reload
  MonoTime config_loaded;
  std::vector<config::Endpoint> dns_listen;  // as bound, so port 0 in the config shows the real one
  std::vector<std::string> zones;            // absolute, no trailing dot
  std::uint64_t journal_sequence = 0;        // of the last entry; 0: none

  friend bool operator==(const NodeStatus&, const NodeStatus&) = default;
};

// Whether this node can do its job: answer DNS, and keep what it decides.
struct Readiness {
  bool ready = false;
  std::vector<std::string> reasons;  // why not, one line each; may also hold warnings when ready

  friend bool operator==(const Readiness&, const Readiness&) = default;
};

// One region of an application now.
struct RegionView {
  RegionId region;
  bool active = false;  // users are sent here: the assigned region, or any healthy one when
                        // the mode is active-active
  HealthStatus status;
  std::optional<GrayStatus> gray;  // nullopt: nobody looks

  friend bool operator==(const RegionView&, const RegionView&) = default;
};

// Who may write; with fencing only.
struct WritesView {
  Assignment to;
  bool allowed = false;                 // the region's fence table has confirmed it
  std::vector<RegionId> unfenced;       // whose fence tables have not
  std::optional<MonoTime> leases_over;  // from then on their writers' leases are over

  friend bool operator==(const WritesView&, const WritesView&) = default;
};

struct TableReplication {
  std::string table;
  ReplicationLink link;

  friend bool operator==(const TableReplication&, const TableReplication&) = default;
};

// A control panel; one that follows an application is managed: read-only.
struct ControlPanelView {
  std::string name;
  controls::ControlPanel panel;
  bool managed = false;

  friend bool operator==(const ControlPanelView&, const ControlPanelView&) = default;
};

struct ZoneView {
  std::string name;  // "example.test", no trailing dot
  std::string id;    // of a hosted zone of the API; empty: the config's
  std::size_t record_sets = 0;
  bool is_signed = false;

  friend bool operator==(const ZoneView&, const ZoneView&) = default;
};

// Users follow a failback in steps.
struct RampView {
  RegionId from;    // answers the other queries
  int percent = 0;  // of the queries that the active region answers
  MonoTime next;    // step

  friend bool operator==(const RampView&, const RampView&) = default;
};

struct ApplicationView {
  Application definition;
  Assignment assignment;                    // epoch 0: none yet; active-active has none
  std::string phase;                        // failover's word: "steady", "confirming", ...
  std::vector<RegionView> regions;          // in order of preference, as in `definition`
  Duration ttl_now{};                       // what answers carry at this moment
  std::optional<MonoTime> hold_down_until;  // no automatic shift before; nullopt: none running
  std::optional<Hold> hold;                 // an operator forbids automatic moves
  bool locked_out = false;                  // it moved by itself too often
  std::optional<RampView> ramp;
  std::optional<WritesView> writes;
  std::vector<ReplicationLink> replication;  // per direction the worst of its tables
  std::optional<Decision> last_decision;

  friend bool operator==(const ApplicationView&, const ApplicationView&) = default;
};

// One health check at this node.
struct CheckView {
  HealthCheck check;
  ApplicationId application;  // empty: of no application
  RegionId region;
  Verdict verdict;                   // this vantage point's
  HealthStatus status;               // the quorum's
  std::vector<Observation> history;  // the last ones, oldest first; at most 32

  friend bool operator==(const CheckView&, const CheckView&) = default;
};

// Every member narrows; nullopt matches all.
struct CheckFilter {
  std::optional<ApplicationId> application;
  std::optional<RegionId> region;
  std::optional<Health> health;  // of the status

  friend bool operator==(const CheckFilter&, const CheckFilter&) = default;
};

struct JournalPage {
  std::vector<std::string> lines;              // JSON, one entry each, without line ends
  std::optional<std::uint64_t> next_sequence;  // where to go on; nullopt: that was all

  friend bool operator==(const JournalPage&, const JournalPage&) = default;
};

struct ReloadSummary {
  std::uint64_t config_generation = 0;
  bool changed = false;              // false: the file says what is in force already
  std::vector<std::string> changes;  // one line each: "application shop: ttl 5s -> 10s"

  friend bool operator==(const ReloadSummary&, const ReloadSummary&) = default;
};

// Counters since the process started, and gauges now. metrics.h names each as Prometheus sees it.
struct Metrics {
  struct Dns {
    std::uint64_t queries_udp = 0;
    std::uint64_t queries_tcp = 0;
    std::map<std::string, std::uint64_t> responses;  // by response code: "NOERROR", "REFUSED" ...
    std::uint64_t truncated = 0;
    std::uint64_t dropped = 0;  // received, and not worth an answer
    std::uint64_t tcp_connections = 0;
  };
  struct DecisionCount {
    ApplicationId application;
    MoveKind kind = MoveKind::kFailover;
    DecisionOutcome outcome = DecisionOutcome::kPublished;
    std::uint64_t count = 0;
  };
  struct Region {
    ApplicationId application;
    RegionId region;
    bool active = false;
    Health health = Health::kUnknown;
    bool suspect = false;
    std::optional<bool> gray;  // nullopt: nobody looks
    Epoch epoch = 0;           // of the application
  };
  struct Transition {
    HealthCheckId check;
    Health to = Health::kUnknown;
    std::uint64_t count = 0;
  };

  Dns dns;
  std::map<ProbeOutcome, std::uint64_t> probes;
  std::uint64_t probes_in_flight = 0;
  std::vector<Transition> transitions;
  std::vector<Region> regions;
  std::vector<DecisionCount> decisions;
  struct Standing {
    ApplicationId application;
    bool held = false;
    bool locked_out = false;
  };
  std::vector<Standing> standings;
  struct Writes {
    ApplicationId application;
    bool allowed = false;
  };
  std::vector<Writes> writes;                                // of applications with fencing
  std::vector<TableReplication> replication;                 // as measured last
  std::map<std::size_t, double> newest_visible_age_seconds;  // by index into `replication`
  std::uint64_t journal_entries = 0;
  std::uint64_t state_errors = 0;  // writes to the state store that failed
  std::uint64_t reloads_ok = 0;
  std::uint64_t reloads_failed = 0;
  std::uint64_t config_generation = 0;
  double uptime_seconds = 0;
};

}  // namespace leeward::admin
