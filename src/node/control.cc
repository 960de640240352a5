// SPDX-License-Identifier: Apache-2.0
#include "node/control.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/overloaded.h"
#include "detect/quorum.h"
#include "failover/json.h"
#include "node/board_words.h"
#include "probe/clock.h"

namespace leeward::node {
namespace {

using probe::mono_now;
using probe::wall_now;

// This node's own verdicts arrive when they change and hold until they do; they do not expire.
// Votes of other vantage points will.
constexpr Duration kOwnVoteTtl = std::chrono::hours(24);

// How often old journal entries are dropped, in entries.
constexpr std::uint64_t kTrimEvery = 256;

// True: a later word on one that is known, which replaces it.
bool remember(std::deque<Decision>& decisions, const Decision& decision) {
  const auto known = std::find_if(decisions.rbegin(), decisions.rend(),
                                  [&](const Decision& each) { return each.id == decision.id; });
  if (known != decisions.rend()) {
    *known = decision;
    return true;
  }
  decisions.push_back(decision);
  if (decisions.size() > Control::kDecisionsKept) {
    decisions.pop_front();
  }
  return false;
}

}  // namespace

Control::Control(NodeId node, std::uint64_t journal_entries_max, SavedState saved,
                 Collaborators collaborators)
    : node_(std::move(node)),
      journal_entries_max_(journal_entries_max),
      saved_(std::move(saved)),
      with_(std::move(collaborators)),
      journal_(saved_.journal.sequence, saved_.journal.digest) {
  decisions_ = std::exchange(saved_.decisions, {});
  state_.next_decision_id = saved_.journal.next_decision_id;
  for (const auto& [application, revision] : saved_.revisions) {
    with_.writer.know(application, revision);
  }
}

void Control::use_board(std::shared_ptr<HealthBoard> board, routing::BoardLayout layout,
                        std::vector<Application> applications) {
  board_ = std::move(board);
  layout_ = std::move(layout);
  applications_ = std::move(applications);
  const MonoTime now = mono_now();
  std::map<HealthCheckId, HealthStatus> statuses;
  places_.clear();
  for (const Application& application : applications_) {
    for (std::size_t i = 0; i < application.regions.size(); ++i) {
      const ApplicationRegion& region = application.regions[i];
      places_.insert_or_assign(region.check.id, Place{&application, i});
      HealthStatus status{.health = Health::kUnknown,
                          .since = now,
                          .suspect = false,
                          .time_to_flip = {},
                          .votes = {}};
      if (const auto known = statuses_.find(region.check.id); known != statuses_.end()) {
        status = known->second;
      } else if (const auto saved = saved_.healths.find(region.check.id);
                 saved != saved_.healths.end()) {
        status.health = saved->second;
      }
      if (const auto slot = layout_.check(region.check.id)) {
        board_->store(*slot, word_of_check(status));
      }
      statuses.insert_or_assign(region.check.id, std::move(status));
    }
  }
  statuses_ = std::move(statuses);
  std::erase_if(verdicts_, [&](const auto& each) { return !places_.contains(each.first); });
  std::erase_if(held_gray_, [&](const auto& each) { return !places_.contains(each); });
  gray_.watch(applications_, now);
  for (const Application& application : applications_) {
    store_application_word(application);
  }
}

void Control::define_applications() {
  std::vector<ApplicationId> gone;
  for (const auto& [id, application] : state_.applications) {
    if (std::ranges::find(applications_, id, &Application::id) == applications_.end()) {
      gone.push_back(id);
    }
  }
  for (const ApplicationId& id : gone) {
    dispatch(failover::ApplicationRemoved{id});
    wake_times_.erase(id);
  }
  for (const Application& application : applications_) {
    const auto known = find(application.id);
    const failover::Policy policy = failover::policy_of(application);
    if (known && known->policy == policy) {
      continue;
    }
    failover::ApplicationDefined event{policy, {}};
    const auto saved = saved_.assignments.find(application.id);
    if (!known && saved != saved_.assignments.end()) {
      const auto granted = saved_.granted.find(application.id);
      event.stored.emplace();
      event.stored->assignment = saved->second.assignment;
      event.stored->granted =
          granted != saved_.granted.end() && granted->second == saved->second.assignment.epoch;
      if (saved->second.automatic_shift_at) {
        event.stored->automatic_shift_age = wall_now() - *saved->second.automatic_shift_at;
      }
      if (const auto standing = saved_.standings.find(application.id);
          standing != saved_.standings.end()) {
        event.stored->hold = standing->second.hold;
        event.stored->locked_out = standing->second.locked_out;
        for (const WallTime at : standing->second.automatic_moves) {
          event.stored->automatic_move_ages.push_back(wall_now() - at);
        }
      }
    }
    dispatch(event);
    // The saved board's verdicts are the engine's, too, until probes say otherwise.
    for (const ApplicationRegion& region : application.regions) {
      const HealthStatus& status = statuses_.at(region.check.id);
      if (!known && status.health != Health::kUnknown) {
        dispatch(failover::RegionStatusChanged{application.id, region.region, status});
      }
    }
  }
}

// ---- what comes in ----

void Control::verdict_changed(const HealthCheckId& check, const Verdict& verdict) {
  if (const auto place = place_of(check)) {  // else a late one of a check that a reload removed
    verdicts_.insert_or_assign(check, verdict);
    use_verdict(check, *place);
  }
}

// What the checker said last, and how gray the region is, become the status.
void Control::use_verdict(const HealthCheckId& check, const Place& place) {
  const Verdict verdict = with_gray(check, place, verdicts_.at(check));
  const Vote vote{node_, verdict.health, mono_now(), verdict.evidence};
  const HealthStatus before = statuses_.at(check);
  HealthStatus status =
      detect::status_of(std::span(&vote, 1), place.application->failover.quorum_required, vote.at,
                        kOwnVoteTtl, before);
  if (status.health == verdict.health && status.health != before.health) {
    status.since = verdict.since;
  }
  status.suspect = status.suspect || verdict.suspect;
  status.time_to_flip = verdict.time_to_flip;
  statuses_.insert_or_assign(check, status);
  announce(check, place, before, status);

  if (const auto slot = layout_.check(check)) {
    board_->store(*slot, word_of_check(status));
  }
  store_application_word(*place.application);
  if (status.health != before.health && status.health != Health::kUnknown) {
    with_.writer.put(health_key(check), std::string(to_string(status.health)));
  }
  dispatch(failover::RegionStatusChanged{
      place.application->id, place.application->regions[place.region].region, std::move(status)});
}

void Control::timer_fired() {
  const MonoTime now = mono_now();
  std::vector<ApplicationId> due;
  for (const auto& [application, at] : wake_times_) {
    if (at <= now) {
      due.push_back(application);
    }
  }
  for (const ApplicationId& application : due) {
    wake_times_.erase(application);
    dispatch(failover::TimerFired{application});
  }
  wake_at_the_next();
}

void Control::move(const MoveCommand& command, MoveDone done) {
  const std::uint64_t request = next_request_++;
  moves_.emplace(request, std::move(done));
  dispatch(failover::MoveRequested{command, request});
}

void Control::change_standing(const StandingCommand& command, StandingDone done) {
  const std::uint64_t request = next_request_++;
  standing_changes_.emplace(request, std::move(done));
  dispatch(failover::StandingRequested{command, request});
}

void Control::cancel_moves() {
  for (auto& [request, done] : std::exchange(standing_changes_, {})) {
    done(fail(ErrorCode::kUnavailable, "the daemon is stopping; ask again when it runs"));
  }
  for (auto& [request, done] : std::exchange(moves_, {})) {
    done(fail(ErrorCode::kUnavailable, "the daemon is stopping; ask again when it runs"));
  }
}

// ---- one step ----

void Control::dispatch(const failover::Event& event) {
  const ApplicationId id = failover::application_of(event);
  const auto before = find(id);
  const failover::Elsewhere elsewhere = failover::elsewhere_of(state_, id);
  const std::uint64_t next_decision_id = state_.next_decision_id;
  const MonoTime now = mono_now();
  const WallTime wall = wall_now();
  const auto effects = failover::step(state_, event, now, wall);
  auto puts = record(before, elsewhere, next_decision_id, event, effects, now, wall);
  renew_lease(id);  // before a fence is raised: nothing is renewed after that
  perform(effects, std::move(puts));
}

std::vector<state::Put> Control::record(const std::optional<failover::ApplicationState>& before,
                                        const failover::Elsewhere& elsewhere,
                                        std::uint64_t next_decision_id,
                                        const failover::Event& event,
                                        const std::vector<failover::Effect>& effects, MonoTime now,
                                        WallTime wall) {
  const auto after = find(failover::application_of(event));
  if (!failover::worth_recording(before, after, effects)) {
    return {};
  }
  std::string line = journal_.append({.sequence = 0,
                                      .wall = wall,
                                      .now = now,
                                      .next_decision_id = next_decision_id,
                                      .before = before,
                                      .elsewhere = elsewhere,
                                      .event = event,
                                      .effects = effects,
                                      .after = failover::digest_of(after),
                                      .previous = 0});
  const std::uint64_t sequence = journal_.sequence();
  if (sequence % kTrimEvery == 0 && sequence > journal_entries_max_) {
    with_.writer.remove(journal_key(0), journal_key(sequence - journal_entries_max_));
  }
  const JournalHead head{sequence, journal_.digest(), state_.next_decision_id};
  return {state::Put{journal_key(sequence), std::move(line), 0},
          state::Put{std::string(kJournalHeadKey), format_journal_head(head), 0}};
}

void Control::perform(const std::vector<failover::Effect>& effects,
                      std::vector<state::Put> journal_puts) {
  const auto commits = [](const failover::Effect& effect) {
    return std::holds_alternative<failover::CommitAssignment>(effect);
  };
  if (std::ranges::none_of(effects, commits)) {
    for (state::Put& put : journal_puts) {
      with_.writer.put(std::move(put.key), std::move(put.value));
    }
    journal_puts.clear();
  }
  for (const failover::Effect& effect : effects) {
    std::visit(overloaded{[&](const failover::CommitAssignment& each) {
                            perform(each, std::exchange(journal_puts, {}));
                          },
                          [&](const auto& each) { perform(each); }},
               effect);
  }
}

void Control::perform(const failover::CommitAssignment& effect,
                      std::vector<state::Put> journal_puts) {
  const Decision& decision = effect.decision;
  AssignmentRecord record{decision.to, {}};
  const auto application = find(decision.application);
  if (decision.automatic && decision.kind != MoveKind::kInitial) {
    record.automatic_shift_at = decision.decided_at;
  } else if (application && application->automatic_shift) {
    record.automatic_shift_at =
        decision.decided_at - (*decision.times.decided - *application->automatic_shift);
  }
  with_.writer.commit(
      decision.application, record, std::move(journal_puts),
      [this, id = decision.application, number = decision.id](const CommitResult& result) {
        if (result.status) {
          dispatch(failover::CommitSucceeded{id, number});
          return;
        }
        std::optional<Assignment> found;
        if (result.found) {
          found = result.found->assignment;
        }
        dispatch(failover::CommitFailed{id, number, result.status.error(), found});
      });
}

// The flip: one store to one word.
void Control::perform(const failover::PublishAssignment& effect) {
  const auto application = std::ranges::find(applications_, effect.application, &Application::id);
  if (application != applications_.end()) {
    store_application_word(*application);
  }
  if (effect.decision != 0) {
    dispatch(failover::Published{effect.application, effect.decision});
  }
}

void Control::perform(const failover::WakeAt& effect) {
  const auto [at, added] = wake_times_.emplace(effect.application, effect.at);
  at->second = std::min(at->second, effect.at);
  wake_at_the_next();
}

void Control::perform(const failover::RecordDecision& effect) {
  const Decision& decision = effect.decision;
  if (!remember(decisions_, decision)) {
    ++decision_counts_[{decision.application, decision.kind, decision.outcome}];
  }
  with_.events.publish(admin::DecisionEvent{decision}, {mono_now(), wall_now()});
  const auto level = decision.outcome == DecisionOutcome::kPublished ? config::LogLevel::kInfo
                                                                     : config::LogLevel::kWarning;
  with_.log.write(level, "decision",
                  {{"id", decision.id},
                   {"application", decision.application.str()},
                   {"kind", to_string(decision.kind)},
                   {"outcome", to_string(decision.outcome)},
                   {"from", decision.from.region.str()},
                   {"to", decision.to.region.str()},
                   {"epoch", decision.to.epoch},
                   {"by", decision.requested_by},
                   {"reason", decision.reason},
                   {"detail", decision.outcome_detail}});
}

void Control::perform(const failover::RaiseFence& effect) {
  with_.data.raise_fence(effect, [this, effect](const FenceOutcome& outcome) {
    with_.log.write(outcome.status ? config::LogLevel::kInfo : config::LogLevel::kWarning, "fence",
                    {{"application", effect.application.str()},
                     {"region", effect.region.str()},
                     {"epoch", effect.epoch},
                     {"open", effect.open ? "true" : "false"},
                     {"result", outcome.status ? "raised" : outcome.status.error().message}});
    if (outcome.status) {
      dispatch(failover::FenceRaised{effect.application, effect.region, effect.epoch, effect.open,
                                     outcome.last_grant});
    } else {
      dispatch(failover::FenceFailed{effect.application, effect.region, effect.epoch, effect.open,
                                     outcome.status.error(), outcome.found, outcome.last_grant});
    }
  });
}

void Control::perform(const failover::Drain& effect) {
  const auto application = std::ranges::find(applications_, effect.application, &Application::id);
  if (application == applications_.end()) {
    return;  // it left the config, and the move with it
  }
  with_.data.drain(effect, application->tables, [this, effect](DrainOutcome outcome) {
    with_.log.info("drain", {{"application", effect.application.str()},
                             {"from", effect.from.str()},
                             {"to", effect.to.str()},
                             {"proven", outcome.proven ? "true" : "false"},
                             {"detail", outcome.detail}});
    dispatch(failover::Drained{effect.application, effect.decision, outcome.proven,
                               std::move(outcome.detail)});
  });
}

void Control::perform(const failover::RecordGrant& effect) {
  with_.writer.put(granted_key(effect.application), std::to_string(effect.epoch));
}

void Control::perform(const failover::StoreStanding& effect) {
  const Standing& standing = effect.standing;
  saved_.standings.insert_or_assign(effect.application, standing);
  with_.log.info("standing", {{"application", effect.application.str()},
                              {"held_by", standing.hold ? standing.hold->requested_by : ""},
                              {"locked_out", standing.locked_out ? "true" : "false"}});
  with_.writer.put(standing_key(effect.application),
                   boost::json::serialize(failover::to_json(standing)),
                   [this, request = effect.request, standing] {
                     const auto waiting = standing_changes_.extract(request);
                     if (!waiting.empty()) {
                       waiting.mapped()(standing);
                     }
                   });
}

void Control::renew_lease(const ApplicationId& id) {
  const auto application = state_.applications.find(id);
  const auto holder = application == state_.applications.end()
                          ? std::nullopt
                          : failover::lease_holder(application->second);
  const auto known = leases_.find(id);
  if (holder == (known == leases_.end() ? std::nullopt : std::optional(known->second))) {
    return;
  }
  if (holder) {
    leases_.insert_or_assign(id, *holder);
  } else {
    leases_.erase(id);
  }
  with_.data.renew_lease(id, holder,
                         holder ? application->second.policy.failover.fencing.renew : Duration(0));
}

void Control::renew_leases() {
  for (const auto& [id, holder] : std::exchange(leases_, {})) {
    renew_lease(id);
  }
}

void Control::replication_measured(const ApplicationId& application,
                                   std::vector<ReplicationLink> links) {
  state_.replication.insert_or_assign(application, std::move(links));
}

void Control::perform(const failover::Reply& effect) {
  if (const auto change = standing_changes_.extract(effect.request); !change.empty()) {
    change.mapped()(fail(std::get<Error>(effect.result)));
    return;
  }
  const auto waiting = moves_.extract(effect.request);
  if (waiting.empty()) {
    return;
  }
  std::visit(overloaded{[&](const Decision& decision) { waiting.mapped()(decision); },
                        [&](const Error& error) { waiting.mapped()(fail(error)); }},
             effect.result);
}

// ---- helpers ----

void Control::wake_at_the_next() {
  const auto next =
      std::ranges::min_element(wake_times_, {}, [](const auto& entry) { return entry.second; });
  if (next != wake_times_.end()) {
    with_.wake_at(next->second);
  }
}

std::optional<failover::ApplicationState> Control::find(const ApplicationId& id) const {
  const auto found = state_.applications.find(id);
  return found == state_.applications.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Control::Place> Control::place_of(const HealthCheckId& check) const {
  const auto found = places_.find(check);
  return found == places_.end() ? std::nullopt : std::optional(found->second);
}

void Control::store_application_word(const Application& application) {
  const auto slot = layout_.application(application.id);
  if (!slot) {
    return;
  }
  // Before the engine knows the application, the store's assignment answers: a restart must not
  // send anybody elsewhere.
  RegionId active;
  if (const auto known = find(application.id)) {
    active = failover::answering_region(*known);
  } else if (const auto saved = saved_.assignments.find(application.id);
             saved != saved_.assignments.end()) {
    active = saved->second.assignment.region;
  }
  const std::size_t index = region_index(application, active).value_or(0);
  const auto known = state_.applications.find(application.id);
  board_->store(
      *slot,
      with_ramp(word_of_application(index, statuses_.at(application.regions[index].check.id)),
                application,
                known == state_.applications.end() ? std::nullopt : known->second.ramp));
}

void Control::announce(const HealthCheckId& check, const Place& place, const HealthStatus& before,
                       const HealthStatus& after) {
  if (before.health == after.health && before.suspect == after.suspect) {
    return;
  }
  if (before.health != after.health) {
    ++transition_counts_[{check, after.health}];
  }
  const RegionId& region = place.application->regions[place.region].region;
  with_.events.publish(admin::HealthEvent{check, place.application->id, region, before, after},
                       {mono_now(), wall_now()});
  const std::string reason = after.votes.empty() ? "" : after.votes.front().evidence.reason;
  with_.log.write(before.health == after.health      ? config::LogLevel::kDebug
                  : after.health == Health::kHealthy ? config::LogLevel::kInfo
                                                     : config::LogLevel::kWarning,
                  "health",
                  {{"check", check.str()},
                   {"was", to_string(before.health)},
                   {"is", to_string(after.health)},
                   {"suspect", after.suspect ? "true" : "false"},
                   {"reason", reason}});
}

HealthStatus Control::status_of(const HealthCheckId& check) const {
  const auto found = statuses_.find(check);
  return found == statuses_.end() ? HealthStatus{} : found->second;
}

std::uint32_t Control::ttl_limit_of(const ApplicationId& application) const {
  const auto slot = layout_.application(application);
  return slot ? board_->load(*slot).ttl_limit_seconds : BoardWord::kNoTtlLimit;
}

namespace {

// What `leeward explain` shows after a restart: the decisions among the journal's last entries.
Result<std::deque<Decision>> recent_decisions(state::Store& store, std::uint64_t last_sequence) {
  constexpr std::uint64_t kEntriesRead = 1000;
  const std::uint64_t from = last_sequence > kEntriesRead ? last_sequence - kEntriesRead : 0;
  ASSIGN_OR_RETURN(
      const auto lines,
      store.read_now({{journal_key(from), state::KeyRange::prefix(kJournalPrefix).end}, 0}));
  std::deque<Decision> decisions;
  for (const state::KeyValue& line : lines.values) {
    auto entry = failover::parse_entry(line.value);
    if (!entry) {
      return fail(with_context(std::move(entry).error(), line.key));
    }
    for (failover::Effect& effect : entry->effects) {
      if (auto* recorded = std::get_if<failover::RecordDecision>(&effect)) {
        remember(decisions, recorded->decision);
      }
    }
  }
  return decisions;
}

}  // namespace

Result<SavedState> read_saved_state(state::Store& store) {
  SavedState saved;
  ASSIGN_OR_RETURN(const auto assignments,
                   store.read_now({state::KeyRange::prefix(kAssignmentPrefix), 0}));
  for (const state::KeyValue& entry : assignments.values) {
    const ApplicationId id(entry.key.substr(kAssignmentPrefix.size()));
    auto record = parse_assignment(entry.value);
    if (!record) {
      return fail(with_context(std::move(record).error(), entry.key));
    }
    saved.assignments.emplace(id, std::move(*record));
    saved.revisions.emplace(id, entry.mod_revision);
  }
  ASSIGN_OR_RETURN(const auto granted,
                   store.read_now({state::KeyRange::prefix(kGrantedPrefix), 0}));
  for (const state::KeyValue& entry : granted.values) {
    Epoch epoch = 0;  // unreadable: not granted, so it is fenced anew
    std::from_chars(entry.value.data(), entry.value.data() + entry.value.size(), epoch);
    saved.granted.emplace(ApplicationId(entry.key.substr(kGrantedPrefix.size())), epoch);
  }
  ASSIGN_OR_RETURN(const auto standings,
                   store.read_now({state::KeyRange::prefix(kStandingPrefix), 0}));
  for (const state::KeyValue& entry : standings.values) {
    boost::system::error_code bad;
    auto standing = failover::standing_from_json(boost::json::parse(entry.value, bad));
    if (bad || !standing) {
      return fail(ErrorCode::kDataCorrupt,
                  fmt::format("{}: {}", entry.key, bad ? bad.message() : standing.error().message));
    }
    saved.standings.emplace(ApplicationId(entry.key.substr(kStandingPrefix.size())),
                            std::move(*standing));
  }
  ASSIGN_OR_RETURN(const auto healths, store.read_now({state::KeyRange::prefix(kHealthPrefix), 0}));
  for (const state::KeyValue& entry : healths.values) {
    if (const auto health = parse_health(entry.value)) {
      saved.healths.emplace(HealthCheckId(entry.key.substr(kHealthPrefix.size())), *health);
    }
  }
  ASSIGN_OR_RETURN(const auto head, store.read_now({state::KeyRange::one(kJournalHeadKey), 1}));
  if (!head.values.empty()) {
    ASSIGN_OR_RETURN(saved.journal, parse_journal_head(head.values.front().value));
    ASSIGN_OR_RETURN(saved.decisions, recent_decisions(store, saved.journal.sequence));
  }
  return saved;
}

}  // namespace leeward::node
