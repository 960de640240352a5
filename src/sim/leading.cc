// SPDX-License-Identifier: Apache-2.0
//
// The half of a node that decides: it leads while its lease in the state store is valid by its own
// clock, runs the real decision engine, and carries out what the engine says.
#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/mutant.h"
#include "base/overloaded.h"
#include "failover/journal.h"
#include "sim/node.h"

namespace leeward::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kStorePatience = seconds(1);
// Decision ids of one leader do not meet those of another.
constexpr std::uint64_t kDecisionsPerTerm = 1'000'000;

bool decided_by(const Decision& decision, std::string_view guard) {
  return std::ranges::any_of(decision.guards, [&](const Guard& each) {
    return each.name == guard && each.outcome == GuardOutcome::kFailed;
  });
}

void mark_decision(Marks& marks, const Decision& decision) {
  const std::pair<std::string_view, Mark> refusals[] = {
      {"replication-lag", Mark::kLagRefused}, {"hold-down", Mark::kHoldDownRefused},
      {"not-held", Mark::kHeldRefused},       {"not-locked-out", Mark::kLockedOut},
      {"velocity", Mark::kVelocityRefused},   {"capacity", Mark::kCapacityRefused},
      {"not-blind", Mark::kBlindRefused},     {"target-healthy", Mark::kTargetDeadRefused},
  };
  for (const auto& [guard, mark] : refusals) {
    if (decision.outcome == DecisionOutcome::kRefused && decided_by(decision, guard)) {
      marks.hit(mark);
    }
  }
  if (decision.outcome != DecisionOutcome::kPublished) {
    return;
  }
  if (decision.kind == MoveKind::kFailover && decision.automatic) {
    marks.hit(Mark::kAutomaticFailover);
  } else if (decision.kind == MoveKind::kFailback && decision.automatic) {
    marks.hit(Mark::kAutomaticFailback);
  } else if (decision.kind == MoveKind::kSwitchover) {
    marks.hit(Mark::kSwitchover);
  } else if (decision.kind == MoveKind::kRollback) {
    marks.hit(Mark::kRollback);
  }
  if (std::ranges::any_of(decision.guards, [](const Guard& guard) {
        return guard.name == "replication-lag" && guard.outcome == GuardOutcome::kOverridden;
      })) {
    marks.hit(Mark::kDataLossAccepted);
  }
}

}  // namespace

void Node::ask_store(std::move_only_function<void(Store&)> ask, Task answered, Task lost) {
  struct Call {
    std::move_only_function<void(Store&)> ask;
    Task answered;
    Task lost;
    bool done = false;
  };
  auto call = std::make_shared<Call>(std::move(ask), std::move(answered), std::move(lost), false);
  Ground& ground = world_.ground;
  ground.send(site(), ground.store_site(), [this, call, life = life_] {
    if (!world_.store.up()) {
      return;
    }
    call->ask(world_.store);
    world_.ground.send(world_.ground.store_site(), site(), [this, call, life] {
      if (life != life_) {
        return;
      }
      receive([call] {
        if (!std::exchange(call->done, true)) {
          call->answered();
        }
      });
    });
  });
  at(now() + kStorePatience, [call] {
    if (!std::exchange(call->done, true)) {
      call->lost();
    }
  });
}

// ---- who leads ----

void Node::campaign() {
  if (state_ && !leading()) {
    step_down();
  }
  struct Answer {
    std::optional<std::uint64_t> term;
    std::vector<StoredApplication> stored;
  };
  auto answer = std::make_shared<Answer>();
  ask_store(
      [this, answer, holds = term_](Store& store) {
        answer->term = store.lead(index_, holds);
        answer->stored = store.all();
      },
      [this, answer, asked = now(), holds = term_] {
        if (!answer->term || holds != term_) {
          return;  // nothing, or it is no more who asked
        }
        // The store counts from when it heard; clocks drift by less than a thousandth.
        leads_until_ = asked + Store::kLease - Store::kLease / 500;
        if (*answer->term != term_ || !state_) {
          elected(*answer->term, std::move(answer->stored));
        }
      },
      [] {});
}

void Node::elected(std::uint64_t term, std::vector<StoredApplication> stored) {
  step_down();
  term_ = term;
  if (!leading()) {
    term_ = 0;
    return;  // the answer took longer than the lease
  }
  plan_sequence_ = 0;
  state_.emplace();
  state_->next_decision_id = term * kDecisionsPerTerm + 1;
  journal_.clear();
  journal_sequence_ = journal_digest_ = 0;
  world_.ground.remember(4, index_, term);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    failover::ApplicationDefined event{policy(i), std::nullopt};
    const StoredApplication& each = stored[i];
    if (each.assignment.epoch != 0) {
      event.stored.emplace();
      event.stored->assignment = each.assignment;
      event.stored->granted = each.granted == each.assignment.epoch;
      if (each.automatic_shift) {
        event.stored->automatic_shift_age = wall() - *each.automatic_shift;
      }
      if (!mutant(Mutant::kHoldNotDurable)) {
        event.stored->hold = each.standing.hold;
      }
      event.stored->locked_out = each.standing.locked_out;
      for (const WallTime move : each.standing.automatic_moves) {
        event.stored->automatic_move_ages.push_back(wall() - move);
      }
    }
    dispatch(event);
  }
  for (const Check& check : checks_) {
    const failover::Policy& of = policy(check.application);
    dispatch(failover::RegionStatusChanged{of.id, of.regions[check.place], check.status});
  }
  measure_replication();
}

void Node::step_down() {
  if (state_) {
    world_.ground.marks.hit(Mark::kLeaderSteppedDown);
    world_.ground.tell("node-{} leads no more", index_ + 1);
  }
  state_.reset();
  term_ = 0;
  wakes_.clear();
  renewals_.clear();
  standing_requests_.clear();
  provider_knows_.assign(provider_knows_.size(), false);
  store_knows_.assign(store_knows_.size(), false);
}

// ---- the engine ----

void Node::dispatch(const failover::Event& event) {
  if (!state_) {
    return;
  }
  if (!leading()) {
    step_down();
    return;
  }
  const failover::State before = *state_;
  const auto effects = failover::step(*state_, event, now(), wall());
  world_.checks.stepped(before, *state_, effects);
  if (journals_) {
    journal(before, event, effects);
  }
  const auto after = state_->applications.find(failover::application_of(event));
  if (after != state_->applications.end() && after->second.phase == failover::Phase::kFrozen) {
    world_.ground.marks.hit(Mark::kFrozen);
  }
  for (const failover::Effect& effect : effects) {
    if (!state_) {
      return;  // what came before took the lead away
    }
    std::visit([this](const auto& each) { perform(each); }, effect);
  }
}

void Node::journal(const failover::State& before, const failover::Event& event,
                   const std::vector<failover::Effect>& effects) {
  const ApplicationId& id = failover::application_of(event);
  const auto find = [&](const failover::State& state) {
    const auto found = state.applications.find(id);
    return found == state.applications.end() ? std::nullopt : std::optional(found->second);
  };
  const auto old = find(before);
  const auto present = find(*state_);
  if (!failover::worth_recording(old, present, effects)) {
    return;
  }
  const failover::JournalEntry entry{++journal_sequence_,
                                     wall(),
                                     now(),
                                     before.next_decision_id,
                                     old,
                                     failover::elsewhere_of(before, id),
                                     event,
                                     effects,
                                     failover::digest_of(present),
                                     journal_digest_};
  const std::string line = failover::format_entry(entry);
  journal_digest_ = failover::digest_of_line(line);
  journal_ += line + "\n";
}

std::optional<std::string> Node::replay_journal() const {
  const auto report = failover::replay(journal_);
  if (!report) {
    return report.error().message;
  }
  if (report->divergence) {
    return report->divergence;
  }
  return report->breaks.empty() ? std::nullopt : std::optional(report->breaks.front());
}

std::optional<std::string> Node::overslept() const {
  for (const auto& [id, application] : state_->applications) {
    const auto due = wakes_.find(id);
    if (due != wakes_.end() && due->second <= now()) {
      continue;
    }
    failover::State copy = *state_;
    for (const failover::Effect& effect :
         failover::step(copy, failover::TimerFired{id}, now(), wall())) {
      if (const auto* commit = std::get_if<failover::CommitAssignment>(&effect)) {
        return fmt::format("{}: a {} to {} is due, and nobody wakes up for it", id,
                           to_string(commit->decision.kind), commit->decision.to.region);
      }
    }
  }
  return std::nullopt;
}

void Node::command(const MoveCommand& move) {
  if (leads()) {
    dispatch(failover::MoveRequested{move, next_request_++});
  }
}

void Node::command(const StandingCommand& change) {
  if (!leads()) {
    return;
  }
  const std::uint64_t request = next_request_++;
  standing_requests_.emplace(request, change);
  if (change.change == StandingChange::kRelease) {
    world_.checks.held(application_index(change.application), false);
  }
  dispatch(failover::StandingRequested{change, request});
}

// ---- effects ----

void Node::perform(const failover::CommitAssignment& effect) {
  struct Outcome {
    bool taken = false;
    bool refused = false;  // somebody else leads
    Assignment found;
  };
  const std::size_t application = application_index(effect.decision.application);
  auto outcome = std::make_shared<Outcome>();
  const ApplicationId id = effect.decision.application;
  const std::uint64_t number = effect.decision.id;
  ask_store(
      [this, outcome, application, effect, term = term_](Store& store) {
        StoredApplication& stored = store.at(application);
        outcome->found = stored.assignment;
        outcome->refused = !store.takes(term);
        if (outcome->refused || stored.assignment != effect.expected) {
          return;
        }
        outcome->taken = true;
        stored.assignment = effect.decision.to;
        if (effect.decision.automatic && effect.decision.kind != MoveKind::kInitial) {
          stored.automatic_shift = effect.decision.decided_at;
        }
        judge_commit(application, effect.decision);
      },
      [this, outcome, id, number] {
        if (outcome->taken) {
          dispatch(failover::CommitSucceeded{id, number});
        } else if (outcome->refused) {
          step_down();
        } else {
          world_.ground.marks.hit(Mark::kCommitAborted);
          dispatch(failover::CommitFailed{
              id, number, {ErrorCode::kAborted, "it holds another"}, outcome->found});
        }
      },
      [this, outcome, id, number] {
        world_.ground.marks.hit(outcome->taken ? Mark::kCommitReplyLost : Mark::kCommitUnavailable);
        dispatch(failover::CommitFailed{
            id, number, {ErrorCode::kUnavailable, "no answer"}, std::nullopt});
      });
}

// Here the simulator knows what the deciding node cannot.
void Node::judge_commit(std::size_t application, const Decision& decision) {
  Ground& ground = world_.ground;
  ground.tell("the store has {} in {} (epoch {}): {}{}, {}", decision.application,
              decision.to.region, decision.to.epoch, decision.automatic ? "automatic " : "",
              to_string(decision.kind), decision.reason);
  ground.remember(5, application, decision.to.epoch);
  world_.checks.committed(application, decision, now());
  const auto from = failover::index_of(policy(application), decision.from.region);
  const auto to = failover::index_of(policy(application), decision.to.region);
  if (decision.kind != MoveKind::kFailover || !from || !to) {
    return;
  }
  const std::size_t left = world_.regions.index(application, *from);
  if (decision.automatic) {
    world_.checks.left_a_living_region(application, decision, world_.seen_alive(left));
  }
  world_.checks.promoted_onto(
      application, decision,
      world_.regions.staleness(left, world_.regions.index(application, *to)));
}

void Node::perform(const failover::PublishAssignment& effect) {
  const std::size_t application = application_index(effect.application);
  const failover::ApplicationState& state = state_->applications.at(effect.application);
  DnsPlan plan;
  plan.version = {term_, ++plan_sequence_, effect.assignment.epoch};
  plan.region =
      failover::index_of(policy(application), failover::answering_region(state)).value_or(0);
  if (state.ramp) {
    plan.other = failover::index_of(policy(application), state.ramp->from).value_or(0);
    plan.other_percent = 100 - state.ramp->percent;
    world_.ground.marks.hit(Mark::kRampStepped);
  }
  if (effect.decision != 0 && state.pending && state.pending->id == effect.decision &&
      (state.pending->kind == MoveKind::kSwitchover ||
       state.pending->kind == MoveKind::kFailback) &&
      policy(application).failover.fencing.mode != FencingMode::kNone) {
    const auto from = failover::index_of(policy(application), state.pending->from.region);
    if (from) {
      world_.checks.moved_as_planned(
          application, *state.pending,
          world_.regions.staleness(world_.regions.index(application, *from),
                                   world_.regions.index(application, plan.region)));
    }
  }
  take_plan(application, plan);
  provider_knows_[application] = false;
  store_knows_[application] = false;
  push_to_provider();
  push_to_store();
  if (effect.decision != 0) {
    dispatch(failover::Published{effect.application, effect.decision});
  }
}

void Node::perform(const failover::WakeAt& effect) {
  const auto [known, added] = wakes_.emplace(effect.application, effect.at);
  if (!added && known->second <= effect.at) {
    return;
  }
  known->second = effect.at;
  at(effect.at, [this] { wake(); });
}

void Node::wake() {
  std::vector<ApplicationId> due;
  for (const auto& [id, when] : wakes_) {
    if (when <= now()) {
      due.push_back(id);
    }
  }
  for (const ApplicationId& id : due) {
    wakes_.erase(id);
    dispatch(failover::TimerFired{id});
  }
}

void Node::perform(const failover::RecordDecision& effect) {
  const Decision& decision = effect.decision;
  mark_decision(world_.ground.marks, decision);
  world_.ground.tell("node-{}: {} {} of {} to {}: {}{}{}", index_ + 1,
                     decision.automatic ? "automatic" : "asked for", to_string(decision.kind),
                     decision.application, decision.to.region, to_string(decision.outcome),
                     decision.outcome_detail.empty() ? "" : ", ", decision.outcome_detail);
}

void Node::perform(const failover::Reply& effect) {
  standing_requests_.erase(effect.request);
}

void Node::perform(const failover::RaiseFence& effect) {
  const std::size_t application = application_index(effect.application);
  const auto place = failover::index_of(policy(application), effect.region);
  if (!place) {
    return;
  }
  struct Call {
    bool done = false;
    bool raised = false;
    Epoch found = 0;
  };
  auto call = std::make_shared<Call>();
  Ground& ground = world_.ground;
  const Site there = ground.region_site(world_.regions.index(application, *place));
  ground.send(
      site(), there, [this, call, effect, application, place = *place, there, life = life_] {
        if (!world_.regions.present(there)) {
          return;
        }
        call->raised =
            world_.regions.raise(application, place, effect.epoch, effect.open, call->found);
        world_.ground.send(there, site(), [this, call, effect, application, place, life] {
          if (life != life_) {
            return;
          }
          receive([this, call, effect, application, place] {
            if (std::exchange(call->done, true)) {
              return;
            }
            if (call->raised) {
              world_.ground.marks.hit(Mark::kFenceRaised);
              dispatch(failover::FenceRaised{effect.application, effect.region, effect.epoch,
                                             effect.open, last_grant(application, place)});
            } else {
              world_.ground.marks.hit(Mark::kFenceAhead);
              dispatch(failover::FenceFailed{effect.application,
                                             effect.region,
                                             effect.epoch,
                                             effect.open,
                                             {ErrorCode::kAborted, "it stands higher"},
                                             call->found,
                                             last_grant(application, place)});
            }
          });
        });
      });
  at(effect.deadline, [this, call, effect, application, place = *place] {
    if (std::exchange(call->done, true)) {
      return;
    }
    world_.ground.marks.hit(Mark::kFenceUnreachable);
    dispatch(failover::FenceFailed{effect.application,
                                   effect.region,
                                   effect.epoch,
                                   effect.open,
                                   {ErrorCode::kUnavailable, "no answer"},
                                   0,
                                   last_grant(application, place)});
  });
}

void Node::perform(const failover::Drain& effect) {
  const std::size_t application = application_index(effect.application);
  const auto from = failover::index_of(policy(application), effect.from);
  const auto to = failover::index_of(policy(application), effect.to);
  if (from && to) {
    try_drain(application, effect, world_.regions.index(application, *from),
              world_.regions.index(application, *to));
  }
  at(effect.deadline, [this, effect] {
    if (state_ && state_->applications.at(effect.application).phase == failover::Phase::kDraining) {
      world_.ground.marks.hit(Mark::kDrainNotProven);
    }
    dispatch(failover::Drained{effect.application, effect.decision, false, "it did not arrive"});
  });
}

// Barrier items are written in one region, and looked for in the other.
void Node::try_drain(std::size_t application, const failover::Drain& effect, std::size_t from,
                     std::size_t to) {
  Ground& ground = world_.ground;
  ground.send(site(), ground.region_site(from), [this, effect, from, to, life = life_] {
    const Duration behind = world_.regions.staleness(from, to);
    const bool flows = world_.regions.present(from) && behind <= milliseconds(50);
    world_.ground.queue.after(milliseconds(60), [this, effect, to, life, flows] {
      world_.ground.send(world_.ground.region_site(to), site(), [this, effect, life, flows] {
        if (life != life_ || !flows) {
          return;
        }
        receive([this, effect] {
          if (!state_) {
            return;
          }
          world_.ground.marks.hit(Mark::kDrainProven);
          dispatch(failover::Drained{effect.application, effect.decision, true, "all arrived"});
        });
      });
    });
  });
  at(now() + milliseconds(500), [this, application, effect, from, to] {
    if (!state_ || now() >= effect.deadline) {
      return;
    }
    const auto& pending = state_->applications.at(effect.application).pending;
    if (pending && pending->id == effect.decision &&
        state_->applications.at(effect.application).phase == failover::Phase::kDraining) {
      try_drain(application, effect, from, to);
    }
  });
}

void Node::perform(const failover::RecordGrant& effect) {
  const auto& grant = state_->applications.at(effect.application).grant;
  if (grant && !grant->unfenced.empty()) {
    world_.ground.marks.hit(Mark::kLeasesOutwaited);
  }
  ask_store(
      [application = application_index(effect.application), epoch = effect.epoch,
       term = term_](Store& store) {
        if (store.takes(term)) {
          store.at(application).granted = epoch;
        }
      },
      [] {}, [] {});
}

void Node::perform(const failover::StoreStanding& effect) {
  const std::size_t application = application_index(effect.application);
  auto taken = std::make_shared<bool>(false);
  ask_store(
      [application, standing = effect.standing, term = term_, taken](Store& store) {
        if (store.takes(term)) {
          store.at(application).standing = standing;
          *taken = true;
        }
      },
      [this, application, taken, request = effect.request] {
        const auto asked = standing_requests_.extract(request);
        if (!asked.empty() && *taken && asked.mapped().change == StandingChange::kHold) {
          world_.checks.held(application, true);
        }
      },
      [] {});
}

// ---- leases and measurements ----

std::optional<MonoTime> Node::last_grant(std::size_t application, std::size_t place) const {
  const auto found = renewals_.find({application, place});
  if (found == renewals_.end()) {
    return std::nullopt;
  }
  // A renewal that got no answer may have been carried out until it was given up.
  return found->second.ended.value_or(std::min(now(), found->second.sent + milliseconds(500)));
}

void Node::renew_leases() {
  if (!leads()) {
    return;
  }
  for (const auto& [id, application] : state_->applications) {
    const std::size_t index = application_index(id);
    const auto holder = failover::lease_holder(application);
    const auto place = holder ? failover::index_of(policy(index), holder->region) : std::nullopt;
    if (!place) {
      continue;
    }
    renewals_[{index, *place}] = Renewal{now(), {}};
    Ground& ground = world_.ground;
    const Site there = ground.region_site(world_.regions.index(index, *place));
    ground.send(
        site(), there,
        [this, index, place = *place, epoch = holder->epoch, granted_at = wall(), sent = now(),
         there, life = life_] {
          if (!world_.regions.present(there)) {
            return;
          }
          world_.regions.renew(index, place, epoch, granted_at);
          world_.ground.send(there, site(), [this, index, place, sent, life] {
            receive([this, index, place, sent, life] {
              const auto renewal = renewals_.find({index, place});
              if (life == life_ && renewal != renewals_.end() && renewal->second.sent == sent) {
                renewal->second.ended = now();
              }
            });
          });
        });
  }
}

void Node::measure_replication() {
  if (!leads()) {
    return;
  }
  Ground& ground = world_.ground;
  for (auto& [id, application] : state_->applications) {
    const std::size_t index = application_index(id);
    const failover::Policy& of = policy(index);
    if (!of.replicated) {
      continue;
    }
    auto& links = state_->replication[id];
    for (std::size_t from = 0; from < of.regions.size(); ++from) {
      for (std::size_t to = 0; to < of.regions.size(); ++to) {
        const std::size_t source = world_.regions.index(index, from);
        const std::size_t target = world_.regions.index(index, to);
        if (from == to || !world_.regions.present(target) ||
            ground.network.is_cut(site(), ground.region_site(target)) ||
            ground.network.is_cut(ground.region_site(target), site())) {
          continue;  // it cannot be read there: what is known grows old
        }
        const Duration behind = world_.regions.staleness(source, target);
        auto link = std::ranges::find_if(links, [&](const ReplicationLink& each) {
          return each.from == of.regions[from] && each.to == of.regions[to];
        });
        if (link == links.end()) {
          links.push_back({of.regions[from], of.regions[to], {}, {}, {}, {}, {}, true, ""});
          link = links.end() - 1;
        }
        link->newest_visible = now() - behind;
        link->lag = link->p50 = link->p99 = link->max = behind;
        link->stalled = behind > seconds(5);
      }
    }
  }
}

}  // namespace leeward::sim
