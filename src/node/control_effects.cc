// SPDX-License-Identifier: Apache-2.0
//
// Carries out what the engine says, in its order.
#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "base/overloaded.h"
#include "failover/json.h"
#include "node/control.h"
#include "probe/clock.h"

namespace leeward::node {

using probe::mono_now;
using probe::wall_now;

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
  if (!remember_decision(decisions_, decision)) {
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

}  // namespace leeward::node
