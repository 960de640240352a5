// SPDX-License-Identifier: Apache-2.0
#include "sim/store.h"

#include "base/mutant.h"

namespace leeward::sim {

bool Provider::change(std::size_t application, const DnsPlan& plan) {
  if (errors_ > 0 && ground_.rng.unit() < errors_) {
    return false;
  }
  DnsPlan& stands = plans_[application];
  if (plan.version < stands.version && !mutant(Mutant::kOldPlanApplied)) {
    ground_.marks.hit(Mark::kOldPlanRefused);
    return true;  // it is superseded: whoever sent it need not try again
  }
  stands = plan;
  return true;
}

bool Provider::loses_answer() {
  if (loses_ > 0 && ground_.rng.unit() < loses_) {
    ground_.marks.hit(Mark::kProviderReplyLost);
    return true;
  }
  return false;
}

}  // namespace leeward::sim
