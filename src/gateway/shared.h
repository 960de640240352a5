// SPDX-License-Identifier: Apache-2.0
//
// What the workers of one gateway have in common. Private to this module. Thread-safety: each part
// is safe from any thread, or does not change after start.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

#include "gateway/arn.h"
#include "gateway/faults.h"
#include "gateway/gateway.h"
#include "gateway/metrics.h"
#include "gateway/registry.h"
#include "rewrite/exchange.h"

namespace leeward::gateway {

struct Shared {
  explicit Shared(GatewayOptions o)
      : options(std::move(o)), arns(options.store.region), clock(options.region) {}

  void log(std::string_view event, std::string_view detail) const {
    if (options.on_event) {
      options.on_event(event, detail);
    }
  }

  const GatewayOptions options;
  Registry registry;
  FaultBoard faults;
  Metrics metrics;
  ArnMap arns;
  std::atomic<bool> stopping{false};
  std::atomic<bool> store_up{false};

  std::mutex clock_mutex;  // one hybrid clock per region, whichever worker a write comes to
  rewrite::StampClock clock;
};

}  // namespace leeward::gateway
