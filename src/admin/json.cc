// SPDX-License-Identifier: Apache-2.0
#include "admin/json.h"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/overloaded.h"
#include "base/time.h"
#include "base/utf8.h"

namespace leeward::admin {
namespace {

namespace json = boost::json;

json::string text(std::string_view value) {
  return json::string(valid_utf8(value));
}

json::array texts(const std::vector<std::string>& values) {
  json::array array;
  for (const std::string& value : values) {
    array.emplace_back(text(value));
  }
  return array;
}

json::value text_or_null(std::string_view value) {
  return value.empty() ? json::value(nullptr) : json::value(text(value));
}

double seconds(Duration duration) {
  return std::chrono::duration<double>(std::chrono::round<std::chrono::milliseconds>(duration))
      .count();
}

json::value time_or_null(MonoTime time, Instant now) {
  return time == MonoTime{} ? json::value(nullptr)
                            : json::value(text(format_rfc3339(now.to_wall(time))));
}

json::value age_or_null(MonoTime time, Instant now) {
  return time == MonoTime{} ? json::value(nullptr) : json::value(seconds(now.age(time)));
}

std::string endpoint_text(const config::Endpoint& endpoint) {
  return endpoint.address.contains(':') ? fmt::format("[{}]:{}", endpoint.address, endpoint.port)
                                        : fmt::format("{}:{}", endpoint.address, endpoint.port);
}

json::array observations_json(const std::vector<Observation>& observations, Instant now) {
  json::array array;
  for (const Observation& observation : observations) {
    array.emplace_back(to_json(observation, now));
  }
  return array;
}

json::object evidence_json(const Evidence& evidence, Instant now) {
  return {{"reason", text(evidence.reason)},
          {"consecutive_failures", evidence.consecutive_failures},
          {"consecutive_successes", evidence.consecutive_successes},
          {"threshold", evidence.threshold},
          {"miss_rate", evidence.miss_rate},
          {"timeout_ms", to_milliseconds(evidence.timeout)},
          {"observations", observations_json(evidence.observations, now)}};
}

json::array votes_json(const std::vector<Vote>& votes, Instant now) {
  json::array array;
  for (const Vote& vote : votes) {
    array.emplace_back(json::object{{"vantage", text(vote.vantage.str())},
                                    {"health", to_string(vote.health)},
                                    {"at", time_or_null(vote.at, now)},
                                    {"evidence", evidence_json(vote.evidence, now)}});
  }
  return array;
}

json::object verdict_json(const Verdict& verdict, Instant now) {
  return {{"health", to_string(verdict.health)},
          {"since", time_or_null(verdict.since, now)},
          {"age_seconds", age_or_null(verdict.since, now)},
          {"suspect", verdict.suspect},
          {"time_to_flip_ms", to_milliseconds(verdict.time_to_flip)},
          {"evidence", evidence_json(verdict.evidence, now)}};
}

json::object timing_json(const CheckTiming& timing) {
  return {{"interval", format_duration(timing.interval)},
          {"timeout", format_duration(timing.timeout)},
          {"failure_threshold",
           timing.failure_threshold ? json::value(*timing.failure_threshold) : json::value("auto")},
          {"success_threshold", timing.success_threshold},
          {"confirm_spacing", format_duration(timing.confirm_spacing)},
          {"recovery_hold_down", format_duration(timing.recovery_hold_down)}};
}

json::object definition_json(const HealthCheck& check) {
  return {{"type", to_string(check.type)},
          {"address", text(check.address)},
          {"port", check.port},
          {"path", text(check.path)},
          {"host_name", text_or_null(check.host_name)},
          {"inverted", check.inverted},
          {"disabled", check.disabled},
          {"timing", timing_json(check.timing)}};
}

json::object policy_json(const FailoverPolicy& policy) {
  return {
      {"automatic", policy.automatic},
      {"confirm_window", format_duration(policy.confirm_window)},
      {"quorum_required", policy.quorum_required},
      {"max_replication_lag", policy.max_replication_lag
                                  ? json::value(format_duration(*policy.max_replication_lag))
                                  : json::value(nullptr)},
      {"hold_down", format_duration(policy.hold_down)},
      {"failback", to_string(policy.failback)},
      {"failback_after", format_duration(policy.failback_after)},
      {"lockout", json::object{{"moves", policy.lockout.moves},
                               {"within", format_duration(policy.lockout.within)}}},
      {"velocity", json::object{{"percent", policy.velocity.percent},
                                {"within", format_duration(policy.velocity.within)}}},
      {"gradual_failback", json::object{{"steps", json::value_from(policy.gradual_failback.steps)},
                                        {"every", format_duration(policy.gradual_failback.every)}}},
      {"fencing", json::object{{"mode", to_string(policy.fencing.mode)},
                               {"lease", format_duration(policy.fencing.lease)},
                               {"renew", format_duration(policy.fencing.renew)},
                               {"request_max", format_duration(policy.fencing.request_max)}}}};
}

json::object link_json(const ReplicationLink& link, Instant now) {
  return {{"from", text(link.from.str())},
          {"to", text(link.to.str())},
          {"stalled", link.stalled},
          {"detail", text(link.detail)},
          {"newest_visible_age_ms",
           link.newest_visible ? json::value(to_milliseconds(now.age(*link.newest_visible)))
                               : json::value(nullptr)},
          {"lag_ms", to_milliseconds(link.lag)},
          {"p50_ms", to_milliseconds(link.p50)},
          {"p99_ms", to_milliseconds(link.p99)},
          {"max_ms", to_milliseconds(link.max)}};
}

json::value writes_json(const std::optional<WritesView>& writes, Instant now) {
  if (!writes) {
    return nullptr;
  }
  json::array unfenced;
  for (const RegionId& region : writes->unfenced) {
    unfenced.emplace_back(text(region.str()));
  }
  return json::object{{"region", text(writes->to.region.str())},
                      {"epoch", writes->to.epoch},
                      {"allowed", writes->allowed},
                      {"unfenced", std::move(unfenced)},
                      {"leases_over", writes->leases_over ? time_or_null(*writes->leases_over, now)
                                                          : json::value(nullptr)}};
}

json::value hold_json(const std::optional<Hold>& hold) {
  if (!hold) {
    return nullptr;
  }
  return json::object{{"requested_by", text(hold->requested_by)},
                      {"reason", text(hold->reason)},
                      {"since", text(format_rfc3339(hold->since))}};
}

json::value assignment_json(const Assignment& assignment) {
  if (assignment.epoch == 0) {
    return nullptr;
  }
  return json::object{{"region", text(assignment.region.str())}, {"epoch", assignment.epoch}};
}

// A region of an application: its status, flat, beside where it is.
json::value gray_json(const GrayStatus& gray, Instant now) {
  return json::object{{"suspect", gray.suspect},
                      {"since", time_or_null(gray.since, now)},
                      {"good_share", gray.good_share},
                      {"others_good_share", gray.cohort_good_share},
                      {"p", gray.p},
                      {"reason", text(gray.reason)}};
}

json::object region_json(const RegionView& region, const ApplicationRegion* definition,
                         Instant now) {
  json::object object = {{"region", text(region.region.str())}, {"active", region.active}};
  object["addresses"] = definition != nullptr ? texts(definition->addresses) : json::array();
  object["check"] =
      definition != nullptr ? text_or_null(definition->check.id.str()) : json::value(nullptr);
  for (auto& member : to_json(region.status, now)) {
    object.insert(member);
  }
  object["gray"] = region.gray ? gray_json(*region.gray, now) : json::value(nullptr);
  return object;
}

const ApplicationRegion* find_region(const Application& application, const RegionId& id) {
  for (const ApplicationRegion& region : application.regions) {
    if (region.region == id) {
      return &region;
    }
  }
  return nullptr;
}

// Around when this decision's monotonic times are to be placed.
std::optional<Instant> anchor_of(const Decision& decision) {
  const DecisionTimes& times = decision.times;
  for (const auto& time : {times.decided, times.verdict, times.committed, times.published}) {
    if (time) {
      return Instant{*time, decision.decided_at};
    }
  }
  return std::nullopt;
}

json::value elapsed_ms(std::optional<MonoTime> from, std::optional<MonoTime> to) {
  return from && to ? json::value(to_milliseconds(*to - *from)) : json::value(nullptr);
}

json::object times_json(const DecisionTimes& times, const std::optional<Instant>& anchor) {
  json::object object;
  const auto add = [&](std::string_view name, std::optional<MonoTime> time) {
    object[name] = time && anchor ? json::value(text(format_rfc3339(anchor->to_wall(*time))))
                                  : json::value(nullptr);
    object[fmt::format("{}_mono_ns", name)] =
        time ? json::value(time->time_since_epoch().count()) : json::value(nullptr);
  };
  add("first_miss", times.first_miss);
  add("verdict", times.verdict);
  add("decided", times.decided);
  add("committed", times.committed);
  add("published", times.published);
  add("fenced", times.fenced);
  add("drained", times.drained);
  add("granted", times.granted);
  return object;
}

json::object durations_json(const DecisionTimes& times) {
  return {{"detection_ms", elapsed_ms(times.first_miss, times.verdict)},
          {"deciding_ms", elapsed_ms(times.verdict, times.decided)},
          {"commit_ms", elapsed_ms(times.decided, times.committed)},
          {"publish_ms", elapsed_ms(times.committed, times.published)},
          {"fence_ms", elapsed_ms(times.committed, times.fenced)},
          {"drain_ms", elapsed_ms(times.fenced, times.drained)},
          {"grant_ms", elapsed_ms(times.committed, times.granted)},
          {"total_ms",
           elapsed_ms(times.first_miss ? times.first_miss : times.decided, times.published)}};
}

}  // namespace

json::object to_json(const Readiness& readiness) {
  return {{"ready", readiness.ready}, {"reasons", texts(readiness.reasons)}};
}

json::object to_json(const NodeStatus& status, const Readiness& readiness, Instant now) {
  json::array listen;
  for (const config::Endpoint& endpoint : status.dns_listen) {
    listen.emplace_back(text(endpoint_text(endpoint)));
  }
  return {{"node", text(status.node.str())},
          {"region", text_or_null(status.region.str())},
          {"version", text(status.version)},
          {"now", format_rfc3339(now.wall)},
          {"started", format_rfc3339(now.to_wall(status.started))},
          {"uptime_seconds", seconds(now.age(status.started))},
          {"ready", readiness.ready},
          {"reasons", texts(readiness.reasons)},
          {"config",
           {{"file", text(status.config_file)},
            {"generation", status.config_generation},
            {"loaded", time_or_null(status.config_loaded, now)}}},
          {"dns", {{"listen", listen}, {"zones", texts(status.zones)}}},
          {"journal", {{"sequence", status.journal_sequence}}}};
}

json::object to_json(const HealthStatus& status, Instant now) {
  return {{"health", to_string(status.health)},
          {"since", time_or_null(status.since, now)},
          {"age_seconds", age_or_null(status.since, now)},
          {"suspect", status.suspect},
          {"time_to_flip_ms", to_milliseconds(status.time_to_flip)},
          {"votes", votes_json(status.votes, now)}};
}

json::object to_json(const Observation& observation, Instant now) {
  return {{"sequence", observation.sequence},
          {"outcome", to_string(observation.outcome)},
          {"started", time_or_null(observation.started, now)},
          {"latency_ms", to_milliseconds(observation.finished - observation.started)},
          {"detail", text(observation.detail)}};
}

json::object to_json(const Standing& standing) {
  json::array moves;
  for (const WallTime at : standing.automatic_moves) {
    moves.emplace_back(text(format_rfc3339(at)));
  }
  return {{"hold", hold_json(standing.hold)},
          {"locked_out", standing.locked_out},
          {"automatic_moves", std::move(moves)}};
}

json::object to_json(const ApplicationView& application, Instant now) {
  const Application& definition = application.definition;
  json::array regions;
  for (const RegionView& region : application.regions) {
    regions.emplace_back(region_json(region, find_region(definition, region.region), now));
  }
  json::object object = {{"id", text(definition.id.str())},
                         {"hostnames", texts(definition.hostnames)},
                         {"mode", to_string(definition.mode)},
                         {"phase", text(application.phase)},
                         {"assignment", assignment_json(application.assignment)},
                         {"ttl_seconds", seconds(definition.ttl)},
                         {"ttl_floor_seconds", seconds(definition.ttl_floor)},
                         {"ttl_now_seconds", seconds(application.ttl_now)},
                         {"regions", std::move(regions)},
                         {"tables", texts(definition.tables)},
                         {"demand", definition.demand},
                         {"min_healthy_regions", definition.min_healthy_regions},
                         {"failover", policy_json(definition.failover)}};
  object["hold_down_until"] = application.hold_down_until
                                  ? time_or_null(*application.hold_down_until, now)
                                  : json::value(nullptr);
  object["hold"] = hold_json(application.hold);
  object["locked_out"] = application.locked_out;
  object["ramp"] = application.ramp
                       ? json::value{{"from", text(application.ramp->from.str())},
                                     {"percent", application.ramp->percent},
                                     {"next", time_or_null(application.ramp->next, now)}}
                       : json::value(nullptr);
  object["writes"] = writes_json(application.writes, now);
  json::array replication;
  for (const ReplicationLink& link : application.replication) {
    replication.emplace_back(link_json(link, now));
  }
  object["replication"] = std::move(replication);
  object["last_decision"] = application.last_decision
                                ? json::value(to_json(*application.last_decision))
                                : json::value(nullptr);
  return object;
}

json::object to_json(const CheckView& check, Instant now) {
  return {{"id", text(check.check.id.str())},
          {"application", text_or_null(check.application.str())},
          {"region", text_or_null(check.region.str())},
          {"definition", definition_json(check.check)},
          {"verdict", verdict_json(check.verdict, now)},
          {"status", to_json(check.status, now)}};
}

json::object history_json(const CheckView& check, Instant now) {
  return {{"id", text(check.check.id.str())},
          {"verdict", verdict_json(check.verdict, now)},
          {"observations", observations_json(check.history, now)}};
}

json::object to_json(const Decision& decision) {
  const std::optional<Instant> anchor = anchor_of(decision);
  // Without an anchor every observation time is unknown; place them at the decision itself.
  const Instant at = anchor.value_or(Instant{MonoTime{}, decision.decided_at});
  json::array evidence;
  for (const RegionEvidence& region : decision.evidence) {
    json::object object = {{"region", text(region.region.str())}};
    for (auto& member : to_json(region.status, at)) {
      object.insert(member);
    }
    evidence.emplace_back(std::move(object));
  }
  json::array guards;
  for (const Guard& guard : decision.guards) {
    guards.emplace_back(json::object{{"name", text(guard.name)},
                                     {"outcome", to_string(guard.outcome)},
                                     {"detail", text(guard.detail)}});
  }
  return {{"id", decision.id},
          {"application", text(decision.application.str())},
          {"kind", to_string(decision.kind)},
          {"automatic", decision.automatic},
          {"requested_by", text(decision.requested_by)},
          {"reason", text(decision.reason)},
          {"from", assignment_json(decision.from)},
          {"to", assignment_json(decision.to)},
          {"outcome", to_string(decision.outcome)},
          {"outcome_detail", text(decision.outcome_detail)},
          {"notes", texts(decision.notes)},
          {"decided_at", format_rfc3339(decision.decided_at)},
          {"times", times_json(decision.times, anchor)},
          {"durations", durations_json(decision.times)},
          {"guards", std::move(guards)},
          {"evidence", std::move(evidence)}};
}

json::object to_json(const TableReplication& replication, Instant now) {
  json::object object{{"table", text(replication.table)}};
  for (const auto& member : link_json(replication.link, now)) {
    object.insert(member);
  }
  return object;
}

json::object to_json(const ReloadSummary& summary) {
  return {{"config_generation", summary.config_generation},
          {"changed", summary.changed},
          {"changes", texts(summary.changes)}};
}

json::object to_json(const Event& event, Instant now) {
  json::object object = {{"at", format_rfc3339(now.wall)}};
  std::visit(
      overloaded{
          [&](const HealthEvent& health) {
            object["check"] = text(health.check.str());
            object["application"] = text_or_null(health.application.str());
            object["region"] = text_or_null(health.region.str());
            object["before"] = to_json(health.before, now);
            object["after"] = to_json(health.after, now);
          },
          [&](const GrayEvent& gray) {
            object["check"] = text(gray.check.str());
            object["application"] = text_or_null(gray.application.str());
            object["region"] = text_or_null(gray.region.str());
            object["gray"] = gray_json(gray.status, now);
          },
          [&](const DecisionEvent& decision) { object["decision"] = to_json(decision.decision); },
          [&](const ReloadEvent& reload) {
            object["ok"] = reload.ok;
            object["summary"] =
                reload.ok ? json::value(to_json(reload.summary)) : json::value(nullptr);
            object["error"] = reload.ok ? json::value(nullptr) : json::value(text(reload.error));
          }},
      event);
  return object;
}

}  // namespace leeward::admin
