// SPDX-License-Identifier: Apache-2.0
#include "node/region_data.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "lag/drain_barrier.h"

namespace leeward::node {

RegionData::RegionData(Post post)
    : post_(std::move(post)),
      credentials_(
          std::make_shared<dynamodb::CredentialSource>(dynamodb::system_credential_world())) {}

RegionData::~RegionData() {
  stop();
}

void RegionData::stop() {
  *alive_ = false;
  cancelled_ = true;
  monitor_.reset();
  fencers_.clear();
  for (Drainer& drainer : drainers_) {
    drainer.thread.join();
  }
  drainers_.clear();
}

// ---- from the config ----

void RegionData::apply(const config::Config& config) {
  endpoints_.clear();
  for (const Region& region : config.regions) {
    if (!region.dynamodb_region.empty()) {
      endpoints_.emplace(
          region.id, dynamodb::resolve_endpoint(region.dynamodb_endpoint, region.dynamodb_region));
    }
  }
  barrier_lanes_ = std::max(1, config.replication.lanes);
  apply_fencers(config);
  apply_monitor(config);
}

lag::Connect RegionData::connector() const {
  return [endpoints = endpoints_, credentials = credentials_](const RegionId& region) {
    return dynamodb::Client(endpoints.at(region), credentials);
  };
}

void RegionData::apply_fencers(const config::Config& config) {
  std::set<RegionId> wanted;
  for (const Application& application : config.applications) {
    for (const ApplicationRegion& region : application.regions) {
      if (application.failover.fencing.mode != FencingMode::kNone &&
          endpoints_.contains(region.region)) {
        wanted.insert(region.region);
      }
    }
  }
  std::erase_if(fencers_, [&](const auto& entry) {
    const auto endpoint = endpoints_.find(entry.first);
    return !wanted.contains(entry.first) || endpoint->second.url != entry.second.endpoint.url ||
           endpoint->second.region != entry.second.endpoint.region;
  });
  for (const RegionId& region : wanted) {
    if (!fencers_.contains(region)) {
      fencers_.emplace(
          region, RegionFencer{endpoints_.at(region),
                               std::make_unique<fence::Fencer>(
                                   [connect = connector(), region] { return connect(region); })});
    }
  }
}

void RegionData::apply_monitor(const config::Config& config) {
  Watched watched{{}, config.replication, {}};
  std::map<std::string, std::set<RegionId>> tables;
  for (const Application& application : config.applications) {
    for (const std::string& table : application.tables) {
      for (const ApplicationRegion& region : application.regions) {
        if (const auto endpoint = endpoints_.find(region.region); endpoint != endpoints_.end()) {
          tables[table].insert(region.region);
          watched.urls[region.region] = endpoint->second.url + " " + endpoint->second.region;
        }
      }
    }
  }
  for (const auto& [table, regions] : tables) {
    if (regions.size() > 1 && config.replication.lanes > 0) {
      watched.tables.push_back({table, {regions.begin(), regions.end()}});
    }
  }
  if (watched == watched_) {
    return;
  }
  watched_ = watched;
  monitor_.reset();
  if (!watched.tables.empty()) {
    monitor_ = std::make_unique<lag::Monitor>(
        lag::MonitorOptions{watched.tables, config.replication.heartbeat, config.replication.lanes,
                            config.replication.stall_after},
        connector());
  }
}

// ---- what the control loop asks ----

std::vector<lag::TableLink> RegionData::links() {
  return monitor_ ? monitor_->snapshot() : std::vector<lag::TableLink>{};
}

void RegionData::raise_fence(const failover::RaiseFence& effect,
                             std::function<void(FenceOutcome)> done) {
  const auto answer = [post = post_, alive = alive_, done = std::move(done)](FenceOutcome outcome) {
    post([alive, done, outcome = std::move(outcome)] {
      if (*alive) {
        done(outcome);
      }
    });
  };
  const auto found = fencers_.find(effect.region);
  if (found == fencers_.end()) {
    answer({fail(ErrorCode::kNotFound,
                 fmt::format("the config names no DynamoDB region for {}", effect.region)),
            0,
            {}});
    return;
  }
  fence::Fencer& fencer = *found->second.fencer;
  fencer.raise({effect.application, effect.epoch, effect.open, effect.deadline},
               [answer, &fencer, application = effect.application](fence::RaiseOutcome outcome) {
                 answer({std::move(outcome.status), outcome.found, fencer.last_grant(application)});
               });
}

void RegionData::renew_lease(const ApplicationId& application, std::optional<Assignment> holder,
                             Duration renew) {
  if (const auto before = lease_regions_.find(application); before != lease_regions_.end()) {
    if (const auto fencer = fencers_.find(before->second); fencer != fencers_.end()) {
      fencer->second.fencer->clear_lease(application);
    }
    lease_regions_.erase(before);
  }
  if (!holder) {
    return;
  }
  if (const auto fencer = fencers_.find(holder->region); fencer != fencers_.end()) {
    fencer->second.fencer->set_lease(application, holder->epoch, renew);
    lease_regions_.emplace(application, holder->region);
  }
}

void RegionData::drain(const failover::Drain& effect, const std::vector<std::string>& tables,
                       std::function<void(DrainOutcome)> done) {
  reap_drainers();
  const auto answer = [post = post_, alive = alive_, done = std::move(done)](DrainOutcome outcome) {
    post([alive, done, outcome = std::move(outcome)]() mutable {
      if (*alive) {
        done(std::move(outcome));
      }
    });
  };
  if (!endpoints_.contains(effect.from) || !endpoints_.contains(effect.to)) {
    answer({false, "a region of the move names no DynamoDB region"});
    return;
  }
  auto finished = std::make_shared<std::atomic<bool>>(false);
  drainers_.push_back({std::thread([this, answer, finished, connect = connector(),
                                    request = lag::DrainRequest{tables, effect.from, effect.to,
                                                                barrier_lanes_, effect.deadline}] {
                         lag::DrainResult result = lag::drain(request, connect, cancelled_);
                         answer({result.proven, std::move(result.detail)});
                         *finished = true;
                       }),
                       finished});
}

void RegionData::reap_drainers() {
  std::erase_if(drainers_, [](Drainer& drainer) {
    if (!*drainer.finished) {
      return false;
    }
    drainer.thread.join();
    return true;
  });
}

std::vector<ReplicationLink> worst_links(const std::vector<lag::TableLink>& links,
                                         const std::vector<std::string>& tables) {
  std::map<std::pair<RegionId, RegionId>, ReplicationLink> worst;
  for (const auto& [table, link] : links) {
    if (std::ranges::find(tables, table) == tables.end()) {
      continue;
    }
    const auto [known, added] = worst.try_emplace({link.from, link.to}, link);
    if (added) {
      continue;
    }
    ReplicationLink& all = known->second;
    all.newest_visible = all.newest_visible && link.newest_visible
                             ? std::optional(std::min(*all.newest_visible, *link.newest_visible))
                             : std::nullopt;
    all.lag = std::max(all.lag, link.lag);
    all.p50 = std::max(all.p50, link.p50);
    all.p99 = std::max(all.p99, link.p99);
    all.max = std::max(all.max, link.max);
    all.stalled = all.stalled || link.stalled;
    if (all.detail.empty() && !link.detail.empty()) {
      all.detail = fmt::format("{}: {}", table, link.detail);
    }
  }
  std::vector<ReplicationLink> result;
  for (auto& [direction, link] : worst) {
    result.push_back(std::move(link));
  }
  return result;
}

}  // namespace leeward::node
