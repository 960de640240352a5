// SPDX-License-Identifier: Apache-2.0
//
// What every part of a simulated world stands on: time, packets, chance, the record of what
// happened, and the first thing that broke.
//
// Thread-safety: none; one world, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/rng.h"
#include "sim/marks.h"
#include "sim/network.h"
#include "sim/queue.h"
#include "sim/scenario.h"

namespace leeward::sim {

// Of FNV-1a, a word at a time.
inline constexpr std::uint64_t kFnvOffset = 0xcbf29ce484222325ULL;
inline constexpr std::uint64_t kFnvPrime = 0x100000001b3ULL;

struct Violation {
  std::string invariant;  // "I1"
  Duration at{};
  std::string what;  // one line for a person

  friend bool operator==(const Violation&, const Violation&) = default;
};

// A DNS plan's place in the order of plans: of two the greater stands. The epoch has no say: after
// an old copy of the state store was restored it may be lower than what somebody answers with.
struct PlanVersion {
  std::uint64_t term = 0;      // of the leader who made it
  std::uint64_t sequence = 0;  // of its plans
  Epoch epoch = 0;             // 0: no plan

  auto operator<=>(const PlanVersion&) const = default;
};

// What DNS is to answer for an active-passive application.
struct DnsPlan {
  PlanVersion version;
  std::size_t region = 0;  // index in the policy
  std::size_t other = 0;   // answers `other_percent` of the queries
  int other_percent = 0;

  friend bool operator==(const DnsPlan&, const DnsPlan&) = default;
};

struct Ground {
  Ground(const Scenario& of, std::uint64_t seed)
      : scenario(of),
        rng(seed),
        network(of.regions.size() + static_cast<std::size_t>(of.nodes) + 3, of.delay,
                of.loss_percent, rng.split()) {}

  const Scenario& scenario;
  Rng rng;
  Queue queue;
  Network network;
  Marks marks;
  std::optional<Violation> violation;
  std::uint64_t digest = kFnvOffset;
  // Called with a line per event worth telling; empty: nobody listens.
  std::function<void(const std::string&)> trace;

  [[nodiscard]] MonoTime now() const { return queue.now(); }
  [[nodiscard]] Site region_site(std::size_t region) const { return region; }
  [[nodiscard]] Site node_site(std::size_t node) const { return scenario.regions.size() + node; }
  [[nodiscard]] Site store_site() const {
    return node_site(static_cast<std::size_t>(scenario.nodes));
  }
  [[nodiscard]] Site provider_site() const { return store_site() + 1; }
  [[nodiscard]] Site users_site() const { return store_site() + 2; }

  // Runs `arrived` at the other side, or never.
  void send(Site from, Site to, Task arrived) {
    if (const auto delay = network.send(from, to, now())) {
      queue.after(*delay, std::move(arrived));
    }
  }

  // What distinguishes one history from another.
  void remember(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    for (const std::uint64_t word :
         {static_cast<std::uint64_t>(now().time_since_epoch().count()), a, b, c}) {
      digest = (digest ^ word) * kFnvPrime;
    }
  }

  template <typename... Args>
  void tell(fmt::format_string<Args...> format, Args&&... args) {
    if (trace) {
      trace(fmt::format("{:>12.3f} ms  {}", to_milliseconds(now().time_since_epoch()),
                        fmt::format(format, std::forward<Args>(args)...)));
    }
  }

  void broken(const char* invariant, std::string what) {
    tell("VIOLATION of {}: {}", invariant, what);
    if (!violation) {
      violation = Violation{invariant, now().time_since_epoch(), std::move(what)};
    }
  }
};

}  // namespace leeward::sim
