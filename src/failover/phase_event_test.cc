// SPDX-License-Identifier: Apache-2.0
//
// step() is total: from reachable states of every phase, every kind of event is taken, invariants
// hold after it, and whoever asked for a move is answered or is waiting, with a reason for each no.
#include <array>
#include <deque>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "failover/explain.h"
#include "failover/invariants.h"
#include "failover/journal.h"
#include "failover/step.h"

namespace leeward::failover {
namespace {

using std::chrono::seconds;

constexpr std::size_t kPhases = static_cast<std::size_t>(Phase::kFrozen) + 1;
constexpr std::size_t kStatesPerPhase = 100;

const ApplicationId kShop("shop");
const std::array kRegions{RegionId("A"), RegionId("B")};

struct Node {
  State state;
  MonoTime now{seconds(100)};
};

Policy policy() {
  Policy policy;
  policy.id = kShop;
  policy.regions = {kRegions[0], kRegions[1]};
  policy.failover.confirm_window = seconds(1);
  policy.failover.fencing.mode = FencingMode::kTransaction;
  policy.replicated = true;
  return policy;
}

HealthStatus status_of(Health health, MonoTime now) {
  HealthStatus status;
  status.health = health;
  status.since = now;
  status.votes.push_back({NodeId("node-0"), health, now, {}});
  return status;
}

void add_region_events(std::vector<Event>& events, const ApplicationState& app, MonoTime now) {
  const Error error{ErrorCode::kUnavailable, "no answer"};
  const Error ahead{ErrorCode::kAborted, "the fence is ahead"};
  const Epoch epoch = app.assignment.epoch;
  for (const RegionId& region : kRegions) {
    for (const Health health : {Health::kUnknown, Health::kHealthy, Health::kUnhealthy}) {
      events.emplace_back(RegionStatusChanged{kShop, region, status_of(health, now)});
    }
    for (const bool open : {false, true}) {
      events.emplace_back(FenceRaised{kShop, region, epoch, open, std::nullopt});
      events.emplace_back(FenceFailed{kShop, region, epoch, open, error, 0, std::nullopt});
      events.emplace_back(FenceFailed{kShop, region, epoch, open, ahead, epoch + 3, std::nullopt});
    }
    for (const MoveKind kind : {MoveKind::kInitial, MoveKind::kFailover, MoveKind::kSwitchover,
                                MoveKind::kFailback, MoveKind::kRollback}) {
      events.emplace_back(MoveRequested{{kind, kShop, region, false, std::nullopt, "ann", ""}, 7});
      events.emplace_back(MoveRequested{{kind, kShop, region, true, std::nullopt, "ann", ""}, 7});
    }
  }
}

// Answers to what is pending, late ones to what is not, and all that comes from outside.
std::vector<Event> events_in(const Node& node) {
  const ApplicationState& app = node.state.applications.at(kShop);
  std::vector<Event> events{ApplicationDefined{policy(), std::nullopt}, ApplicationRemoved{kShop},
                            TimerFired{kShop}};
  add_region_events(events, app, node.now);
  const std::uint64_t pending = app.pending ? app.pending->id : 0;
  for (const std::uint64_t id : {pending, std::uint64_t{999}}) {
    events.emplace_back(CommitSucceeded{kShop, id});
    events.emplace_back(
        CommitFailed{kShop, id, {ErrorCode::kUnavailable, "the store is away"}, std::nullopt});
    events.emplace_back(CommitFailed{kShop,
                                     id,
                                     {ErrorCode::kAborted, "lost the race"},
                                     Assignment{kRegions[1], app.assignment.epoch + 2}});
    events.emplace_back(Published{kShop, id});
    events.emplace_back(Drained{kShop, id, true, "arrived"});
    events.emplace_back(Drained{kShop, id, false, "it did not arrive"});
  }
  for (const StandingChange change :
       {StandingChange::kHold, StandingChange::kRelease, StandingChange::kAcknowledge}) {
    events.emplace_back(StandingRequested{{change, kShop, "ann", "because"}, 9});
  }
  return events;
}

void expect_answered(const MoveRequested& move, const State& after,
                     const std::vector<Effect>& effects) {
  int replies = 0;
  for (const Effect& effect : effects) {
    const auto* reply = std::get_if<Reply>(&effect);
    if (reply == nullptr || reply->request != move.request) {
      continue;
    }
    ++replies;
    if (const auto* error = std::get_if<Error>(&reply->result)) {
      EXPECT_FALSE(error->message.empty());
    } else {
      const auto& decision = std::get<Decision>(reply->result);
      EXPECT_FALSE(decision.outcome_detail.empty());
      EXPECT_FALSE(explain(decision).empty());
    }
  }
  const auto found = after.applications.find(kShop);
  const bool waits =
      found != after.applications.end() && found->second.pending_request == move.request;
  EXPECT_TRUE(replies == 1 || (replies == 0 && waits)) << replies << " replies";
}

// The answer that lets the move under way take its next step.
std::optional<Event> answer_for(const ApplicationState& app) {
  const std::uint64_t id = app.pending ? app.pending->id : 0;
  switch (app.phase) {
    case Phase::kDecided:
      return CommitSucceeded{kShop, id};
    case Phase::kFencing:
      return FenceRaised{kShop, app.pending->from.region, app.assignment.epoch, false, {}};
    case Phase::kDraining:
      return Drained{kShop, id, true, "arrived"};
    case Phase::kGranting:
      return FenceRaised{kShop, app.pending->to.region, app.assignment.epoch, true, {}};
    case Phase::kShifting:
      return Published{kShop, id};
    case Phase::kSteady:
    case Phase::kSuspect:
    case Phase::kFrozen:
      break;
  }
  return std::nullopt;
}

// A switchover step by step: breadth alone, bounded, does not get that deep.
std::deque<Node> planned_move(Node node) {
  std::deque<Node> path{node};
  const auto take = [&](const Event& event) {
    (void)step(node.state, event, node.now, WallTime());
    path.push_back(node);
  };
  const auto finish = [&] {
    while (const auto answer = answer_for(node.state.applications.at(kShop))) {
      take(*answer);
      if (path.size() > 40) {
        break;  // it does not get there: the pairs that are missing will say so
      }
    }
  };
  finish();
  for (const RegionId& region : kRegions) {
    take(RegionStatusChanged{kShop, region, status_of(Health::kHealthy, node.now)});
  }
  const Epoch epoch = node.state.applications.at(kShop).assignment.epoch;
  take(FenceRaised{kShop, kRegions[0], epoch, true, std::nullopt});
  take(MoveRequested{{MoveKind::kSwitchover, kShop, kRegions[1], false, std::nullopt, "ann", ""},
                     5});
  finish();
  return path;
}

TEST(PhaseEvent, EveryEventIsTakenInEveryPhase) {
  Node start;
  (void)step(start.state, ApplicationDefined{policy(), std::nullopt}, start.now, WallTime());
  // Beside a dead neighbour an unhealthy region may mean that we are blind: the way to kFrozen.
  Node dead_neighbour = start;
  ApplicationState& mail = dead_neighbour.state.applications[ApplicationId("mail")];
  mail = start.state.applications.at(kShop);
  mail.policy.id = ApplicationId("mail");
  for (HealthStatus& status : mail.statuses) {
    status.health = Health::kUnhealthy;
  }
  std::deque<Node> queue = planned_move(start);
  queue.push_back(dead_neighbour);
  std::set<std::pair<std::size_t, std::uint64_t>> seen;
  std::array<std::size_t, kPhases> expanded{};
  std::set<std::pair<Phase, std::size_t>> pairs;
  std::size_t steps = 0;
  while (!queue.empty() && !testing::Test::HasFailure()) {
    const Node node = std::move(queue.front());
    queue.pop_front();
    const Phase phase = node.state.applications.at(kShop).phase;
    if (++expanded[static_cast<std::size_t>(phase)] > kStatesPerPhase) {
      continue;
    }
    for (const Event& event : events_in(node)) {
      Node next = node;
      next.now += seconds(1);
      const auto effects = step(next.state, event, next.now, WallTime());
      ++steps;
      pairs.emplace(phase, event.index());
      const auto wrong = Invariants().check(node.state, next.state, effects);
      EXPECT_FALSE(wrong) << to_string(phase) << ", event " << event.index() << ": " << *wrong;
      if (const auto* move = std::get_if<MoveRequested>(&event)) {
        SCOPED_TRACE(to_string(phase));
        // A request that waits already keeps its number; ask under it only where nobody waits.
        if (node.state.applications.at(kShop).pending_request == 0) {
          expect_answered(*move, next.state, effects);
        }
      }
      const auto found = next.state.applications.find(kShop);
      if (found != next.state.applications.end() &&
          seen.emplace(node.state.applications.size(), digest_of(found->second)).second) {
        queue.push_back(std::move(next));
      }
    }
  }
  for (std::size_t phase = 0; phase < kPhases; ++phase) {
    for (std::size_t event = 0; event < std::variant_size_v<Event>; ++event) {
      EXPECT_TRUE(pairs.contains({static_cast<Phase>(phase), event}))
          << to_string(static_cast<Phase>(phase)) << " never met event " << event;
    }
  }
  RecordProperty("steps", static_cast<int>(steps));
  RecordProperty("states", static_cast<int>(seen.size()));
}

}  // namespace
}  // namespace leeward::failover
