// SPDX-License-Identifier: Apache-2.0
//
// What the control loop asks of the regions' tables: raise fences, renew leases, prove that
// everything has arrived. An interface, so that the loop is tested without tables.
//
// Thread-safety: called on the control thread; callbacks come there, too, never from within a call.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "failover/effect.h"
#include "model/application.h"
#include "model/ids.h"

namespace leeward::node {

struct FenceOutcome {
  Status status;
  Epoch found = 0;                     // with kAborted: the higher epoch that stands there
  std::optional<MonoTime> last_grant;  // when leases were last renewed in that region
};

struct DrainOutcome {
  bool proven = false;
  std::string detail;
};

class DataPlane {
 public:
  virtual ~DataPlane() = default;

  virtual void raise_fence(const failover::RaiseFence& effect,
                           std::function<void(FenceOutcome)> done) = 0;
  // Until the next call for the application. nullopt: nobody's.
  virtual void renew_lease(const ApplicationId& application, std::optional<Assignment> holder,
                           Duration renew) = 0;
  virtual void drain(const failover::Drain& effect, const std::vector<std::string>& tables,
                     std::function<void(DrainOutcome)> done) = 0;
};

}  // namespace leeward::node
