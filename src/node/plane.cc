// SPDX-License-Identifier: Apache-2.0
#include "node/plane.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "dns/octal.h"
#include "dns/zone_export.h"
#include "failover/explain.h"
#include "node/board_words.h"
#include "probe/clock.h"

namespace leeward::node {
namespace {

std::unexpected<Error> not_found(const char* what, const std::string& id) {
  return fail(ErrorCode::kNotFound, fmt::format("there is no {} {}", what, id));
}

// RFC 6895's mnemonics of the header's RCODEs that we can send.
std::string rcode_name(std::size_t rcode) {
  constexpr std::array kNames = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
  return rcode < kNames.size() ? kNames[rcode] : fmt::format("RCODE{}", rcode);
}

bool matches(const admin::CheckFilter& filter, const admin::CheckView& view) {
  return (!filter.application || *filter.application == view.application) &&
         (!filter.region || *filter.region == view.region) &&
         (!filter.health || *filter.health == view.status.health);
}

}  // namespace

admin::Instant Plane::now() const {
  return {probe::mono_now(), probe::wall_now()};
}

admin::NodeStatus Plane::status() const {
  return {.node = with_.facts.id,
          .region = with_.facts.region,
          .version = LEEWARD_VERSION,
          .started = with_.facts.started,
          .config_file = with_.facts.config_file,
          .config_generation = with_.facts.config_generation,
          .config_loaded = with_.facts.config_loaded,
          .dns_listen = with_.dns.endpoints(),
          .zones = with_.facts.zones,
          .journal_sequence = with_.control.journal().sequence()};
}

// The tables are compiled and every endpoint is bound before the API listens; what can be amiss
// later is the store.
admin::Readiness Plane::ready() const {
  admin::Readiness readiness{true, {}};
  if (with_.writer.failing()) {
    readiness.ready = false;
    readiness.reasons.push_back(
        fmt::format("the state store does not take writes; {} are waiting. DNS answers go on, new "
                    "assignments wait",
                    with_.writer.waiting()));
  }
  return readiness;
}

const Application* Plane::find(const ApplicationId& id) const {
  const auto& all = with_.control.applications();
  const auto found = std::ranges::find(all, id, &Application::id);
  return found == all.end() ? nullptr : &*found;
}

admin::ApplicationView Plane::view_of(const Application& application) const {
  admin::ApplicationView view;
  view.definition = application;
  view.ttl_now = ttl_now(application, with_.control.ttl_limit_of(application.id));
  view.phase = to_string(failover::Phase::kSteady);
  const auto& states = with_.control.state().applications;
  const auto known = states.find(application.id);
  if (known != states.end()) {
    view.assignment = known->second.assignment;
    view.phase = to_string(known->second.phase);
    view.last_decision = known->second.last_decision;
    if (!view.last_decision) {  // of an earlier process
      const auto& decisions = with_.control.decisions();
      const auto last = std::find_if(decisions.rbegin(), decisions.rend(), [&](const Decision& d) {
        return d.application == application.id;
      });
      if (last != decisions.rend()) {
        view.last_decision = *last;
      }
    }
    if (const auto& grant = known->second.grant) {
      view.writes = admin::WritesView{grant->to, grant->granted, grant->unfenced,
                                      grant->granted ? std::nullopt : grant->leases_over};
    }
    view.hold = known->second.hold;
    view.locked_out = known->second.locked_out;
    if (const auto& ramp = known->second.ramp) {
      view.ramp = admin::RampView{ramp->from, ramp->percent, ramp->next};
    }
    const auto until = failover::hold_down_until(known->second);
    if (until && *until > probe::mono_now()) {
      view.hold_down_until = until;
    }
  }
  const auto& measured = with_.control.state().replication;
  if (const auto links = measured.find(application.id); links != measured.end()) {
    view.replication = links->second;
  }
  // During a planned move DNS still answers with the region that is being left.
  const RegionId active_region =
      known == states.end() ? view.assignment.region : failover::answering_region(known->second);
  for (const ApplicationRegion& region : application.regions) {
    const HealthStatus status = with_.control.status_of(region.check.id);
    const bool active = application.mode == ApplicationMode::kActiveActive
                            ? status.health != Health::kUnhealthy
                            : region.region == active_region;
    const GrayStatus* gray = with_.control.gray().status(region.check.id);
    view.regions.push_back(
        {region.region, active, status, gray == nullptr ? std::nullopt : std::optional(*gray)});
  }
  return view;
}

std::vector<admin::ApplicationView> Plane::applications() const {
  std::vector<admin::ApplicationView> views;
  for (const Application& application : with_.control.applications()) {
    views.push_back(view_of(application));
  }
  return views;
}

Result<admin::ApplicationView> Plane::application(const ApplicationId& id) const {
  const Application* found = find(id);
  if (found == nullptr) {
    return not_found("application", id.str());
  }
  return view_of(*found);
}

std::vector<admin::CheckView> Plane::checks(const admin::CheckFilter& filter) const {
  std::map<HealthCheckId, Verdict> verdicts;
  for (auto& [id, verdict] : with_.checker.verdicts()) {
    verdicts.emplace(id, std::move(verdict));
  }
  std::vector<admin::CheckView> views;
  for (const Application& application : with_.control.applications()) {
    for (const ApplicationRegion& region : application.regions) {
      admin::CheckView view{.check = region.check,
                            .application = application.id,
                            .region = region.region,
                            .verdict = {},
                            .status = with_.control.status_of(region.check.id),
                            .history = {}};
      if (const auto verdict = verdicts.find(region.check.id); verdict != verdicts.end()) {
        view.verdict = verdict->second;
      }
      if (matches(filter, view)) {
        views.push_back(std::move(view));
      }
    }
  }
  return views;
}

Result<admin::CheckView> Plane::check(const HealthCheckId& id) const {
  for (const Application& application : with_.control.applications()) {
    for (const ApplicationRegion& region : application.regions) {
      if (region.check.id == id) {
        auto snapshot = with_.checker.snapshot(id).value_or(
            probe::CheckSnapshot{.check = region.check, .verdict = {}, .history = {}});
        return admin::CheckView{.check = region.check,
                                .application = application.id,
                                .region = region.region,
                                .verdict = std::move(snapshot.verdict),
                                .status = with_.control.status_of(id),
                                .history = std::move(snapshot.history)};
      }
    }
  }
  return not_found("health check", id.str());
}

Result<std::vector<Decision>> Plane::decisions(const std::optional<ApplicationId>& application,
                                               std::size_t limit) const {
  if (application && find(*application) == nullptr) {
    return not_found("application", application->str());
  }
  std::vector<Decision> newest_first;
  const auto& all = with_.control.decisions();
  for (auto it = all.rbegin(); it != all.rend() && newest_first.size() < limit; ++it) {
    if (!application || it->application == *application) {
      newest_first.push_back(*it);
    }
  }
  return newest_first;
}

Result<Decision> Plane::decision(std::uint64_t id) const {
  const auto& all = with_.control.decisions();
  const auto found = std::ranges::find(all, id, &Decision::id);
  if (found == all.end()) {
    return not_found("decision", std::to_string(id));
  }
  return *found;
}

Result<std::string> Plane::explain(std::uint64_t decision_id) const {
  ASSIGN_OR_RETURN(const Decision found, decision(decision_id));
  return failover::explain(found);
}

void Plane::move(const MoveCommand& command, admin::MoveCallback callback) {
  with_.control.move(command, std::move(callback));
}

void Plane::change_standing(const StandingCommand& command, admin::StandingCallback callback) {
  with_.control.change_standing(command, std::move(callback));
}

Result<admin::JournalPage> Plane::journal(std::uint64_t from_sequence, std::size_t limit) const {
  const state::KeyRange range{journal_key(from_sequence),
                              state::KeyRange::prefix(kJournalPrefix).end};
  ASSIGN_OR_RETURN(auto found, with_.store.read_now({range, limit}));
  admin::JournalPage page;
  for (state::KeyValue& entry : found.values) {
    page.lines.push_back(std::move(entry.value));
  }
  if (found.count > found.values.size() && !found.values.empty()) {
    auto last = failover::parse_entry(page.lines.back());
    if (!last) {
      return fail(with_context(std::move(last).error(), found.values.back().key));
    }
    page.next_sequence = last->sequence + 1;
  }
  return page;
}

std::vector<admin::ControlPanelView> Plane::control_panels() const {
  std::vector<admin::ControlPanelView> views;
  for (const auto& [name, panel] : with_.panels.panels()) {
    views.push_back({name, panel, false});
  }
  for (auto& [name, panel] : application_panels(with_.control)) {
    views.push_back({name, std::move(panel), true});
  }
  return views;
}

void Plane::change_control_panels(admin::PanelsEditor edit, admin::PanelsCallback callback) {
  with_.panels.change(
      [this, edit = std::move(edit)](const controls::Panels& panels,
                                     WallTime now) -> Result<controls::PanelsEdit> {
        ASSIGN_OR_RETURN(controls::PanelsEdit changed, edit(panels, now));
        RETURN_IF_ERROR(with_.may_edit(panels, changed));
        return changed;
      },
      std::move(callback));
}

std::vector<admin::ZoneView> Plane::zones() const {
  std::vector<admin::ZoneView> views;
  for (const dns::ZoneSummary& zone : with_.answers.current()->tables.zones()) {
    admin::ZoneView view{zone.name, "", zone.record_sets, false};
    const auto apex = dns::Name::parse(zone.name);
    if (const route53::ZoneEntry* entry =
            apex ? with_.route53.catalog().zone_named(dns::route53_text(*apex)) : nullptr) {
      view.id = entry->zone.id;
      view.is_signed = entry->dnssec;
    }
    views.push_back(std::move(view));
  }
  return views;
}

Result<std::string> Plane::export_zone(std::string_view name) const {
  const auto apex = dns::Name::parse(name);
  if (!apex) {
    return fail(apex.error());
  }
  const std::string text = dns::route53_text(*apex);
  if (const route53::ZoneEntry* entry = with_.route53.catalog().zone_named(text)) {
    return dns::zone_export(entry->zone);
  }
  const bool is_configs = std::ranges::any_of(
      zones(), [&](const admin::ZoneView& view) { return view.name == apex->lowered().text(); });
  return is_configs ? fail(ErrorCode::kFailedPrecondition,
                           fmt::format("zone {} comes from the config; its file is there", name))
                    : fail(ErrorCode::kNotFound, fmt::format("there is no zone {}", name));
}

void Plane::import_zone(std::string_view name, std::string text, admin::PanelsCallback callback) {
  const auto apex = dns::Name::parse(name);
  if (!apex) {
    return callback(fail(apex.error()));
  }
  auto imported = dns::zone_import({std::string(name) + ".zone", std::move(text)});
  if (!imported) {
    std::string message;
    for (const dns::Problem& problem : imported.error()) {
      message += (message.empty() ? "" : "\n") + dns::format_problem(problem);
    }
    return callback(fail(ErrorCode::kInvalidArgument, std::move(message)));
  }
  if (imported->zone.name != dns::route53_text(*apex)) {
    return callback(
        fail(ErrorCode::kInvalidArgument,
             fmt::format("the file is of zone {}, not of {}", imported->zone.name, name)));
  }
  with_.route53.import_zone(std::move(imported->zone), std::move(callback));
}

void Plane::reload(std::string_view requested_by, admin::ReloadCallback callback) {
  with_.reload(requested_by, std::move(callback));
}

admin::Metrics Plane::metrics() const {
  admin::Metrics metrics;
  const server::DnsCounters dns = with_.dns.counters();
  metrics.dns.queries_udp = dns.queries_udp;
  metrics.dns.queries_tcp = dns.queries_tcp;
  metrics.dns.truncated = dns.truncated;
  metrics.dns.dropped = dns.ignored;
  metrics.dns.tcp_connections = dns.tcp_open;
  for (std::size_t rcode = 0; rcode < dns.responses_by_rcode.size(); ++rcode) {
    if (dns.responses_by_rcode[rcode] > 0 || rcode == 0) {
      metrics.dns.responses[rcode_name(rcode)] = dns.responses_by_rcode[rcode];
    }
  }
  const probe::CheckerCounters probes = with_.checker.counters();
  std::uint64_t finished = 0;
  for (std::size_t i = 0; i < probes.probes_finished.size(); ++i) {
    metrics.probes[static_cast<ProbeOutcome>(i)] = probes.probes_finished[i];
    finished += probes.probes_finished[i];
  }
  metrics.probes_in_flight = probes.probes_started - std::min(finished, probes.probes_started);
  for (const auto& [key, count] : with_.control.transition_counts()) {
    metrics.transitions.push_back({key.first, key.second, count});
  }
  for (const admin::ApplicationView& view : applications()) {
    metrics.standings.push_back({view.definition.id, view.hold.has_value(), view.locked_out});
    if (view.writes) {
      metrics.writes.push_back({view.definition.id, view.writes->allowed});
    }
    for (const admin::RegionView& region : view.regions) {
      metrics.regions.push_back({view.definition.id, region.region, region.active,
                                 region.status.health, region.status.suspect,
                                 region.gray ? std::optional(region.gray->suspect) : std::nullopt,
                                 view.assignment.epoch});
    }
  }
  for (const auto& [kind, count] : with_.control.decision_counts()) {
    metrics.decisions.push_back({kind.application, kind.kind, kind.outcome, count});
  }
  metrics.replication = replication();
  for (std::size_t i = 0; i < metrics.replication.size(); ++i) {
    if (const auto& newest = metrics.replication[i].link.newest_visible) {
      metrics.newest_visible_age_seconds[i] = to_milliseconds(probe::mono_now() - *newest) / 1000;
    }
  }
  metrics.journal_entries = with_.control.journal().sequence();
  metrics.state_errors = with_.writer.errors();
  metrics.reloads_ok = with_.facts.reloads_ok;
  metrics.reloads_failed = with_.facts.reloads_failed;
  metrics.config_generation = with_.facts.config_generation;
  metrics.uptime_seconds = to_milliseconds(probe::mono_now() - with_.facts.started) / 1000;
  return metrics;
}

std::vector<admin::TableReplication> Plane::replication() const {
  std::vector<admin::TableReplication> all;
  for (const auto& [table, link] : with_.replication) {
    all.push_back({table, link});
  }
  return all;
}

}  // namespace leeward::node
