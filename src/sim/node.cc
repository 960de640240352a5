// SPDX-License-Identifier: Apache-2.0
#include "sim/node.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/mutant.h"
#include "detect/quorum.h"
#include "failover/journal.h"

namespace leeward::sim {
namespace {

std::size_t count_checks(const Scenario& scenario) {
  std::size_t count = 0;
  for (const failover::Policy& policy : scenario.applications) {
    count += policy.regions.size();
  }
  return count;
}

}  // namespace

Node::Node(Surroundings world, std::size_t index, PushTo push_to, bool journals)
    : world_(std::move(world)),
      index_(index),
      push_to_(std::move(push_to)),
      journals_(journals),
      clock_(std::chrono::hours(1000 * (index + 1))),
      rng_(world_.ground.rng.split()),
      check_count_(count_checks(world_.ground.scenario)),
      plans_(world_.ground.scenario.applications.size()),
      disk_(plans_.size()),
      provider_knows_(plans_.size(), true),
      store_knows_(plans_.size(), true),
      board_(plans_.size() + check_count_) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    first_check_.push_back(next);
    std::vector<routing::Member> members;
    const bool all = policy(i).mode == ApplicationMode::kActiveActive;
    for (std::size_t place = 0; place < policy(i).regions.size(); ++place) {
      routing::Member member;
      member.leaf = static_cast<std::uint32_t>(place);
      if (all) {
        member.check = static_cast<BoardSlot>(plans_.size() + next + place);
      }
      members.push_back(member);
    }
    routing_.add(all ? routing::PolicyKind::kMultivalue : routing::PolicyKind::kAssigned, members,
                 0, all ? routing::kNoIndex : static_cast<std::uint32_t>(i));
    next += policy(i).regions.size();
  }
}

std::size_t Node::application_index(const ApplicationId& id) const {
  const auto& all = world_.ground.scenario.applications;
  return static_cast<std::size_t>(std::ranges::find(all, id, &failover::Policy::id) - all.begin());
}

// ---- life ----

void Node::boot(bool with_old_disk) {
  if (up_) {
    return;
  }
  up_ = true;
  paused_ = false;
  ++life_;
  booted_ = world_.ground.now();
  ran_ = now();
  doubted_ = false;
  vantage_ = detect::Vantage(detect::VantagePolicy{});
  if (life_ > 1) {
    world_.ground.marks.hit(with_old_disk ? Mark::kNodeRestartedOldDisk : Mark::kNodeRestarted);
    world_.checks.forget_server(index_);
  }
  if (with_old_disk) {
    plans_ = disk_;
  }
  detectors_.clear();
  checks_.clear();
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    for (std::size_t place = 0; place < policy(i).regions.size(); ++place) {
      detectors_.emplace_back(world_.ground.scenario.timing, rng_.split(), now());
      Check check;
      check.application = i;
      check.place = place;
      check.status.since = now();
      for (int node = 0; node < world_.ground.scenario.nodes; ++node) {
        check.votes.push_back({NodeId(fmt::format("node-{}", node + 1)),
                               Health::kUnknown,
                               now() - std::chrono::hours(1),
                               {}});
      }
      checks_.push_back(std::move(check));
      board_.store(static_cast<BoardSlot>(plans_.size() + checks_.size() - 1),
                   BoardWord::of(Health::kUnknown));
    }
    update_board(i);
  }
  schedule_probes();
  at(now() + Duration(static_cast<Duration::rep>(rng_.unit() * 5e8)), [this] { beat(); });
}

void Node::crash() {
  up_ = false;
  paused_ = false;
  ++life_;
  backlog_.clear();
  step_down();
}

void Node::pause() {
  paused_ = up_;
}

void Node::resume() {
  if (!paused_) {
    return;
  }
  paused_ = false;
  const std::uint64_t life = life_;
  for (Task& task : std::exchange(backlog_, {})) {
    if (life == life_) {
      receive(std::move(task));
    }
  }
}

void Node::receive(Task task) {
  if (!up_) {
    return;
  }
  if (paused_) {
    backlog_.push_back(std::move(task));
    return;
  }
  look_at_clock();
  task();
}

// A process that was stopped for a while believes what was true when it was: it does not vote until
// it has seen for itself.
void Node::look_at_clock() {
  const Duration gap = now() - ran_;
  ran_ = now();
  vantage_.timer_ran(gap - world_.ground.scenario.push, now());
  const auto doubt = vantage_.doubt(now());
  if (doubt && !doubted_) {
    doubted_ = true;
    for (std::size_t i = 0; i < detectors_.size(); ++i) {
      if (detectors_[i].disqualify(*doubt, now())) {
        vote(i);
      }
    }
  } else if (!doubt && doubted_) {
    doubted_ = false;
    for (detect::Detector& detector : detectors_) {
      detector.qualify(now());
    }
  }
}

void Node::at(MonoTime local, Task task) {
  world_.ground.queue.at(clock_.truth_of(local),
                         [this, life = life_, local, task = std::move(task)]() mutable {
                           if (life != life_) {
                             return;
                           }
                           if (now() < local) {
                             at(local, std::move(task));  // its clock runs slower than it did
                           } else {
                             receive(std::move(task));
                           }
                         });
}

void Node::beat() {
  at(now() + world_.ground.scenario.push, [this] { beat(); });
  ++beats_;
  push();
  look_at_votes();
  if (beats_ % 2 == 0) {
    campaign();
    renew_leases();
    measure_replication();
    push_to_provider();
    push_to_store();
  }
  if (beats_ % 4 == 1) {
    read_plans();
  }
  if (beats_ % 120 == 0) {
    disk_ = plans_;
  }
}

// ---- probing and voting ----

void Node::schedule_probes() {
  MonoTime next = MonoTime::max();
  for (const detect::Detector& detector : detectors_) {
    next = std::min(next, detector.wakeup());
  }
  next = std::max(next, now());
  // A tick that is on its way for an earlier time will look again itself.
  if (probes_due_ > now() && probes_due_ <= next) {
    return;
  }
  probes_due_ = next;
  at(next, [this] { probe(); });
}

void Node::probe() {
  if (now() < probes_due_) {
    return;  // overtaken by a tick that was scheduled later for an earlier time
  }
  for (std::size_t i = 0; i < detectors_.size(); ++i) {
    if (detectors_[i].wakeup() > now()) {
      continue;
    }
    const bool changed = detectors_[i].expire(now()).has_value();
    while (const auto order = detectors_[i].next_probe(now())) {
      send_probe(i, *order);
    }
    if (changed) {
      vote(i);
    }
  }
  probes_due_ = MonoTime();
  schedule_probes();
}

// The way there, the service, and the way back are decided at once: an event less per packet.
void Node::send_probe(std::size_t check, const detect::ProbeOrder& order) {
  Ground& ground = world_.ground;
  const std::size_t region = world_.regions.index(checks_[check].application, checks_[check].place);
  const auto there = ground.network.send(site(), ground.region_site(region), ground.now());
  Duration took{};
  const auto outcome = there ? world_.regions.answer(region, took) : std::nullopt;
  const auto back = outcome ? ground.network.send(ground.region_site(region), site(), ground.now())
                            : std::nullopt;
  if (!back || *there + took + *back > order.timeout + order.timeout / 10) {
    return;
  }
  ground.queue.after(*there + took + *back, [this, life = life_, check, sequence = order.sequence,
                                             outcome = *outcome, started = now()] {
    if (life != life_) {
      return;
    }
    const MonoTime arrived = now();
    receive([this, check, sequence, outcome, started, arrived] {
      Observation observation;
      observation.sequence = sequence;
      observation.outcome = outcome;
      observation.started = started;
      observation.finished = arrived;
      probed(check, observation);
    });
  });
}

void Node::probed(std::size_t check, const Observation& observation) {
  if (detectors_[check].observe(observation, now())) {
    vote(check);
  }
  if (detectors_[check].wakeup() < probes_due_ || probes_due_ == MonoTime()) {
    schedule_probes();
  }
}

void Node::vote(std::size_t check) {
  const Verdict& verdict = detectors_[check].verdict();
  Check& of = checks_[check];
  of.votes[index_].health = lying_ ? Health::kUnhealthy : verdict.health;
  of.votes[index_].at = now();
  world_.ground.remember(1, index_ * 1000 + check, static_cast<std::uint64_t>(verdict.health));
  world_.ground.tell("node-{} finds {} of {} {}{}", index_ + 1,
                     policy(of.application).regions[of.place], policy(of.application).id,
                     to_string(verdict.health), verdict.suspect ? ", suspect" : "");
  look_at_votes();
}

void Node::push() {
  Bitmap bitmap;
  bitmap.from = index_;
  for (std::size_t i = 0; i < checks_.size(); ++i) {
    const Health health = lying_ ? Health::kUnhealthy : detectors_[i].verdict().health;
    bitmap.verdicts.push_back(health);
    checks_[i].votes[index_].health = health;
    checks_[i].votes[index_].at = now();
  }
  for (std::size_t to = 0; to < static_cast<std::size_t>(world_.ground.scenario.nodes); ++to) {
    if (to != index_) {
      push_to_(to, bitmap);
    }
  }
}

void Node::take_votes(const Bitmap& bitmap) {
  bool changed = false;
  for (std::size_t i = 0; i < checks_.size() && i < bitmap.verdicts.size(); ++i) {
    Vote& vote = checks_[i].votes[bitmap.from];
    changed = changed || vote.health != bitmap.verdicts[i];
    vote.health = bitmap.verdicts[i];
    vote.at = now();
  }
  if (changed) {
    look_at_votes();
  }
}

void Node::look_at_votes() {
  const Duration ttl = mutant(Mutant::kStaleVotes) ? Duration(std::chrono::hours(10'000))
                                                   : world_.ground.scenario.vote_ttl;
  for (Check& check : checks_) {
    // What the votes say and which are fresh, in one number: mostly nothing has changed.
    std::uint64_t known = 1;
    for (const Vote& vote : check.votes) {
      const bool fresh = now() - vote.at <= ttl;
      known = known * 8 + static_cast<std::uint64_t>(vote.health) * 2 + (fresh ? 1 : 0);
    }
    if (known == check.known && check.status.health == Health::kHealthy) {
      continue;
    }
    if ((known ^ check.known) % 2 != 0 && check.known != 0) {
      world_.ground.marks.hit(Mark::kVoteExpired);
    }
    check.known = known;
    const failover::Policy& of = policy(check.application);
    HealthStatus status =
        detect::status_of(check.votes, of.failover.quorum_required, now(), ttl, check.status);
    if (status.health != check.status.health) {
      world_.ground.tell("node-{} holds {} of {} {} by {} votes", index_ + 1,
                         of.regions[check.place], of.id, to_string(status.health),
                         status.votes.size());
      world_.ground.remember(2, index_ * 1000 + check.application * 16 + check.place,
                             static_cast<std::uint64_t>(status.health));
    }
    if (status.health == Health::kHealthy &&
        std::ranges::any_of(status.votes,
                            [](const Vote& each) { return each.health == Health::kUnhealthy; })) {
      world_.ground.marks.hit(Mark::kDissentOutvoted);
    }
    check.status = std::move(status);
    board_.store(
        static_cast<BoardSlot>(plans_.size() + check_index(check.application, check.place)),
        BoardWord::of(check.status.health));
    if (state_) {
      dispatch(failover::RegionStatusChanged{of.id, of.regions[check.place], check.status});
    }
  }
}

// ---- answering ----

void Node::update_board(std::size_t application) {
  const DnsPlan& plan = plans_[application];
  BoardWord word = BoardWord::of_region_index(static_cast<std::uint8_t>(plan.region));
  word.other = static_cast<std::uint8_t>(plan.other);
  word.other_percent = static_cast<std::uint8_t>(plan.other_percent);
  board_.store(static_cast<BoardSlot>(application), word);
}

void Node::take_plan(std::size_t application, const DnsPlan& plan) {
  DnsPlan& stands = plans_[application];
  if (plan.version <= stands.version && !mutant(Mutant::kOldPlanServed)) {
    if (plan.version < stands.version) {
      world_.ground.marks.hit(Mark::kPlanSuperseded);
    }
    return;
  }
  if (plan.region != stands.region || plan.version.epoch != stands.version.epoch) {
    world_.ground.tell("node-{} answers {} with {} (epoch {})", index_ + 1, policy(application).id,
                       policy(application).regions[plan.region], plan.version.epoch);
    world_.ground.remember(3, index_ * 1000 + application, plan.version.epoch * 16 + plan.region);
  }
  stands = plan;
  update_board(application);
}

std::vector<std::size_t> Node::answer(std::size_t application, std::uint64_t random) {
  if (policy(application).mode == ApplicationMode::kActivePassive &&
      plans_[application].version.epoch == 0) {
    return {};
  }
  if (policy(application).mode == ApplicationMode::kActiveActive &&
      std::ranges::all_of(checks_, [&](const Check& check) {
        return check.application != application || check.status.health == Health::kUnhealthy;
      })) {
    world_.ground.marks.hit(Mark::kAllAnswersUnhealthy);
  }
  routing::Client client;
  const routing::Choice choice =
      routing::evaluate(routing_, static_cast<std::uint32_t>(application), board_, client, random);
  return {choice.leaves.begin(), choice.leaves.begin() + choice.count};
}

void Node::read_plans() {
  auto plans = std::make_shared<std::vector<DnsPlan>>();
  ask_store(
      [plans](Store& store) {
        for (const StoredApplication& each : store.all()) {
          plans->push_back(each.plan);
        }
      },
      [this, plans] {
        for (std::size_t i = 0; i < plans->size(); ++i) {
          if ((*plans)[i].version.epoch != 0) {
            take_plan(i, (*plans)[i]);
          }
        }
      },
      [] {});
}

// Until the store has answered, it does not have the plan.
void Node::push_to_store() {
  if (!leads()) {
    return;
  }
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    if (store_knows_[i] || plans_[i].version.term != term_) {
      continue;
    }
    ask_store(
        [i, plan = plans_[i], term = term_](Store& store) {
          if (store.takes(term) && store.at(i).plan.version < plan.version) {
            store.at(i).plan = plan;
          }
        },
        [this, i, version = plans_[i].version] {
          store_knows_[i] = store_knows_[i] || plans_[i].version == version;
        },
        [] {});
  }
}

// Until the provider has answered, it does not know.
void Node::push_to_provider() {
  if (!leads()) {
    return;
  }
  Ground& ground = world_.ground;
  for (std::size_t i = 0; i < plans_.size(); ++i) {
    if (provider_knows_[i] || plans_[i].version.epoch == 0) {
      continue;
    }
    ground.send(site(), ground.provider_site(), [this, i, plan = plans_[i], life = life_] {
      if (!world_.provider.change(i, plan) || world_.provider.loses_answer()) {
        world_.ground.marks.hit(Mark::kProviderRetried);
        return;
      }
      world_.ground.send(world_.ground.provider_site(), site(), [this, i, plan, life] {
        receive([this, i, plan, life] {
          if (life == life_ && plans_[i].version == plan.version) {
            provider_knows_[i] = true;
          }
        });
      });
    });
  }
}

}  // namespace leeward::sim
