// SPDX-License-Identifier: Apache-2.0
#include "config/warnings.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "config/syntax.h"

namespace leeward::config {
namespace {

using Notes = std::vector<std::string>;

void note_check(const std::string& path, const HealthCheck& check, Notes& notes) {
  if (check.timing.timeout > check.timing.interval) {
    notes.push_back(fmt::format(
        "{}.check: timeout {} is longer than interval {}: probes of a slow target overlap", path,
        format_duration(check.timing.timeout), format_duration(check.timing.interval)));
  }
  if (check.timing.failure_threshold == 1) {
    notes.push_back(fmt::format(
        "{}.check.failure_threshold: 1 makes every lost packet a failure; 3 confirms within "
        "two spacings more",
        path));
  }
  if (check.timing.gray.slow_after >= check.timing.timeout) {
    notes.push_back(fmt::format(
        "{}.check.gray.slow_after: {} has no effect: answers are not waited for longer than "
        "timeout {}",
        path, format_duration(*check.timing.gray.slow_after),
        format_duration(check.timing.timeout)));
  }
  if (is_tls(check.type) && !check.verify_certificate) {
    notes.push_back(fmt::format(
        "{}.check.verify: false: whoever answers on that address counts as healthy", path));
  }
  if (check.disabled) {
    notes.push_back(fmt::format("{}.check.disabled: the region always counts as healthy", path));
  }
}

void note_failover(const std::string& path, const Application& application, const Config& config,
                   Notes& notes) {
  const FailoverPolicy& policy = application.failover;
  if (application.regions.size() == 1) {
    notes.push_back(
        fmt::format("{}.regions: only one region; there is nowhere to fail over to", path));
    return;
  }
  if (policy.max_replication_lag && application.tables.empty()) {
    notes.push_back(
        fmt::format("{}.failover.max_replication_lag: there are no tables whose lag could be "
                    "measured; the guard does not block",
                    path));
  }
  if (policy.max_replication_lag && !application.tables.empty() &&
      *policy.max_replication_lag < 2 * config.replication.heartbeat) {
    notes.push_back(fmt::format(
        "{}.failover.max_replication_lag: {} is less than two heartbeats ({} each): fresh data "
        "would look stale; shorten replication.heartbeat",
        path, format_duration(*policy.max_replication_lag),
        format_duration(config.replication.heartbeat)));
  }
  if (!application.tables.empty() && policy.fencing.mode == FencingMode::kNone &&
      application.mode == ApplicationMode::kActivePassive) {
    notes.push_back(fmt::format(
        "{}.failover.fencing: none: after a move the old region may go on writing for a while; "
        "last writer wins, and what loses is found in the conflict ledger only",
        path));
  }
  if (application.mode == ApplicationMode::kActiveActive) {
    return;
  }
  if (!policy.automatic) {
    notes.push_back(fmt::format(
        "{}.failover: users do not move by themselves; for that write 'automatic: true' and "
        "'quorum: {{required: 1}}'",
        path));
    return;
  }
  notes.push_back(fmt::format(
      "{}.failover: automatic with one vantage point: a network failure beside this node looks "
      "like a dead region",
      path));
  if (policy.hold_down == Duration::zero()) {
    notes.push_back(fmt::format(
        "{}.failover.hold_down: 0s: a flapping region can move users back and forth at once",
        path));
  }
}

void note_tables(const std::string& path, const Application& application,
                 const std::vector<Region>& regions, Notes& notes) {
  if (application.tables.empty()) {
    return;
  }
  for (const ApplicationRegion& here : application.regions) {
    const auto region = std::find_if(regions.begin(), regions.end(),
                                     [&](const Region& r) { return r.id == here.region; });
    if (region != regions.end() && region->dynamodb_region.empty()) {
      notes.push_back(
          fmt::format("{}.tables: region {} names no DynamoDB region (regions.{}.dynamodb.region)",
                      path, here.region, here.region));
    }
  }
}

}  // namespace

std::vector<std::string> warnings(const Config& config) {
  Notes notes;
  if (config.applications.empty() && config.dns.zone_files.empty()) {
    notes.emplace_back("no applications and no dns.zones: every DNS query will be refused");
  }
  if (!config.api.tls && !is_loopback(config.api.listen.address)) {
    notes.emplace_back("api.listen: without api.tls, tokens cross the network in the clear");
  }
  for (const Application& application : config.applications) {
    const std::string path = "applications." + application.id.str();
    for (std::size_t i = 0; i < application.regions.size(); ++i) {
      note_check(fmt::format("{}.regions[{}]", path, i), application.regions[i].check, notes);
    }
    note_failover(path, application, config, notes);
    note_tables(path, application, config.regions, notes);
  }
  return notes;
}

}  // namespace leeward::config
