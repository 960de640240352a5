// SPDX-License-Identifier: Apache-2.0
//
// The data half of a node: a fencer per region, the lag monitor, and drain barriers, built from the
// config and rebuilt where a reload changes it.
//
// Thread-safety: none; everything runs on the control thread, and so do the callbacks, which
// `post` brings there.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "dynamodb/client.h"
#include "fence/fencer.h"
#include "lag/monitor.h"
#include "node/data_plane.h"

namespace leeward::node {

class RegionData : public DataPlane {
 public:
  // Carries a task to the control thread; called from any thread.
  using Post = std::function<void(std::function<void()>)>;

  explicit RegionData(Post post);
  ~RegionData() override;  // stop()
  RegionData(const RegionData&) = delete;
  RegionData& operator=(const RegionData&) = delete;

  void apply(const config::Config& config);

  // Per table and direction; empty where nothing is measured.
  [[nodiscard]] std::vector<lag::TableLink> links();

  void raise_fence(const failover::RaiseFence& effect,
                   std::function<void(FenceOutcome)> done) override;
  void renew_lease(const ApplicationId& application, std::optional<Assignment> holder,
                   Duration renew) override;
  void drain(const failover::Drain& effect, const std::vector<std::string>& tables,
             std::function<void(DrainOutcome)> done) override;

  // No callback comes after it. Within about a second.
  void stop();

 private:
  struct Drainer {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> finished;
  };

  [[nodiscard]] lag::Connect connector() const;
  void apply_fencers(const config::Config& config);
  void apply_monitor(const config::Config& config);
  void reap_drainers();

  Post post_;
  std::shared_ptr<dynamodb::CredentialSource> credentials_;  // asked by the threads that call
  std::map<RegionId, dynamodb::Endpoint> endpoints_;
  struct RegionFencer {
    dynamodb::Endpoint endpoint;
    std::unique_ptr<fence::Fencer> fencer;
  };
  std::map<RegionId, RegionFencer> fencers_;
  std::map<ApplicationId, RegionId> lease_regions_;
  struct Watched {
    std::vector<lag::WatchedTable> tables;
    config::ReplicationConfig how;
    std::map<RegionId, std::string> urls;
    friend bool operator==(const Watched&, const Watched&) = default;
  };
  Watched watched_;
  std::unique_ptr<lag::Monitor> monitor_;
  int barrier_lanes_ = 8;
  std::atomic<bool> cancelled_{false};
  std::list<Drainer> drainers_;
  // Turned off by stop(), so that what is still posted does nothing.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// The links of one application: for each direction the worst of its tables.
[[nodiscard]] std::vector<ReplicationLink> worst_links(const std::vector<lag::TableLink>& links,
                                                       const std::vector<std::string>& tables);

}  // namespace leeward::node
