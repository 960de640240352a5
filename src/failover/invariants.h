// SPDX-License-Identifier: Apache-2.0
//
// What must hold of the decision engine after every step, whatever happens to it. Fed with each
// step by tests and simulations; says what broke, or nothing.
//
// Thread-safety: none; one per history.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "failover/effect.h"
#include "failover/state.h"

namespace leeward::failover {

class Invariants {
 public:
  // The first thing that is wrong, as a line for a person; nullopt: all hold. `before` and `after`
  // are of one process's life: forget the process, not the history, at a restart.
  [[nodiscard]] std::optional<std::string> check(const State& before, const State& after,
                                                 const std::vector<Effect>& effects);

 private:
  [[nodiscard]] static std::optional<std::string> check_state(const ApplicationState& application);
  [[nodiscard]] std::optional<std::string> check_owner(const ApplicationId& id,
                                                       const Assignment& assignment);
  [[nodiscard]] static std::optional<std::string> check_commit(const CommitAssignment& commit,
                                                               const ApplicationState& application);

  std::map<std::pair<ApplicationId, Epoch>, RegionId> owners_;
};

}  // namespace leeward::failover
