// SPDX-License-Identifier: Apache-2.0
#include "failover/test_world.h"

#include <fmt/format.h>

#include "base/overloaded.h"

namespace leeward::failover {
namespace {

constexpr MonoTime kStart{std::chrono::seconds(100)};

std::optional<ApplicationState> copy_of(const State& state, const ApplicationId& id) {
  const auto found = state.applications.find(id);
  return found == state.applications.end() ? std::nullopt : std::optional(found->second);
}

std::string line_of(const Decision& decision) {
  std::string text =
      fmt::format("{}{} {}@{} -> {}@{}: {}", decision.automatic ? "automatic " : "",
                  to_string(decision.kind), decision.from.region, decision.from.epoch,
                  decision.to.region, decision.to.epoch, to_string(decision.outcome));
  return decision.outcome_detail.empty() ? text : text + ", " + decision.outcome_detail;
}

}  // namespace

void TestWorld::tell(const std::string& text) {
  story_ += fmt::format("{:>7} ms  {}\n", (now_ - kStart) / std::chrono::milliseconds(1), text);
}

const ApplicationState* TestWorld::find(const ApplicationId& id) const {
  const auto found = state_.applications.find(id);
  return found == state_.applications.end() ? nullptr : &found->second;
}

void TestWorld::feed(const Event& event) {
  queue_.push_back(event);
  for (int steps = 0; !queue_.empty(); ++steps) {
    if (steps > 1000) {
      broken_ = "the engine and the store chase each other without pause";
      queue_.clear();
      return;
    }
    const Event next = std::move(queue_.front());
    queue_.pop_front();
    const ApplicationId id = application_of(next);
    const State before = state_;
    const auto effects = step(state_, next, now_, WallTime(now_.time_since_epoch()));
    if (auto wrong = invariants_.check(before, state_, effects); wrong && broken_.empty()) {
      broken_ = *wrong;
    }
    write_journal(id, before, next, effects);
    for (const Effect& effect : effects) {
      carry_out(effect);
    }
    renew_leases();
  }
}

void TestWorld::write_journal(const ApplicationId& id, const State& before, const Event& event,
                              const std::vector<Effect>& effects) {
  const auto old = copy_of(before, id);
  const auto now = copy_of(state_, id);
  if (!worth_recording(old, now, effects)) {
    return;
  }
  const JournalEntry entry{++sequence_,
                           WallTime(now_.time_since_epoch()),
                           now_,
                           before.next_decision_id,
                           old,
                           elsewhere_of(before, id),
                           event,
                           effects,
                           digest_of(now),
                           previous_};
  const std::string line = format_entry(entry);
  previous_ = digest_of_line(line);
  journal_ += line + "\n";
  const auto read = parse_entry(line);
  if ((!read || *read != entry) && broken_.empty()) {
    broken_ = "a journal entry does not read back: " + (read ? line : read.error().message);
  }
}

void TestWorld::carry_out(const Effect& effect) {
  std::visit(
      overloaded{
          [&](const CommitAssignment& each) { commit(each); },
          [&](const PublishAssignment& each) {
            const ApplicationState* application = find(each.application);
            tell(fmt::format("DNS answers {} with {} (epoch {}){}", each.application,
                             each.assignment.region, each.assignment.epoch,
                             application != nullptr && application->ramp
                                 ? fmt::format(", {} % of the queries; {} the others",
                                               application->ramp->percent, application->ramp->from)
                                 : ""));
            if (each.decision != 0) {
              queue_.emplace_back(Published{each.application, each.decision});
            }
          },
          [&](const RaiseFence& each) { raise_fence(each); },
          [&](const Drain& each) { drain(each); },
          [&](const RecordGrant& each) { granted_[each.application] = each.epoch; },
          [&](const StoreStanding& each) {
            standings_[each.application] = each.standing;
            if (each.request != 0) {
              tell(fmt::format("{}: {}{}", each.application,
                               each.standing.hold ? "held" : "not held",
                               each.standing.locked_out ? ", locked out" : ""));
            } else if (each.standing.locked_out) {
              tell(fmt::format("{}: locked out", each.application));
            }
          },
          [&](const WakeAt& each) {
            const auto [at, added] = timers_.emplace(each.application, each.at);
            at->second = std::min(at->second, each.at);
          },
          [&](const RecordDecision& each) {
            tell(fmt::format("{} ({})", line_of(each.decision), each.decision.reason));
          },
          [&](const Reply& each) {
            const auto* error = std::get_if<Error>(&each.result);
            tell("reply: " +
                 (error != nullptr ? error->message : line_of(std::get<Decision>(each.result))));
          }},
      effect);
}

void TestWorld::commit(const CommitAssignment& effect) {
  const Decision& decision = effect.decision;
  const ApplicationId& id = decision.application;
  if (mood_ == StoreMood::kHangs) {
    store_[id] = decision.to;  // durable, but nobody hears of it
    tell("the commit is durable, its confirmation is lost");
    return;
  }
  if (mood_ == StoreMood::kUnavailable) {
    queue_.emplace_back(
        CommitFailed{id, decision.id, {ErrorCode::kUnavailable, "disk full"}, std::nullopt});
    return;
  }
  if (mood_ == StoreMood::kLostRace) {
    store_[id] = {other_, store_[id].epoch + 1};
    mood_ = StoreMood::kTakes;
  }
  if (store_[id] != effect.expected) {
    queue_.emplace_back(
        CommitFailed{id, decision.id, {ErrorCode::kAborted, "the epoch has changed"}, store_[id]});
    return;
  }
  store_[id] = decision.to;
  queue_.emplace_back(CommitSucceeded{id, decision.id});
}

void TestWorld::raise_fence(const RaiseFence& effect) {
  const auto last = last_grants_.find({effect.application, effect.region});
  const auto last_grant = last == last_grants_.end() ? std::nullopt : std::optional(last->second);
  const std::string what = fmt::format("{} fence of {} in {}", effect.open ? "open" : "raise",
                                       effect.application, effect.region);
  if (unreachable_.contains(effect.region)) {
    if (told_.insert(what).second) {
      tell(what + ": no answer");
    }
    queue_.emplace_back(FenceFailed{effect.application,
                                    effect.region,
                                    effect.epoch,
                                    effect.open,
                                    {ErrorCode::kUnavailable, "no answer"},
                                    0,
                                    last_grant});
    return;
  }
  TestFence& fence = fences_[{effect.application, effect.region}];
  if (fence.epoch > effect.epoch) {
    tell(fmt::format("{}: it stands at epoch {}", what, fence.epoch));
    queue_.emplace_back(FenceFailed{effect.application,
                                    effect.region,
                                    effect.epoch,
                                    effect.open,
                                    {ErrorCode::kAborted, "a higher epoch stands there"},
                                    fence.epoch,
                                    last_grant});
    return;
  }
  if (effect.open && !(fence.open && fence.epoch == effect.epoch)) {
    check_writers(effect);
  }
  if (fence.epoch != effect.epoch || fence.open != effect.open) {
    tell(fmt::format("{}: epoch {}", what, effect.epoch));
  }
  told_.erase(what);
  fence = {effect.epoch, effect.open};
  queue_.emplace_back(
      FenceRaised{effect.application, effect.region, effect.epoch, effect.open, last_grant});
}

// The one promise: when a region starts to write, no other region can.
void TestWorld::check_writers(const RaiseFence& effect) {
  const ApplicationState* application = find(effect.application);
  const FencingPolicy& policy = application->policy.failover.fencing;
  for (const auto& [place, fence] : fences_) {
    if (place.first != effect.application || place.second == effect.region) {
      continue;
    }
    const auto last = last_grants_.find(place);
    const bool leased =
        last != last_grants_.end() && now_ <= last->second + policy.lease + policy.request_max;
    const bool may_write = leased && (fence.open || policy.mode == FencingMode::kLease);
    if (may_write && broken_.empty()) {
      broken_ = fmt::format("{} may write from epoch {} on, and {} may still under epoch {}",
                            effect.region, effect.epoch, place.second, fence.epoch);
    }
  }
}

void TestWorld::drain(const Drain& effect) {
  tell(fmt::format("drain {} from {} to {}: {}", effect.application, effect.from, effect.to,
                   drain_works_ ? "proven" : "not proven"));
  queue_.emplace_back(Drained{effect.application, effect.decision, drain_works_,
                              drain_works_ ? "8 lanes arrived" : "lane 3 did not arrive"});
}

void TestWorld::renew_leases() {
  for (const auto& [id, application] : state_.applications) {
    const auto holder = lease_holder(application);
    if (holder && !unreachable_.contains(holder->region)) {
      last_grants_[{id, holder->region}] = now_;
    }
  }
}

void TestWorld::set_fence_reachable(const RegionId& region, bool reachable) {
  reachable ? static_cast<void>(unreachable_.erase(region))
            : static_cast<void>(unreachable_.insert(region));
}

void TestWorld::set_fence(const ApplicationId& id, const RegionId& region, TestFence fence) {
  fences_[{id, region}] = fence;
}

void TestWorld::set_replication(const ApplicationId& id, const RegionId& from, const RegionId& to,
                                std::optional<Duration> age) {
  auto& links = state_.replication[id];
  std::erase_if(links,
                [&](const ReplicationLink& link) { return link.from == from && link.to == to; });
  ReplicationLink link{from, to, std::nullopt, {}, {}, {}, {}, !age, age ? "" : "nothing arrives"};
  if (age) {
    link.newest_visible = now_ - *age;
    link.lag = link.p50 = link.p99 = link.max = std::chrono::milliseconds(5);
  }
  links.push_back(std::move(link));
}

void TestWorld::advance(Duration by) {
  const MonoTime end = now_ + by;
  for (int fired = 0; fired < 10'000; ++fired) {
    auto first = timers_.end();
    for (auto each = timers_.begin(); each != timers_.end(); ++each) {
      if (each->second <= end && (first == timers_.end() || each->second < first->second)) {
        first = each;
      }
    }
    if (first == timers_.end()) {
      break;
    }
    const ApplicationId id = first->first;
    renew_leases();  // all the way up to the event
    now_ = std::max(now_, first->second);
    renew_leases();
    timers_.erase(first);
    feed(TimerFired{id});
  }
  now_ = end;
  renew_leases();
}

StoredAssignment TestWorld::stored_assignment(const ApplicationId& id) {
  const Assignment& assignment = store_[id];
  const Standing& standing = standings_[id];
  StoredAssignment stored;
  stored.assignment = assignment;
  stored.granted = granted_[id] == assignment.epoch;
  stored.hold = standing.hold;
  stored.locked_out = standing.locked_out;
  for (const WallTime at : standing.automatic_moves) {
    stored.automatic_move_ages.push_back(WallTime(now_.time_since_epoch()) - at);
  }
  return stored;
}

void TestWorld::restart() {
  tell("restart");
  const std::uint64_t next = state_.next_decision_id;
  state_ = {};
  state_.next_decision_id = next;
  timers_.clear();
  queue_.clear();
  for (const auto& [id, policy] : policies_) {
    const auto stored = store_.find(id);
    std::optional<StoredAssignment> found;
    if (stored != store_.end() && stored->second.epoch != 0) {
      found = stored_assignment(id);
    }
    feed(ApplicationDefined{policy, found});
  }
}

void TestWorld::define(const Policy& policy) {
  policies_[policy.id] = policy;
  std::optional<StoredAssignment> stored;
  if (find(policy.id) == nullptr && store_[policy.id].epoch != 0) {
    stored = stored_assignment(policy.id);
  }
  feed(ApplicationDefined{policy, stored});
}

void TestWorld::remove(const ApplicationId& id) {
  policies_.erase(id);
  timers_.erase(id);
  feed(ApplicationRemoved{id});
}

void TestWorld::set_status(const ApplicationId& id, const RegionId& region, Health health,
                           int votes) {
  HealthStatus status{health, now_, false, {}, {}};
  for (int i = 0; i < votes; ++i) {
    status.votes.push_back({NodeId(fmt::format("node-{}", i)), health, now_, {}});
  }
  feed(RegionStatusChanged{id, region, status});
}

void TestWorld::set_store(StoreMood mood, RegionId other) {
  mood_ = mood;
  other_ = std::move(other);
}

}  // namespace leeward::failover
