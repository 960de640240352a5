// SPDX-License-Identifier: Apache-2.0
#include "failover/json.h"

#include <array>
#include <utility>

#include "failover/json_archive.h"

// Found by argument-dependent lookup from the archives, hence in the types' own namespaces.
namespace leeward {

inline void parse_name(std::string_view text, std::optional<Health>& to) {
  to = parse_health(text);
}
inline void parse_name(std::string_view text, std::optional<ProbeOutcome>& to) {
  to = parse_probe_outcome(text);
}
inline void parse_name(std::string_view text, std::optional<MoveKind>& to) {
  to = parse_move_kind(text);
}
inline void parse_name(std::string_view text, std::optional<GuardOutcome>& to) {
  to = parse_guard_outcome(text);
}
inline void parse_name(std::string_view text, std::optional<DecisionOutcome>& to) {
  to = parse_decision_outcome(text);
}
inline void parse_name(std::string_view text, std::optional<Failback>& to) {
  to = parse_failback(text);
}
inline void parse_name(std::string_view text, std::optional<ApplicationMode>& to) {
  to = parse_application_mode(text);
}
inline void parse_name(std::string_view text, std::optional<FencingMode>& to) {
  to = parse_fencing_mode(text);
}
inline void parse_name(std::string_view text, std::optional<StandingChange>& to) {
  to = parse_standing_change(text);
}
inline void parse_name(std::string_view text, std::optional<ErrorCode>& to) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    if (to_string(static_cast<ErrorCode>(i)) == text) {
      to = static_cast<ErrorCode>(i);
    }
  }
}

template <typename Archive>
void fields(Archive& a, Observation& v) {
  a.field("sequence", v.sequence);
  a.field("outcome", v.outcome);
  a.field("started", v.started);
  a.field("finished", v.finished);
  a.field("detail", v.detail);
}

template <typename Archive>
void fields(Archive& a, Evidence& v) {
  a.field("observations", v.observations);
  a.field("consecutive_failures", v.consecutive_failures);
  a.field("consecutive_successes", v.consecutive_successes);
  a.field("threshold", v.threshold);
  a.field("miss_rate", v.miss_rate);
  a.field("timeout", v.timeout);
  a.field("reason", v.reason);
}

template <typename Archive>
void fields(Archive& a, Vote& v) {
  a.field("vantage", v.vantage);
  a.field("health", v.health);
  a.field("at", v.at);
  a.field("evidence", v.evidence);
}

template <typename Archive>
void fields(Archive& a, HealthStatus& v) {
  a.field("health", v.health);
  a.field("since", v.since);
  a.field("suspect", v.suspect);
  a.field("time_to_flip", v.time_to_flip);
  a.field("votes", v.votes);
}

template <typename Archive>
void fields(Archive& a, Assignment& v) {
  a.field("region", v.region);
  a.field("epoch", v.epoch);
}

template <typename Archive>
void fields(Archive& a, Guard& v) {
  a.field("name", v.name);
  a.field("outcome", v.outcome);
  a.field("detail", v.detail);
}

template <typename Archive>
void fields(Archive& a, RegionEvidence& v) {
  a.field("region", v.region);
  a.field("status", v.status);
}

template <typename Archive>
void fields(Archive& a, DecisionTimes& v) {
  a.optional_field("first_miss", v.first_miss);
  a.optional_field("verdict", v.verdict);
  a.optional_field("decided", v.decided);
  a.optional_field("committed", v.committed);
  a.optional_field("published", v.published);
  a.optional_field("fenced", v.fenced);
  a.optional_field("drained", v.drained);
  a.optional_field("granted", v.granted);
}

template <typename Archive>
void fields(Archive& a, Decision& v) {
  a.field("id", v.id);
  a.field("application", v.application);
  a.field("kind", v.kind);
  a.field("automatic", v.automatic);
  a.field("requested_by", v.requested_by);
  a.field("reason", v.reason);
  a.field("from", v.from);
  a.field("to", v.to);
  a.field("evidence", v.evidence);
  a.field("guards", v.guards);
  a.field("outcome", v.outcome);
  a.field("outcome_detail", v.outcome_detail);
  a.late_field("notes", v.notes);
  a.field("times", v.times);
  a.field("decided_at", v.decided_at);
}

template <typename Archive>
void fields(Archive& a, MoveCommand& v) {
  a.field("kind", v.kind);
  a.field("application", v.application);
  a.optional_field("to", v.to);
  a.field("dry_run", v.dry_run);
  a.optional_field("accept_data_loss", v.accept_data_loss);
  a.field("requested_by", v.requested_by);
  a.field("reason", v.reason);
}

template <typename Archive>
void fields(Archive& a, FencingPolicy& v) {
  a.field("mode", v.mode);
  a.field("lease", v.lease);
  a.field("renew", v.renew);
  a.field("request_max", v.request_max);
}

template <typename Archive>
void fields(Archive& a, ReplicationLink& v) {
  a.field("from", v.from);
  a.field("to", v.to);
  a.optional_field("newest_visible", v.newest_visible);
  a.field("lag", v.lag);
  a.field("p50", v.p50);
  a.field("p99", v.p99);
  a.field("max", v.max);
  a.field("stalled", v.stalled);
  a.field("detail", v.detail);
}

template <typename Archive>
void fields(Archive& a, LockoutPolicy& v) {
  a.field("moves", v.moves);
  a.field("within", v.within);
}

template <typename Archive>
void fields(Archive& a, VelocityLimit& v) {
  a.field("percent", v.percent);
  a.field("within", v.within);
}

template <typename Archive>
void fields(Archive& a, GradualFailback& v) {
  a.field("steps", v.steps);
  a.field("every", v.every);
}

template <typename Archive>
void fields(Archive& a, Hold& v) {
  a.field("requested_by", v.requested_by);
  a.field("reason", v.reason);
  a.field("since", v.since);
}

template <typename Archive>
void fields(Archive& a, Standing& v) {
  a.optional_field("hold", v.hold);
  a.field("locked_out", v.locked_out);
  a.field("automatic_moves", v.automatic_moves);
}

template <typename Archive>
void fields(Archive& a, StandingCommand& v) {
  a.field("change", v.change);
  a.field("application", v.application);
  a.field("requested_by", v.requested_by);
  a.field("reason", v.reason);
}

template <typename Archive>
void fields(Archive& a, FailoverPolicy& v) {
  a.field("automatic", v.automatic);
  a.field("confirm_window", v.confirm_window);
  a.field("quorum_required", v.quorum_required);
  a.optional_field("max_replication_lag", v.max_replication_lag);
  a.field("hold_down", v.hold_down);
  a.field("failback", v.failback);
  a.field("failback_after", v.failback_after);
  a.late_field("fencing", v.fencing);
  a.late_field("lockout", v.lockout);
  a.late_field("velocity", v.velocity);
  a.late_field("gradual_failback", v.gradual_failback);
}

template <typename Archive>
void fields(Archive& a, Error& v) {
  a.field("code", v.code);
  a.field("message", v.message);
}

}  // namespace leeward

namespace leeward::failover {

inline void parse_name(std::string_view text, std::optional<Phase>& to) {
  to = parse_phase(text);
}

template <typename Archive>
void fields(Archive& a, Policy& v) {
  a.field("id", v.id);
  a.field("mode", v.mode);
  a.field("regions", v.regions);
  a.field("failover", v.failover);
  a.late_field("replicated", v.replicated);
  a.late_field("demand", v.demand);
  a.late_field("capacities", v.capacities);
}

template <typename Archive>
void fields(Archive& a, Ramp& v) {
  a.field("from", v.from);
  a.field("percent", v.percent);
  a.field("step", v.step);
  a.field("next", v.next);
}

template <typename Archive>
void fields(Archive& a, RegionDemand& v) {
  a.field("region", v.region);
  a.field("demand", v.demand);
}

template <typename Archive>
void fields(Archive& a, WriteGrant& v) {
  a.field("to", v.to);
  a.field("decision", v.decision);
  a.field("since", v.since);
  a.field("replaces_writers", v.replaces_writers);
  a.field("outwaits_leases", v.outwaits_leases);
  a.field("unfenced", v.unfenced);
  a.optional_field("leases_over", v.leases_over);
  a.optional_field("ask_at", v.ask_at);
  a.field("asks_failed", v.asks_failed);
  a.field("opening", v.opening);
  a.optional_field("open_at", v.open_at);
  a.field("opens_failed", v.opens_failed);
  a.field("granted", v.granted);
}

template <typename Archive>
void fields(Archive& a, ApplicationState& v) {
  a.field("policy", v.policy);
  a.field("assignment", v.assignment);
  a.field("statuses", v.statuses);
  a.field("phase", v.phase);
  a.optional_field("pending", v.pending);
  a.field("pending_request", v.pending_request);
  a.optional_field("last_decision", v.last_decision);
  a.optional_field("automatic_shift", v.automatic_shift);
  a.optional_field("retry_at", v.retry_at);
  a.field("commits_failed", v.commits_failed);
  a.field("refusal", v.refusal);
  a.optional_field("grant", v.grant);
  a.late_field("failbacks_failed", v.failbacks_failed);
  a.optional_field("failback_at", v.failback_at);
  a.late_field("roll_back", v.roll_back);
  a.late_field("roll_back_to", v.roll_back_to);
  a.optional_field("hold", v.hold);
  a.late_field("locked_out", v.locked_out);
  a.late_field("recent_moves", v.recent_moves);
  a.optional_field("ramp", v.ramp);
}

template <typename Archive>
void fields(Archive& a, Elsewhere& v) {
  a.field("targets", v.targets);
  a.field("not_healthy", v.not_healthy);
  a.late_field("replication", v.replication);
  a.late_field("applications", v.applications);
  a.late_field("automatic_moves", v.automatic_moves);
  a.late_field("demands", v.demands);
}

template <typename Archive>
void fields(Archive& a, StoredAssignment& v) {
  a.field("assignment", v.assignment);
  a.optional_field("automatic_shift_age", v.automatic_shift_age);
  a.late_field("granted", v.granted);
  a.optional_field("hold", v.hold);
  a.late_field("locked_out", v.locked_out);
  a.late_field("automatic_move_ages", v.automatic_move_ages);
}

template <typename Archive>
void fields(Archive& a, ApplicationDefined& v) {
  a.field("policy", v.policy);
  a.optional_field("stored", v.stored);
}

template <typename Archive>
void fields(Archive& a, ApplicationRemoved& v) {
  a.field("application", v.application);
}

template <typename Archive>
void fields(Archive& a, RegionStatusChanged& v) {
  a.field("application", v.application);
  a.field("region", v.region);
  a.field("status", v.status);
}

template <typename Archive>
void fields(Archive& a, TimerFired& v) {
  a.field("application", v.application);
}

template <typename Archive>
void fields(Archive& a, MoveRequested& v) {
  a.field("command", v.command);
  a.field("request", v.request);
}

template <typename Archive>
void fields(Archive& a, StandingRequested& v) {
  a.field("command", v.command);
  a.field("request", v.request);
}

template <typename Archive>
void fields(Archive& a, CommitSucceeded& v) {
  a.field("application", v.application);
  a.field("decision", v.decision);
}

template <typename Archive>
void fields(Archive& a, CommitFailed& v) {
  a.field("application", v.application);
  a.field("decision", v.decision);
  a.field("error", v.error);
  a.optional_field("found", v.found);
}

template <typename Archive>
void fields(Archive& a, Published& v) {
  a.field("application", v.application);
  a.field("decision", v.decision);
}

template <typename Archive>
void fields(Archive& a, FenceRaised& v) {
  a.field("application", v.application);
  a.field("region", v.region);
  a.field("epoch", v.epoch);
  a.field("open", v.open);
  a.optional_field("last_grant", v.last_grant);
}

template <typename Archive>
void fields(Archive& a, FenceFailed& v) {
  a.field("application", v.application);
  a.field("region", v.region);
  a.field("epoch", v.epoch);
  a.field("open", v.open);
  a.field("error", v.error);
  a.field("found", v.found);
  a.optional_field("last_grant", v.last_grant);
}

template <typename Archive>
void fields(Archive& a, Drained& v) {
  a.field("application", v.application);
  a.field("decision", v.decision);
  a.field("proven", v.proven);
  a.field("detail", v.detail);
}

template <typename Archive>
void fields(Archive& a, RaiseFence& v) {
  a.field("application", v.application);
  a.field("region", v.region);
  a.field("epoch", v.epoch);
  a.field("open", v.open);
  a.field("deadline", v.deadline);
}

template <typename Archive>
void fields(Archive& a, Drain& v) {
  a.field("application", v.application);
  a.field("decision", v.decision);
  a.field("from", v.from);
  a.field("to", v.to);
  a.field("deadline", v.deadline);
}

template <typename Archive>
void fields(Archive& a, StoreStanding& v) {
  a.field("application", v.application);
  a.field("standing", v.standing);
  a.field("request", v.request);
}

template <typename Archive>
void fields(Archive& a, RecordGrant& v) {
  a.field("application", v.application);
  a.field("epoch", v.epoch);
}

template <typename Archive>
void fields(Archive& a, CommitAssignment& v) {
  a.field("decision", v.decision);
  a.field("expected", v.expected);
}

template <typename Archive>
void fields(Archive& a, PublishAssignment& v) {
  a.field("application", v.application);
  a.field("assignment", v.assignment);
  a.field("decision", v.decision);
}

template <typename Archive>
void fields(Archive& a, WakeAt& v) {
  a.field("application", v.application);
  a.field("at", v.at);
}

template <typename Archive>
void fields(Archive& a, RecordDecision& v) {
  a.field("decision", v.decision);
}

template <typename Archive>
void fields(Archive& a, Reply& v) {
  a.field("request", v.request);
  if constexpr (Archive::kReads) {
    std::optional<Decision> decision;
    std::optional<Error> error;
    a.optional_field("decision", decision);
    a.optional_field("error", error);
    if (decision.has_value() == error.has_value()) {
      a.fail_at("reply", "holds a decision or an error");
    } else if (decision) {
      v.result = std::move(*decision);
    } else {
      v.result = std::move(*error);
    }
  } else {
    if (const auto* decision = std::get_if<Decision>(&v.result)) {
      a.field("decision", *decision);
    } else {
      a.field("error", std::get<Error>(v.result));
    }
  }
}

namespace {

namespace json = boost::json;

template <typename T>
Result<T> read(const json::value& value, const char* what) {
  T result{};
  const json::value holder = json::object{{what, value}};  // so that the path names it
  archive::Reader outer(holder, "entry");
  outer.field(what, result);
  if (outer.error()) {
    return fail(ErrorCode::kDataCorrupt, *outer.error());
  }
  return result;
}

// The words of a variant's alternatives, in the variant's order.
constexpr std::array kEventNames = {
    "application-defined", "application-removed", "status-changed", "timer-fired",
    "move-requested",      "commit-succeeded",    "commit-failed",  "published",
    "fence-raised",        "fence-failed",        "drained",        "standing-requested"};
constexpr std::array kEffectNames = {"commit-assignment",
                                     "publish-assignment",
                                     "wake-at",
                                     "record-decision",
                                     "reply",
                                     "raise-fence",
                                     "drain",
                                     "record-grant",
                                     "store-standing"};
static_assert(kEventNames.size() == std::variant_size_v<Event>);
static_assert(kEffectNames.size() == std::variant_size_v<Effect>);

template <typename Variant, typename Names>
json::value write_variant(const Variant& value, const Names& names) {
  return std::visit(
      [&](const auto& each) -> json::value {
        return json::object{{names[value.index()], archive::Writer::to_value(each)}};
      },
      value);
}

template <typename Variant, std::size_t kIndex = 0, typename Names>
Result<Variant> read_variant(const json::value& value, const Names& names) {
  if constexpr (kIndex == std::variant_size_v<Variant>) {
    return fail(ErrorCode::kDataCorrupt, "entry is of a kind that this version does not know");
  } else {
    const auto* object = value.if_object();
    if (object == nullptr || object->size() != 1) {
      return fail(ErrorCode::kDataCorrupt, "entry: expected an object with one member");
    }
    if (object->begin()->key() != names[kIndex]) {
      return read_variant<Variant, kIndex + 1>(value, names);
    }
    ASSIGN_OR_RETURN(auto each, (read<std::variant_alternative_t<kIndex, Variant>>(
                                    object->begin()->value(), names[kIndex])));
    return Variant(std::move(each));
  }
}

}  // namespace

json::value to_json(const Assignment& value) {
  return archive::Writer::to_value(value);
}
json::value to_json(const Decision& value) {
  return archive::Writer::to_value(value);
}
json::value to_json(const HealthStatus& value) {
  return archive::Writer::to_value(value);
}
json::value to_json(const ApplicationState& value) {
  return archive::Writer::to_value(value);
}
json::value to_json(const Elsewhere& value) {
  return archive::Writer::to_value(value);
}
json::value to_json(const Standing& value) {
  return archive::Writer::to_value(value);
}
json::value to_json(const Event& value) {
  return write_variant(value, kEventNames);
}
json::value to_json(const Effect& value) {
  return write_variant(value, kEffectNames);
}

Result<Assignment> assignment_from_json(const json::value& value) {
  return read<Assignment>(value, "assignment");
}
Result<Decision> decision_from_json(const json::value& value) {
  return read<Decision>(value, "decision");
}
Result<HealthStatus> status_from_json(const json::value& value) {
  return read<HealthStatus>(value, "status");
}
Result<ApplicationState> application_from_json(const json::value& value) {
  auto state = read<ApplicationState>(value, "application");
  if (state &&
      (state->policy.regions.empty() || state->statuses.size() != state->policy.regions.size())) {
    return fail(ErrorCode::kDataCorrupt,
                "entry.application.statuses does not match the policy's regions");
  }
  return state;
}
Result<Elsewhere> elsewhere_from_json(const json::value& value) {
  return read<Elsewhere>(value, "elsewhere");
}
Result<Standing> standing_from_json(const json::value& value) {
  return read<Standing>(value, "standing");
}
Result<Event> event_from_json(const json::value& value) {
  auto event = read_variant<Event>(value, kEventNames);
  const auto* defined = event ? std::get_if<ApplicationDefined>(&*event) : nullptr;
  if (defined != nullptr && defined->policy.regions.empty()) {
    return fail(ErrorCode::kDataCorrupt, "entry.application-defined.policy.regions is empty");
  }
  return event;
}
Result<Effect> effect_from_json(const json::value& value) {
  return read_variant<Effect>(value, kEffectNames);
}

}  // namespace leeward::failover
