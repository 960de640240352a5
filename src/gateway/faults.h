// SPDX-License-Identifier: Apache-2.0
//
// Faults on command, for drills: which requests a gateway cuts, freezes, drops or slows down. What
// they do to a connection is the session's; here is only the plan.
//
//   cut     the connection is closed without an answer
//   freeze  the request is accepted, and waits until the fault is healed
//   drop    the connection is closed with the given probability, else the request passes
//   slow    the answer is sent that much later
//
// Thread-safety: FaultBoard is safe from any thread; a FaultPlan is a value.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.h"
#include "base/time.h"

namespace leeward::gateway {

enum class FaultAction : std::uint8_t { kCut, kSlow, kFreeze, kDrop };

struct Fault {
  std::string direction;  // "clients", "peers", or "peer:REGION"
  FaultAction action = FaultAction::kCut;
  Duration latency{};      // kSlow
  double probability = 0;  // kDrop
};

using FaultPlan = std::vector<Fault>;

// Of the body of PUT /faults. kInvalidArgument says what is wrong with which fault. At most 100
// faults; a latency is at most 10 minutes.
Result<FaultPlan> parse_faults(std::string_view text);
[[nodiscard]] boost::json::object to_json(const FaultPlan& plan);

// What happens to one request.
struct FaultEffect {
  bool cut = false;  // also: dropped
  bool freeze = false;
  Duration latency{};
};

// `peer`: the region that asks, or empty for a client. `random` in [0, 1) decides about drops.
[[nodiscard]] FaultEffect effect_on(const FaultPlan& plan, std::string_view peer, double random);

class FaultBoard {
 public:
  [[nodiscard]] std::shared_ptr<const FaultPlan> get() const;
  void set(FaultPlan plan);
  // Without a lock, for the usual case.
  [[nodiscard]] bool any() const { return any_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> any_{false};
  mutable std::mutex mutex_;
  std::shared_ptr<const FaultPlan> plan_ = std::make_shared<const FaultPlan>();
};

}  // namespace leeward::gateway
