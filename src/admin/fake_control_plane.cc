// SPDX-License-Identifier: Apache-2.0
#include "admin/fake_control_plane.h"

#include <algorithm>

#include <fmt/format.h>

namespace leeward::admin {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kGra = "GRA11";
constexpr std::string_view kRbx = "RBX-A";
constexpr std::uint64_t kJournalEntries = 7;

ApplicationRegion make_region(std::string_view region, std::string address) {
  ApplicationRegion result;
  result.region = RegionId(std::string(region));
  result.check.id = HealthCheckId(fmt::format("shop/{}", region));
  result.check.address = address;
  result.check.port = 8080;
  result.check.path = "/healthz";
  result.addresses = {std::move(address)};
  return result;
}

Evidence make_evidence(MonoTime at, bool healthy) {
  Evidence evidence;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    evidence.observations.push_back(
        {.sequence = 40 + i,
         .outcome = healthy ? ProbeOutcome::kSuccess : ProbeOutcome::kRefused,
         .started = at - milliseconds(50 * (4 - i)),
         .finished = at - milliseconds(50 * (4 - i)) + milliseconds(2),
         .detail = healthy ? "HTTP 200" : "connection refused"});
  }
  (healthy ? evidence.consecutive_successes : evidence.consecutive_failures) = 3;
  evidence.threshold = 3;
  evidence.miss_rate = 0.001;
  evidence.timeout = milliseconds(120);
  evidence.reason = healthy ? "3 of 3 probes succeeded" : "3 of 3 probes refused";
  return evidence;
}

}  // namespace

FakeControlPlane::FakeControlPlane() {
  now_.mono = MonoTime(hours(10));
  now_.wall = parse_rfc3339("2026-11-23T12:00:00.000Z").value();
  shop_.id = ApplicationId("shop");
  shop_.hostnames = {"app.example.test"};
  shop_.regions = {make_region(kGra, "198.51.100.10"), make_region(kRbx, "198.51.100.20")};
  shop_.tables = {"my-app-table"};
  assignment_ = {RegionId(std::string(kRbx)), 2};

  Decision moved;
  moved.id = 1;
  moved.application = shop_.id;
  moved.automatic = true;
  moved.requested_by = "leeward";
  moved.reason = "GRA11 is unhealthy: 3 of 3 probes refused";
  moved.from = {RegionId(std::string(kGra)), 1};
  moved.to = assignment_;
  moved.evidence = {{RegionId(std::string(kGra)), status_of(kGra)},
                    {RegionId(std::string(kRbx)), status_of(kRbx)}};
  moved.guards = {{"target-healthy", GuardOutcome::kPassed, "RBX-A is healthy for 1h"},
                  {"replication-lag", GuardOutcome::kNotEvaluated, "no limit is configured"}};
  moved.outcome = DecisionOutcome::kPublished;
  const MonoTime verdict = now_.mono - seconds(90);
  moved.times = {.first_miss = verdict - milliseconds(104),
                 .verdict = verdict,
                 .decided = verdict + milliseconds(1),
                 .committed = verdict + milliseconds(4),
                 .published = verdict + milliseconds(5),
                 .fenced = {},
                 .drained = {},
                 .granted = {}};
  moved.decided_at = now_.to_wall(*moved.times.decided);

  Decision refused = moved;
  refused.id = 2;
  refused.kind = MoveKind::kFailback;
  refused.automatic = false;
  refused.requested_by = "alice";
  refused.reason = "going home";
  refused.from = assignment_;
  refused.to = {RegionId(std::string(kGra)), 3};
  refused.guards = {{"target-healthy", GuardOutcome::kFailed, "GRA11 is unhealthy for 60s"}};
  refused.outcome = DecisionOutcome::kRefused;
  refused.times = {.first_miss = {},
                   .verdict = {},
                   .decided = now_.mono - seconds(30),
                   .committed = {},
                   .published = {},
                   .fenced = {},
                   .drained = {},
                   .granted = {}};
  refused.decided_at = now_.to_wall(*refused.times.decided);
  decisions_ = {moved, refused};
}

HealthStatus FakeControlPlane::status_of(std::string_view region) const {
  const bool healthy = region == kRbx;
  const MonoTime since = healthy ? now_.mono - hours(1) : now_.mono - seconds(90);
  HealthStatus status;
  status.health = healthy ? Health::kHealthy : Health::kUnhealthy;
  status.since = since;
  status.suspect = false;
  status.time_to_flip = milliseconds(100);
  status.votes = {{NodeId("gra-1"), status.health, since, make_evidence(since, healthy)}};
  return status;
}

NodeStatus FakeControlPlane::status() const {
  NodeStatus status;
  status.node = NodeId("gra-1");
  status.region = RegionId(std::string(kGra));
  status.version = "0.1.0";
  status.started = now_.mono - hours(2);
  status.config_file = "leeward.yaml";
  status.config_generation = generation_;
  status.config_loaded = now_.mono - hours(2);
  status.dns_listen = {{"127.0.0.1", 5353}, {"::1", 5353}};
  status.zones = {"example.test"};
  status.journal_sequence = kJournalEntries;
  return status;
}

std::vector<ApplicationView> FakeControlPlane::applications() const {
  ApplicationView view;
  view.definition = shop_;
  view.assignment = assignment_;
  view.phase = "steady";
  for (const ApplicationRegion& region : shop_.regions) {
    view.regions.push_back(
        {region.region, region.region == assignment_.region, status_of(region.region.str()),
         region.region == assignment_.region ? std::optional(gray) : std::nullopt});
  }
  view.ttl_now = shop_.ttl;
  view.hold = standing.hold;
  view.locked_out = standing.locked_out;
  view.ramp = ramp;
  view.writes = WritesView{assignment_, true, {RegionId(std::string(kGra))}, now_.mono};
  view.replication.push_back(replication().front().link);
  view.last_decision = decisions_.back();
  view.last_decision->reason += hostile_text;
  return {view};
}

std::vector<TableReplication> FakeControlPlane::replication() const {
  ReplicationLink fresh{RegionId(std::string(kGra)),
                        RegionId(std::string(kRbx)),
                        now_.mono - milliseconds(300),
                        milliseconds(4),
                        milliseconds(5),
                        milliseconds(9),
                        milliseconds(12),
                        false,
                        ""};
  ReplicationLink stalled{fresh.to, fresh.from, std::nullopt, {}, {}, {}, {}, true, hostile_text};
  return {{"items", fresh}, {"items", stalled}};
}

Result<ApplicationView> FakeControlPlane::application(const ApplicationId& id) const {
  if (id != shop_.id) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no application '{}'", id));
  }
  return applications().front();
}

std::vector<CheckView> FakeControlPlane::checks(const CheckFilter& filter) const {
  std::vector<CheckView> views;
  for (const ApplicationRegion& region : shop_.regions) {
    CheckView view;
    view.check = region.check;
    view.application = shop_.id;
    view.region = region.region;
    view.status = status_of(region.region.str());
    view.verdict = {view.status.health, view.status.since, view.status.suspect,
                    view.status.time_to_flip, view.status.votes.front().evidence};
    view.history = view.verdict.evidence.observations;
    const bool matches = (!filter.application || *filter.application == shop_.id) &&
                         (!filter.region || *filter.region == region.region) &&
                         (!filter.health || *filter.health == view.status.health);
    if (matches) {
      views.push_back(std::move(view));
    }
  }
  return views;
}

Result<CheckView> FakeControlPlane::check(const HealthCheckId& id) const {
  for (CheckView& view : checks({})) {
    if (view.check.id == id) {
      return std::move(view);
    }
  }
  return fail(ErrorCode::kNotFound, fmt::format("there is no health check '{}'", id));
}

Result<std::vector<Decision>> FakeControlPlane::decisions(
    const std::optional<ApplicationId>& application, std::size_t limit) const {
  if (application && *application != shop_.id) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no application '{}'", *application));
  }
  std::vector<Decision> newest(decisions_.rbegin(), decisions_.rend());
  newest.resize(std::min(limit, newest.size()));
  return newest;
}

Result<Decision> FakeControlPlane::decision(std::uint64_t id) const {
  if (id == 0 || id > decisions_.size()) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no decision {}", id));
  }
  return decisions_[id - 1];
}

Result<std::string> FakeControlPlane::explain(std::uint64_t decision_id) const {
  ASSIGN_OR_RETURN(const Decision found, decision(decision_id));
  return fmt::format("Decision {}: {} of {}\n  why: {}\n", found.id, to_string(found.kind),
                     found.application, found.reason);
}

Result<Decision> FakeControlPlane::decide(const MoveCommand& command) {
  if (move_error) {
    return fail(*move_error);
  }
  if (command.application != shop_.id) {
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no application '{}'", command.application));
  }
  const RegionId to = command.to.value_or(shop_.regions.front().region);
  if (to.str() != kGra && to.str() != kRbx) {
    return fail(ErrorCode::kNotFound,
                fmt::format("application shop has no region '{}'; it has GRA11, RBX-A", to));
  }
  Decision decision = decisions_.front();
  decision.id = decisions_.size() + 1;
  decision.kind = command.kind;
  decision.automatic = false;
  decision.requested_by = command.requested_by;
  decision.reason = command.reason;
  decision.from = assignment_;
  decision.to = {to, assignment_.epoch + 1};
  const bool healthy = status_of(to.str()).health == Health::kHealthy;
  decision.guards = {{"target-healthy", healthy ? GuardOutcome::kPassed : GuardOutcome::kFailed,
                      fmt::format("{} is {}", to, healthy ? "healthy" : "unhealthy")}};
  decision.outcome = !healthy          ? DecisionOutcome::kRefused
                     : command.dry_run ? DecisionOutcome::kPlanned
                                       : DecisionOutcome::kPublished;
  if (!command.dry_run) {
    decisions_.push_back(decision);
    if (healthy) {
      assignment_ = decision.to;
    }
    if (events != nullptr) {
      events->publish(DecisionEvent{decision}, now_);
    }
  }
  return decision;
}

void FakeControlPlane::move(const MoveCommand& command, MoveCallback callback) {
  moves.push_back(command);
  if (hold_moves) {
    held.push_back(std::move(callback));
    return;
  }
  callback(decide(command));
}

void FakeControlPlane::change_standing(const StandingCommand& command, StandingCallback callback) {
  standing_changes.push_back(command);
  if (command.application != shop_.id) {
    return callback(
        fail(ErrorCode::kNotFound, fmt::format("there is no application {}", command.application)));
  }
  switch (command.change) {
    case StandingChange::kHold:
      standing.hold = Hold{command.requested_by, command.reason, now_.wall};
      break;
    case StandingChange::kRelease:
      standing.hold.reset();
      break;
    case StandingChange::kAcknowledge:
      standing.locked_out = false;
      break;
  }
  callback(standing);
}

Result<JournalPage> FakeControlPlane::journal(std::uint64_t from_sequence,
                                              std::size_t limit) const {
  JournalPage page;
  std::uint64_t next = std::max<std::uint64_t>(from_sequence, 1);
  for (; next <= kJournalEntries && page.lines.size() < limit; ++next) {
    page.lines.push_back(fmt::format(R"({{"sequence":{}}})", next));
  }
  if (next <= kJournalEntries) {
    page.next_sequence = next;
  }
  return page;
}

std::vector<ControlPanelView> FakeControlPlane::control_panels() const {
  std::vector<ControlPanelView> views;
  for (const auto& [name, panel] : panels_) {
    views.push_back({name, panel, false});
  }
  controls::ControlPanel shop;
  for (const ApplicationRegion& region : shop_.regions) {
    shop.controls.emplace(
        region.region.str(),
        controls::RoutingControl{region.region == assignment_.region ? controls::ControlState::kOn
                                                                     : controls::ControlState::kOff,
                                 {},
                                 "leeward"});
  }
  views.push_back({"application.shop", std::move(shop), true});
  return views;
}

void FakeControlPlane::change_control_panels(PanelsEditor edit, PanelsCallback callback) {
  if (panels_error) {
    return callback(fail(*panels_error));
  }
  const Result<controls::PanelsEdit> changed = edit(panels_, now_.wall);
  if (!changed) {
    return callback(fail(changed.error()));
  }
  for (const auto& [name, panel] : changed->put) {
    panels_[name] = panel;
  }
  for (const std::string& name : changed->removed) {
    panels_.erase(name);
  }
  callback({});
}

std::vector<ZoneView> FakeControlPlane::zones() const {
  std::vector<ZoneView> views{{"example.test", "", 3, false}};
  for (const auto& [name, text] : zone_files_) {
    views.push_back({name, "Z1", 2, true});
  }
  return views;
}

Result<std::string> FakeControlPlane::export_zone(std::string_view name) const {
  const auto found = zone_files_.find(name);
  if (found == zone_files_.end()) {
    return fail(ErrorCode::kNotFound, "there is no such zone");
  }
  return found->second;
}

void FakeControlPlane::import_zone(std::string_view name, std::string text,
                                   PanelsCallback callback) {
  if (text.empty()) {
    return callback(fail(ErrorCode::kInvalidArgument, "there is no SOA record"));
  }
  zone_files_[std::string(name)] = std::move(text);
  callback({});
}

void FakeControlPlane::reload(std::string_view requested_by, ReloadCallback callback) {
  reloads.emplace_back(requested_by);
  if (reload_error) {
    return callback(fail(*reload_error));
  }
  ++generation_;
  callback(ReloadSummary{generation_, true, {"application shop: ttl 5s -> 10s"}});
}

Metrics FakeControlPlane::metrics() const {
  Metrics metrics;
  metrics.dns.queries_udp = 1000;
  metrics.dns.queries_tcp = 5;
  metrics.dns.responses = {{"NOERROR", 990}, {"REFUSED", 15}};
  metrics.probes = {{ProbeOutcome::kSuccess, 300}, {ProbeOutcome::kRefused, 3}};
  metrics.transitions = {{HealthCheckId("shop/GRA11"), Health::kUnhealthy, 1}};
  for (const ApplicationRegion& region : shop_.regions) {
    metrics.regions.push_back({shop_.id, region.region, region.region == assignment_.region,
                               status_of(region.region.str()).health, false, std::nullopt,
                               assignment_.epoch});
    if (region.region == assignment_.region) {
      metrics.regions.back().gray = gray.suspect;
    }
  }
  metrics.decisions = {{shop_.id, MoveKind::kFailover, DecisionOutcome::kPublished, 1}};
  metrics.journal_entries = kJournalEntries;
  metrics.uptime_seconds = 7200;
  metrics.config_generation = generation_;
  return metrics;
}

}  // namespace leeward::admin
