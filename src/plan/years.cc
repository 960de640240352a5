// SPDX-License-Identifier: Apache-2.0
#include "plan/years.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/rng.h"
#include "plan/fleet.h"
#include "plan/trials.h"

namespace leeward::plan {
namespace {

using std::chrono::milliseconds;

constexpr int kSlotsBetweenOutages = 1500;  // on average
constexpr int kOutageSlotsMax = 50;
constexpr int kRecoverySlotsMax = 300;  // with loss: then the life goes on

Duration times(Duration duration, double factor) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(duration.count()) * factor));
}

template <typename T, std::size_t kSize>
T one_of(Rng& rng, const T (&choices)[kSize]) {
  return choices[rng.below(kSize)];
}

struct World {
  CheckTiming timing;
  FleetSpec fleet;

  [[nodiscard]] bool lossless() const { return fleet.loss.share == 0; }
};

World draw(Rng& rng, Duration interval) {
  World world;
  CheckTiming& timing = world.timing;
  timing.interval = interval;
  timing.timeout = std::min<Duration>(milliseconds(one_of(rng, {200, 500, 1000, 4000})), interval);
  timing.timeout_floor = std::min<Duration>(timing.timeout_floor, timing.timeout);
  timing.jitter = one_of(rng, {0.0, 0.1, 0.5});
  timing.confirm_spacing =
      std::min<Duration>(milliseconds(one_of(rng, {10, 50, 250})), timing.interval);
  const int threshold = one_of(rng, {0, 0, 1, 2, 3, 5, 10});
  timing.failure_threshold = threshold == 0 ? std::nullopt : std::optional(threshold);
  timing.success_threshold = one_of(rng, {1, 2, 3, 10});
  timing.recovery_hold_down = times(interval, one_of(rng, {0.0, 0.0, 3.0}));
  timing.recovery_hold_down_max = timing.recovery_hold_down * 4;

  FleetSpec& fleet = world.fleet;
  fleet.vantages = one_of(rng, {1, 1, 1, 3, 5});
  fleet.required = (fleet.vantages / 2) + 1;
  fleet.round_trip = std::min<Duration>(milliseconds(one_of(rng, {1, 30, 80})), timing.timeout / 4);
  fleet.vote_delay = fleet.vantages > 1 ? fleet.round_trip / 2 : Duration::zero();
  fleet.confirm_window = times(interval, one_of(rng, {0.0, 0.0, 2.0}));
  fleet.transport = one_of(rng, {Transport::kKeptTcp, Transport::kFreshTcp});
  fleet.share_suspicion = fleet.vantages > 1 && rng.below(2) == 0;
  if (rng.below(2) == 0) {
    fleet.loss.kind =
        one_of(rng, {LossKind::kIndependent, LossKind::kBursts, LossKind::kSharedBursts});
    fleet.loss.share = one_of(rng, {0.01, 0.05, 0.20});
  } else {
    fleet.loss.share = 0;
  }
  return world;
}

// From an outage to the action at the latest.
Duration detection_bound(const World& world) {
  const CheckTiming& timing = world.timing;
  const int most = world.lossless() ? timing.auto_min : timing.auto_max;
  const int threshold = timing.failure_threshold.value_or(most);
  // A late answer to a probe from before the outage may end a suspicion; with loss, the burst
  // then begins anew with the next slot.
  const int slots = world.lossless() ? 1 : 2;
  // Until the first miss is noticed: what the path usually takes (a fresh connection takes two
  // round trips, and the estimate leaves room for change), or, with loss, anything up to the
  // timeout.
  const Duration usual = std::max(timing.timeout_floor, world.fleet.round_trip * 4);
  const Duration noticed = world.lossless() ? usual : timing.timeout;
  return times(timing.interval, slots * (1 + timing.jitter)) + noticed +
         timing.confirm_spacing * threshold + timing.timeout * slots + world.fleet.vote_delay +
         world.fleet.confirm_window;
}

// From the end of an outage to a healthy status at the latest; without loss.
Duration recovery_bound(const World& world) {
  const CheckTiming& timing = world.timing;
  return timing.recovery_hold_down_max + timing.timeout + world.fleet.round_trip +
         world.fleet.vote_delay +
         times(timing.interval, timing.success_threshold + 2 + (2 * timing.jitter));
}

class Life {
 public:
  Life(std::uint64_t seed, Duration interval)
      : seed_(seed),
        rng_(seed),
        world_(draw(rng_, interval)),
        fleet_(world_.fleet, world_.timing, rng_.split()) {
    // The threshold of `auto` and the miss rate settle before anything is judged.
    fleet_.run_until(fleet_.now() + interval * 100);
  }

  void calm(Duration length) {
    const FleetCounts before = fleet_.counts();
    fleet_.run_until(fleet_.now() + length);
    report_.mistaken += fleet_.counts().actions - before.actions;
    if (world_.lossless() && fleet_.counts().suspicions != before.suspicions) {
      broken("a target that answers everything was called dead");
    }
  }

  void outage(Duration length) {
    ++report_.outages;
    const Fault fault = one_of(rng_, {Fault::kKilled, Fault::kSilent});
    const bool judged = fleet_.health() == Health::kHealthy;
    const MonoTime began = fleet_.now();
    const Duration bound = detection_bound(world_);
    fleet_.fail(fault);
    if (judged) {
      const auto acted = fleet_.run_until_action(began + bound);
      if (acted) {
        const double share = to_milliseconds(*acted - began) / to_milliseconds(bound);
        report_.slowest_of_bound = std::max(report_.slowest_of_bound, share);
      } else {
        broken(fmt::format("an outage was not acted on within {:.0f} ms", to_milliseconds(bound)));
      }
    } else {
      ++report_.not_judged;
    }
    fleet_.run_until(std::max(fleet_.now(), began + length));
    fleet_.heal();
    recover();
  }

  YearsReport finish() {
    report_.lives = 1;
    report_.probes = fleet_.counts().probes;
    report_.years = std::chrono::duration<double>(fleet_.now() - MonoTime{}).count() *
                    world_.fleet.vantages / kSecondsPerYear;
    return std::move(report_);
  }

  Rng& rng() { return rng_; }
  [[nodiscard]] MonoTime now() const { return fleet_.now(); }

 private:
  void recover() {
    const Duration bound =
        world_.lossless() ? recovery_bound(world_) : world_.timing.interval * kRecoverySlotsMax;
    const MonoTime until = fleet_.now() + bound;
    while (fleet_.health() != Health::kHealthy && fleet_.now() < until) {
      fleet_.run_until(std::min(until, fleet_.now() + world_.timing.interval));
    }
    if (fleet_.health() == Health::kHealthy) {
      return;
    }
    if (!world_.lossless()) {
      // A threshold of 1 and a hold-down under 20 % loss may never be content.
      ++report_.not_recovered;
    } else {
      broken(fmt::format("not healthy again within {:.0f} ms", to_milliseconds(bound)));
    }
  }

  void broken(const std::string& what) {
    const CheckTiming& timing = world_.timing;
    const FleetSpec& fleet = world_.fleet;
    report_.broken.push_back(fmt::format(
        "life {} at {:.0f} s: {} (threshold {}, timeout {}, spacing {}, jitter {}, {} of {}, "
        "confirm {}, {:.0f} % {} loss)",
        seed_, to_milliseconds(fleet_.now() - MonoTime{}) / 1000, what,
        timing.failure_threshold ? std::to_string(*timing.failure_threshold) : "auto",
        format_duration(timing.timeout), format_duration(timing.confirm_spacing), timing.jitter,
        fleet.required, fleet.vantages, format_duration(fleet.confirm_window),
        100 * fleet.loss.share, to_string(fleet.loss.kind)));
  }

  std::uint64_t seed_;
  Rng rng_;
  World world_;
  RealFleet fleet_;
  YearsReport report_;
};

}  // namespace

void YearsReport::add(const YearsReport& other) {
  lives += other.lives;
  years += other.years;
  probes += other.probes;
  outages += other.outages;
  not_judged += other.not_judged;
  not_recovered += other.not_recovered;
  mistaken += other.mistaken;
  slowest_of_bound = std::max(slowest_of_bound, other.slowest_of_bound);
  broken.insert(broken.end(), other.broken.begin(), other.broken.end());
}

YearsReport live(std::uint64_t seed, Duration interval, int probes) {
  Life life(seed, interval);
  const MonoTime end = life.now() + interval * probes;
  while (life.now() < end) {
    life.calm(times(interval, 2 * kSlotsBetweenOutages * life.rng().unit()));
    life.outage(times(interval, 1 + (kOutageSlotsMax * life.rng().unit())));
  }
  return life.finish();
}

}  // namespace leeward::plan
