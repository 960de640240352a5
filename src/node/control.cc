// SPDX-License-Identifier: Apache-2.0
#include "node/control.h"

#include <algorithm>
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

// A process that was stopped (SIGSTOP, a frozen virtual machine) wakes up with the opinions of
// then. Later than this, what was due waits until its checker has looked again.
constexpr Duration kPauseMax = std::chrono::seconds(2);
constexpr Duration kAfterPause = std::chrono::milliseconds(500);

// How old the evidence is.
Duration age_of(const Verdict& verdict, MonoTime now) {
  MonoTime newest = verdict.since;
  for (const Observation& observation : verdict.evidence.observations) {
    newest = std::max(newest, observation.finished);
  }
  return now - newest;
}

// How often old journal entries are dropped, in entries.
constexpr std::uint64_t kTrimEvery = 256;

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
  if (verdict.health == Health::kUnhealthy && age_of(verdict, mono_now()) > kPauseMax) {
    return;  // it was on its way while the process stood still; its checker will say it again
  }
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
  for (auto& [application, at] : wake_times_) {
    if (now - at > kPauseMax) {
      at = now + kAfterPause;
    } else if (at <= now) {
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

}  // namespace leeward::node
