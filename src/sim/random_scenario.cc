// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "sim/swarm.h"

namespace leeward::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kLength = seconds(720);
constexpr Duration kHealAt = seconds(400);
constexpr Duration kFirstFault = seconds(15);

// Kinds of faults that a world has or has not.
enum class Class : std::uint8_t {
  kRegions,
  kFreezes,
  kGray,
  kCuts,
  kLoss,
  kDelay,
  kNodes,
  kPauses,
  kClocks,
  kLiars,
  kStore,
  kProvider,
  kReplication,
  kOperators,
  kCount,
};
constexpr std::size_t kClasses = static_cast<std::size_t>(Class::kCount);

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : rng_(seed ^ 0x5CE7A210ULL) {}

  Scenario make() {
    make_world();
    make_applications();
    for (std::size_t i = 0; i < kClasses; ++i) {
      enabled_[i] = rng_.below(100) < 40;
    }
    // A wrong clock and a late packet together are what leases do not survive (docs/fencing.md).
    if (is_enabled(Class::kClocks)) {
      enabled_[static_cast<std::size_t>(Class::kDelay)] = false;
    }
    const std::uint64_t count = 4 + rng_.below(30);
    for (std::uint64_t i = 0; i < count; ++i) {
      make_fault(static_cast<Class>(rng_.below(kClasses)));
    }
    std::ranges::sort(scenario_.faults, {}, [](const Fault& fault) {
      return std::tuple(fault.at, fault.verb, fault.names, fault.number, fault.duration);
    });
    return std::move(scenario_);
  }

 private:
  [[nodiscard]] bool is_enabled(Class which) const {
    return enabled_[static_cast<std::size_t>(which)];
  }
  template <typename T, std::size_t kSize>
  T one_of(const std::array<T, kSize>& values) {
    return values[rng_.below(kSize)];
  }
  Duration between(Duration least, Duration most) {
    const auto milli = static_cast<std::uint64_t>((most - least) / milliseconds(1));
    return least + milliseconds(rng_.below(milli + 1));
  }

  void make_world() {
    scenario_.length = kLength;
    scenario_.heal_at = kHealAt;
    scenario_.nodes = rng_.below(4) == 0 ? 5 : 3;
    const std::size_t regions = 2 + rng_.below(3);
    for (std::size_t i = 0; i < regions; ++i) {
      scenario_.regions.emplace_back(std::string(1, static_cast<char>('A' + i)));
    }
    scenario_.timing.interval = one_of(std::array<Duration, 2>{seconds(1), milliseconds(500)});
    scenario_.timing.failure_threshold =
        one_of(std::array<std::optional<int>, 3>{3, 2, std::nullopt});
    scenario_.loss_percent = one_of(std::array{0.0, 0.0, 0.5, 1.0});
    scenario_.delay =
        one_of(std::array<Duration, 3>{milliseconds(5), milliseconds(15), milliseconds(40)});
  }

  void make_applications() {
    constexpr std::array kNames = {"shop", "mail", "pay"};
    const std::size_t count = 1 + rng_.below(kNames.size());
    const bool slowly = rng_.below(6) == 0;
    for (std::size_t i = 0; i < count; ++i) {
      failover::Policy policy;
      policy.id = ApplicationId(kNames[i]);
      policy.regions = scenario_.regions;
      std::ranges::rotate(
          policy.regions,
          policy.regions.begin() + static_cast<std::ptrdiff_t>(rng_.below(policy.regions.size())));
      if (i > 0 && rng_.below(5) == 0) {
        policy.mode = ApplicationMode::kActiveActive;
      }
      FailoverPolicy& failover = policy.failover;
      failover.quorum_required = scenario_.nodes / 2 + 1;
      failover.confirm_window =
          one_of(std::array<Duration, 3>{Duration(0), milliseconds(500), seconds(2)});
      failover.hold_down = one_of(std::array<Duration, 3>{Duration(0), seconds(10), seconds(30)});
      failover.fencing.mode =
          one_of(std::array{FencingMode::kTransaction, FencingMode::kTransaction,
                            FencingMode::kLease, FencingMode::kNone});
      policy.replicated = rng_.below(3) > 0;
      if (policy.replicated && rng_.below(2) == 0) {
        failover.max_replication_lag = seconds(5);
      }
      if (rng_.below(3) == 0) {
        failover.failback = Failback::kAutomatic;
        failover.failback_after = seconds(10);
        if (rng_.below(3) == 0) {
          failover.gradual_failback = {{10, 50}, seconds(5)};
        }
      }
      failover.lockout = {rng_.below(3) == 0 ? 2 : 5, seconds(600)};
      if (slowly) {
        failover.velocity = {50, seconds(60)};
      }
      policy.demand = 1 + static_cast<int>(rng_.below(2));
      if (rng_.below(6) == 0) {
        policy.capacities.assign(policy.regions.size(), 3);
      }
      scenario_.applications.push_back(std::move(policy));
    }
  }

  // ---- faults: most begin and end ----

  std::string region() { return scenario_.regions[rng_.below(scenario_.regions.size())].str(); }
  std::string node() {
    return fmt::format("node-{}", 1 + rng_.below(static_cast<std::uint64_t>(scenario_.nodes)));
  }
  std::string site() {
    const auto names = site_names(scenario_);
    return names[rng_.below(names.size())];
  }
  std::string application() {
    return scenario_.applications[rng_.below(scenario_.applications.size())].id.str();
  }

  void add(Duration at, Verb verb, std::vector<std::string> names, double number = 0,
           Duration duration = {}) {
    scenario_.faults.push_back({at, verb, std::move(names), number, duration});
  }
  void add_pair(Verb begin, Verb end, const std::vector<std::string>& names, double number = 0,
                Duration duration = {}) {
    const auto [from, until] = span();
    add(from, begin, names, number, duration);
    add(until, end, names);
  }
  std::pair<Duration, Duration> span() {
    const Duration from = between(kFirstFault, kHealAt - seconds(5));
    const Duration length = rng_.below(3) == 0 ? between(milliseconds(200), seconds(5))
                                               : between(seconds(5), seconds(120));
    return {from, from + length};
  }

  void make_fault(Class which) {
    if (!is_enabled(which)) {
      return;
    }
    switch (which) {
      case Class::kRegions:
        rng_.below(2) == 0 ? add_pair(Verb::kLose, Verb::kRestore, {region()})
                           : add_pair(Verb::kKill, Verb::kStart, {region()});
        break;
      case Class::kFreezes:
        add_pair(Verb::kFreeze, Verb::kThaw, {region()});
        break;
      case Class::kGray:
        rng_.below(2) == 0 ? add_pair(Verb::kGray, Verb::kWell, {region()},
                                      5.0 + static_cast<double>(rng_.below(95)))
                           : add_pair(Verb::kSlow, Verb::kWell, {region()}, 0,
                                      between(milliseconds(50), seconds(2)));
        break;
      case Class::kCuts:
        make_cut();
        break;
      case Class::kLoss:
        make_loss();
        break;
      case Class::kDelay:
        make_delay();
        break;
      case Class::kNodes:
        add_pair(Verb::kCrash, rng_.below(3) == 0 ? Verb::kBootOld : Verb::kBoot, {node()});
        break;
      case Class::kPauses:
        add_pair(Verb::kPause, Verb::kResume, {node()});
        break;
      case Class::kClocks:
        rng_.below(2) == 0 ? add(between(kFirstFault, kHealAt), Verb::kDrift, {node()},
                                 static_cast<double>(rng_.below(600)) - 300)
                           : add(between(kFirstFault, kHealAt), Verb::kJump, {node()},
                                 static_cast<double>(rng_.below(7200)) - 3600);
        break;
      case Class::kLiars:
        make_liar();
        break;
      case Class::kStore:
        if (rng_.below(8) == 0) {
          add(between(kFirstFault + seconds(60), kHealAt), Verb::kStoreRestore, {});
        } else {
          add_pair(Verb::kStoreDown, Verb::kStoreUp, {});
        }
        break;
      case Class::kProvider:
        make_provider();
        break;
      case Class::kReplication:
        make_stall();
        break;
      case Class::kOperators:
        operate();
        break;
      case Class::kCount:
        break;
    }
  }

  void make_cut() {
    const std::string a = site();
    const std::string b = site();
    switch (rng_.below(4)) {
      case 0:
        add_pair(Verb::kIsolate, Verb::kJoin, {a});
        break;
      case 1:
        add_pair(Verb::kCutWay, Verb::kMendWay, {a, b});
        break;
      default:
        add_pair(Verb::kCut, Verb::kMend, {a, b});
    }
  }

  void make_loss() {
    const auto [from, until] = span();
    if (rng_.below(3) == 0) {
      add(from, Verb::kBurst, {site()}, 0, between(milliseconds(100), seconds(3)));
      return;
    }
    std::vector<std::string> where{"all"};
    if (rng_.below(2) == 0) {
      where = {site(), site()};
    }
    add(from, Verb::kLoss, where, one_of(std::array{1.0, 5.0, 20.0, 50.0}));
    add(until, Verb::kLoss, where, scenario_.loss_percent);
  }

  void make_delay() {
    const auto [from, until] = span();
    std::vector<std::string> where{"all"};
    if (rng_.below(2) == 0) {
      where = {site(), site()};
    }
    add(from, Verb::kDelay, where, 0, between(milliseconds(10), seconds(1)));
    add(until, Verb::kDelay, where);
  }

  // Never more at a time than the quorum outvotes.
  void make_liar() {
    const int most = scenario_.nodes - (scenario_.nodes / 2 + 1);
    if (liars_ < most) {
      ++liars_;
      add_pair(Verb::kLie, Verb::kHonest, {fmt::format("node-{}", liars_)});
    }
  }

  void make_provider() {
    const auto [from, until] = span();
    const Verb verb = rng_.below(2) == 0 ? Verb::kProviderErrors : Verb::kProviderLoses;
    add(from, verb, {}, 20.0 + static_cast<double>(rng_.below(81)));
    add(until, verb, {}, 0);
  }

  void make_stall() {
    const std::string from = region();
    const std::string to = region();
    if (from != to) {
      add_pair(Verb::kStall, Verb::kFlow, {from, to});
    }
  }

  void operate() {
    const Duration at = between(kFirstFault, kHealAt);
    const std::string which = application();
    switch (rng_.below(8)) {
      case 0:
        add(at, Verb::kFailover, {which, region()});
        break;
      case 1:
      case 2:
        add(at, Verb::kSwitchover, {which, region()});
        break;
      case 3:
        add(at, Verb::kFailback, {which, region()});
        break;
      case 4:
        add(at, Verb::kForce, {which, region()});
        break;
      case 5:
        add(at, Verb::kAcknowledge, {which});
        break;
      default:
        add_pair(Verb::kHold, Verb::kRelease, {which});
    }
  }

  Rng rng_;
  Scenario scenario_;
  std::array<bool, kClasses> enabled_{};
  int liars_ = 0;
};

}  // namespace

Scenario random_scenario(std::uint64_t seed) {
  return Maker(seed).make();
}

}  // namespace leeward::sim
