// SPDX-License-Identifier: Apache-2.0
//
// The decision engine: step(state, event, now) -> effects. A total function: every event is
// understood in every state, the same inputs give the same effects, and nothing here knows a clock,
// a socket or a store.
//
// The rules, in short. An application in active-passive mode has one active region under an epoch
// that only grows. When its active region is unhealthy by quorum for the confirm window, users
// move to the most preferred healthy region, if every guard passes (guards.h). All regions down
// changes nothing. The way back waits for an operator unless the policy says `failback: automatic`.
// Operators move under the same guards. Sources: AWS ARC's routing controls and safety rules;
// Patroni's and Orchestrator's promotion rules.
#pragma once

#include <vector>

#include "base/time.h"
#include "failover/effect.h"
#include "failover/event.h"
#include "failover/state.h"

namespace leeward::failover {

// `wall` is only recorded. REQUIRES: `now` does not decrease from call to call.
std::vector<Effect> step(State& state, const Event& event, MonoTime now, WallTime wall);

// The same for one application: what a journal entry holds and replay() repeats. `application` is
// nullopt before it is defined and after it is removed.
std::vector<Effect> step_application(std::optional<ApplicationState>& application,
                                     std::uint64_t& next_decision_id, const Elsewhere& elsewhere,
                                     const Event& event, MonoTime now, WallTime wall);

}  // namespace leeward::failover
