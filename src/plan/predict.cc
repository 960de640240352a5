// SPDX-License-Identifier: Apache-2.0
#include "plan/predict.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "detect/formulas.h"
#include "plan/clients.h"
#include "plan/trials.h"

namespace leeward::plan {
namespace {

constexpr std::size_t kParts = 8;    // of each cell: what threads share, and its own seed
constexpr int kWarmUpProbes = 1500;  // the learned miss rate has forgotten its start
constexpr int kClientsPerTrial = 4;
constexpr Duration kFence = std::chrono::milliseconds(100);  // two calls to a reachable store

std::vector<Loss> losses_of(const Options& options) {
  std::vector<Loss> losses{{.kind = LossKind::kIndependent, .share = 0}};
  for (const LossKind kind : {LossKind::kIndependent, LossKind::kBursts, LossKind::kSharedBursts}) {
    for (const double share : {0.01, 0.05, 0.20}) {
      if (kind != LossKind::kSharedBursts || options.vantages > 1) {
        losses.push_back({kind, share, options.burst_mean});
      }
    }
  }
  return losses;
}

FleetSpec spec_of(const ApplicationPlan& plan, const Loss& loss, const Options& options) {
  return {.vantages = plan.vantages,
          .required = plan.required,
          .confirm_window = plan.confirm_window,
          .vote_delay = plan.vantages > 1 ? options.round_trip / 2 : Duration::zero(),
          .round_trip = options.round_trip,
          .transport = plan.fresh_connection ? Transport::kFreshTcp : Transport::kKeptTcp,
          .loss = loss};
}

Duration life_of(const ApplicationPlan& plan, const Options& options) {
  const double probes = kProbesPerCell / plan.vantages;
  const Duration affordable(
      static_cast<Duration::rep>(static_cast<double>(plan.timing.interval.count()) * probes));
  return options.life.value_or(std::min<Duration>(affordable, std::chrono::hours(24 * 365)));
}

// One part of one cell. Its result depends on its seed alone.
struct Part {
  std::size_t application = 0;
  std::size_t loss = 0;
  std::uint64_t seed = 0;
  int trials = 0;
  std::vector<Duration> killed;
  std::vector<Duration> silent;
  FleetCounts counts;
};

void run(Part& part, const ApplicationPlan& plan, const Loss& loss, const Options& options) {
  const FleetSpec spec = spec_of(plan, loss, options);
  const CheckTiming& timing = plan.timing;
  const int threshold = timing.failure_threshold.value_or(timing.auto_max);
  const Duration longest =
      plan.confirm_window * 10 + (timing.interval + timing.timeout) * (threshold + 10) * 10;
  Rng rng(part.seed);
  const Duration warm_up = timing.interval * kWarmUpProbes;
  part.killed = times_to_action<RealFleet>(spec, timing, Fault::kKilled, part.trials, warm_up,
                                           longest, rng.split());
  part.silent = times_to_action<RealFleet>(spec, timing, Fault::kSilent, part.trials, warm_up,
                                           longest, rng.split());
  part.counts = false_alarms<RealFleet>(spec, timing, life_of(plan, options) / kParts, rng.split());
}

ApplicationPlan frame_of(const Application& application, const Options& options) {
  ApplicationPlan plan;
  plan.application = application.id.str();
  plan.vantages = options.vantages;
  plan.required = options.required.value_or(application.failover.quorum_required);
  plan.automatic = application.failover.automatic;
  plan.ttl = application.ttl;
  // Multivalue answers follow the statuses themselves: there is no decision to confirm.
  plan.confirm_window = application.mode == ApplicationMode::kActiveActive
                            ? Duration::zero()
                            : application.failover.confirm_window;
  if (application.regions.size() < 2) {
    plan.note = "one region: there is nowhere to go";
    return plan;
  }
  const ApplicationRegion& preferred = application.regions.front();
  plan.region = preferred.region.str();
  plan.timing = preferred.check.timing;
  plan.fresh_connection = preferred.check.fresh_connection;
  if (preferred.check.disabled) {
    plan.note = "the preferred region's check is disabled: nothing would be noticed";
  }
  return plan;
}

std::vector<Part> parts_of(const std::vector<ApplicationPlan>& plans, std::size_t losses,
                           const Options& options) {
  std::vector<Part> parts;
  Rng seeds(options.seed);
  for (std::size_t application = 0; application < plans.size(); ++application) {
    if (!plans[application].note.empty()) {
      continue;
    }
    for (std::size_t loss = 0; loss < losses; ++loss) {
      for (std::size_t i = 0; i < kParts; ++i) {
        Part part;
        part.application = application;
        part.loss = loss;
        part.seed = seeds.next();
        part.trials = (options.trials / static_cast<int>(kParts)) +
                      (static_cast<int>(i) < options.trials % static_cast<int>(kParts) ? 1 : 0);
        parts.push_back(std::move(part));
      }
    }
  }
  return parts;
}

void run_all(std::vector<Part>& parts, const std::vector<ApplicationPlan>& plans,
             const std::vector<Loss>& losses, const Options& options, const Progress& progress) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t done = 0;
  std::vector<std::jthread> threads;
  for (int job = 0; job < std::max(1, options.jobs); ++job) {
    threads.emplace_back([&] {
      for (std::size_t i = next++; i < parts.size(); i = next++) {
        run(parts[i], plans[parts[i].application], losses[parts[i].loss], options);
        const std::lock_guard lock(mutex);
        ++done;
        changed.notify_one();
      }
    });
  }
  std::unique_lock lock(mutex);
  for (std::size_t seen = 0; seen < parts.size();) {
    changed.wait(lock, [&] { return done > seen; });
    seen = done;
    lock.unlock();
    if (progress) {
      progress(seen, parts.size());
    }
    lock.lock();
  }
}

std::optional<double> formula_per_year(const ApplicationPlan& plan, const Loss& loss) {
  if (loss.kind != LossKind::kIndependent || !plan.fresh_connection) {
    return std::nullopt;
  }
  const double miss = detect::probe_miss(loss.share, 2);
  const detect::Mistakes each = detect::mistakes_of_burst(
      plan.timing, detect::misses_needed(plan.timing, miss), miss, plan.timing.timeout_floor);
  return detect::false_action_rate(each, plan.vantages, plan.required, plan.confirm_window) *
         kSecondsPerYear;
}

LossPlan merged(std::span<Part> parts, const ApplicationPlan& plan, const Loss& loss,
                const Options& options) {
  LossPlan result;
  result.loss = loss;
  std::vector<Duration> killed;
  std::vector<Duration> silent;
  for (const Part& part : parts) {
    killed.insert(killed.end(), part.killed.begin(), part.killed.end());
    silent.insert(silent.end(), part.silent.begin(), part.silent.end());
    result.suspicions += part.counts.suspicions;
    result.quorums += part.counts.quorums;
    result.actions += part.counts.actions;
  }
  result.killed = Distribution(std::move(killed));
  result.silent = Distribution(std::move(silent));
  result.life = life_of(plan, options) / kParts * kParts;
  const double years = std::chrono::duration<double>(result.life).count() / kSecondsPerYear;
  result.actions_per_year = static_cast<double>(result.actions) / years;
  result.actions_per_year_at_most = poisson_upper(result.actions) / years;
  result.formula_per_year = formula_per_year(plan, loss);
  return result;
}

template <typename Stale>
Distribution moved_after(const Distribution& decided, Rng& rng, Stale stale) {
  std::vector<Duration> samples;
  for (const Duration each : decided.sorted()) {
    for (int i = 0; i < kClientsPerTrial; ++i) {
      samples.push_back(each + kPublish + stale(rng));
    }
  }
  return Distribution(std::move(samples));
}

void add_clients(ApplicationPlan& plan, Rng& rng) {
  const LossPlan& calm = plan.losses.front();
  for (const ClientClass& client : kClientClasses) {
    const auto stale = [&](Rng& random) { return staleness(client, plan.ttl, random); };
    plan.clients.push_back({std::string(client.name), moved_after(calm.killed, rng, stale),
                            moved_after(calm.silent, rng, stale)});
  }
  const auto stale = [&](Rng& random) { return staleness_of_mix(plan.ttl, random); };
  plan.clients.push_back({"a mix of these, 8.74 % behind resolvers that stretch TTLs to 5 min",
                          moved_after(calm.killed, rng, stale),
                          moved_after(calm.silent, rng, stale)});
}

void add_writes(ApplicationPlan& plan, const FencingPolicy& fencing, Rng& rng) {
  if (fencing.mode == FencingMode::kNone) {
    return;
  }
  plan.writes = moved_after(plan.losses.front().silent, rng, [&](Rng& random) {
    if (fencing.mode == FencingMode::kTransaction) {
      return kFence;
    }
    const Duration age(
        static_cast<Duration::rep>(random.unit() * static_cast<double>(fencing.renew.count())));
    return std::max(Duration::zero(), fencing.lease + fencing.request_max - age);
  });
}

}  // namespace

double poisson_upper(std::uint64_t events) {
  const double n = static_cast<double>(events) + 1;
  constexpr double kNormal95 = 1.6449;
  return events == 0 ? 2.9957
                     : n * std::pow(1 - (1 / (9 * n)) + (kNormal95 / (3 * std::sqrt(n))), 3);
}

std::vector<ApplicationPlan> predict(std::span<const Application> applications,
                                     const Options& options, const Progress& progress) {
  std::vector<ApplicationPlan> plans;
  for (const Application& application : applications) {
    plans.push_back(frame_of(application, options));
  }
  const std::vector<Loss> losses = losses_of(options);
  std::vector<Part> parts = parts_of(plans, losses.size(), options);
  run_all(parts, plans, losses, options, progress);

  Rng rng(options.seed);
  auto cell = std::span(parts);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    ApplicationPlan& plan = plans[i];
    if (!plan.note.empty()) {
      continue;
    }
    for (const Loss& loss : losses) {
      plan.losses.push_back(merged(cell.first(kParts), plan, loss, options));
      cell = cell.subspan(kParts);
    }
    add_clients(plan, rng);
    add_writes(plan, applications[i].failover.fencing, rng);
  }
  return plans;
}

}  // namespace leeward::plan
