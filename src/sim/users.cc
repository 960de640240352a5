// SPDX-License-Identifier: Apache-2.0
#include "sim/users.h"

#include <algorithm>
#include <utility>

namespace leeward::sim {
namespace {

constexpr Duration kPace = std::chrono::seconds(2);
constexpr Duration kPatience = std::chrono::seconds(1);

}  // namespace

Users::Users(Surroundings world, const std::vector<std::unique_ptr<Node>>& nodes)
    : world_(std::move(world)),
      nodes_(nodes),
      experience_(world_.ground.scenario.applications.size()),
      rng_(world_.ground.rng.split()) {
  for (const auto& [least, stale, provider] :
       {std::tuple(Duration(0), false, false),
        std::tuple(Duration(std::chrono::seconds(30)), false, false),
        std::tuple(Duration(0), true, false), std::tuple(Duration(0), false, true)}) {
    Resolver resolver;
    resolver.keeps_at_least = least;
    resolver.serves_stale = stale;
    resolver.asks_provider = provider;
    resolver.cache.resize(experience_.size());
    resolver.failing_since.resize(experience_.size());
    resolvers_.push_back(std::move(resolver));
  }
}

void Users::start() {
  for (std::size_t i = 0; i < resolvers_.size(); ++i) {
    world_.ground.queue.after(kPace * static_cast<int>(i + 1) / 4, [this, i] { request(i); });
  }
}

void Users::request(std::size_t index) {
  Ground& ground = world_.ground;
  ground.queue.after(kPace, [this, index] { request(index); });
  Resolver& resolver = resolvers_[index];
  for (std::size_t i = 0; i < experience_.size(); ++i) {
    auto& cached = resolver.cache[i];
    const bool fresh = cached.known && ground.now() < cached.until;
    bool works = fresh || resolve(resolver, i);
    if (!works && cached.known && resolver.serves_stale) {
      ground.marks.hit(Mark::kServedStale);
      works = true;
    }
    if (works) {
      const std::size_t region = world_.regions.index(i, cached.place);
      const Site there = ground.region_site(region);
      Duration took{};
      const auto outcome = ground.network.send(ground.users_site(), there, ground.now())
                               ? world_.regions.answer(region, took)
                               : std::nullopt;
      works = outcome == ProbeOutcome::kSuccess && took <= kPatience;
    }
    Experience& experience = experience_[i];
    ++experience.requests;
    MonoTime& since = resolver.failing_since[i];
    if (works) {
      since = MonoTime();
      continue;
    }
    ++experience.failed;
    since = since == MonoTime() ? ground.now() : since;
    experience.longest_outage = std::max(experience.longest_outage, ground.now() - since + kPace);
  }
}

bool Users::resolve(Resolver& resolver, std::size_t application) {
  Ground& ground = world_.ground;
  std::size_t place = 0;
  const bool passive =
      ground.scenario.applications[application].mode == ApplicationMode::kActivePassive;
  if (resolver.asks_provider && passive) {
    const DnsPlan& plan = world_.provider.plan(application);
    if (plan.version.epoch == 0) {
      return false;
    }
    world_.checks.answered(nodes_.size(), application, plan.version, {plan.region});
    place = plan.region;
  } else {
    // A resolver tries another server where one does not answer.
    const std::size_t first = rng_.below(nodes_.size());
    bool answered = false;
    for (std::size_t i = 0; i < nodes_.size() && !answered; ++i) {
      const std::size_t server = (first + i) % nodes_.size();
      Node& node = *nodes_[server];
      if (!node.running() ||
          !ground.network.send(ground.users_site(), ground.node_site(server), ground.now())) {
        continue;
      }
      const auto places = node.answer(application, rng_.next());
      if (places.empty() && passive && node.plan(application).version.epoch == 0) {
        continue;  // it refuses: it has not heard of a plan yet
      }
      world_.checks.answered(server, application,
                             passive ? node.plan(application).version : PlanVersion{}, places);
      if (!places.empty()) {
        place = places.front();
        answered = true;
      }
    }
    if (!answered) {
      return false;
    }
  }
  auto& cached = resolver.cache[application];
  cached.place = std::min(place, ground.scenario.applications[application].regions.size() - 1);
  cached.until = ground.now() + std::max(ground.scenario.ttl, resolver.keeps_at_least);
  cached.known = true;
  return true;
}

}  // namespace leeward::sim
