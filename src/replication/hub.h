// SPDX-License-Identifier: Apache-2.0
//
// Everything that carries writes into one region: per (table, other region) a reader, the lanes
// that they share, the conflict ledger, the reaper of tombstones. Tables are those given, and those
// that the registry `leeward-global-tables` of the region's own store names for it, read every
// second: they come and go without a restart.
//
// Thread-safety: run() blocks and belongs to one thread; stop() and status() may be called from
// any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/json/value.hpp>

#include "base/rng.h"
#include "replication/lanes.h"
#include "replication/ledger.h"
#include "replication/replicator.h"

namespace leeward::replication {

struct Source {
  RegionId region;
  dynamodb::Endpoint endpoint;  // of its store, or of a gateway
};

struct HubOptions {
  RegionId here;
  dynamodb::Endpoint endpoint;  // of this region's own store
  std::vector<Source> sources;
  std::size_t regions = 2;          // of the whole mesh, also those that are not among `sources`
  std::vector<std::string> tables;  // besides the registry's
  std::shared_ptr<dynamodb::CredentialSource> credentials;
  std::string state_directory;
  int lanes = 8;
  Duration tombstone_retention = std::chrono::days(7);  // zero: tombstones stay
  std::uint64_t seed = 0;
  std::function<void(std::string_view table, const RegionId& from, std::string_view event,
                     std::string_view detail)>
      on_event;
};

class Hub {
 public:
  explicit Hub(HubOptions options);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  void run();
  void stop();
  // Appends an object per direction.
  void status(boost::json::array& directions) const;

 private:
  struct Direction {
    std::shared_ptr<Flow> flow;
    std::unique_ptr<Replicator> replicator;
    std::thread thread;
  };
  using Wanted = std::set<std::pair<std::string, std::size_t>>;  // table, place in sources

  Wanted wanted();
  void add_registered(Wanted& tables);
  void adjust(const Wanted& tables);
  void start(const std::string& table, const Source& source);
  static void finish(Direction& direction);
  void reap_loop();
  [[nodiscard]] bool may_reap(const std::string& table) const;
  [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  void pause(Duration duration) const;

  HubOptions options_;
  Rng rng_;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Lanes> lanes_;
  dynamodb::Client registry_;
  Wanted registered_;         // as last read
  mutable std::mutex mutex_;  // guards directions_ and reaped_
  std::map<std::pair<std::string, std::string>, Direction> directions_;  // table, source
  std::map<std::string, std::uint64_t> reaped_;
  std::thread reaper_;
};

}  // namespace leeward::replication
