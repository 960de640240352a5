// SPDX-License-Identifier: Apache-2.0
//
// The conflict ledger of a table that replicates by itself, such as Amazon's global tables: reads
// the streams of all its regions, joins them (replica/stream_join.h), and writes what was lost into
// the loser's region. The table itself is never written.
//
// It starts with what the streams remember, which tells what stood where but not who was first, and
// reports what happens from then on. While it does not run nothing is found.
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
#include <string>
#include <thread>
#include <vector>

#include <boost/json/object.hpp>

#include "dynamodb/client.h"
#include "dynamodb/streams.h"
#include "replica/stream_join.h"
#include "replication/ledger.h"

namespace leeward::replication {

struct ObservedRegionEndpoint {
  RegionId id;
  dynamodb::Endpoint endpoint;
};

struct ObserverOptions {
  std::string table;
  std::vector<ObservedRegionEndpoint> regions;  // at least two
  std::shared_ptr<dynamodb::CredentialSource> credentials;
  std::string state_directory;  // where ledger entries wait that a store does not take
  replica::JoinOptions join;
  std::function<void(std::string_view event, std::string_view region, std::string_view detail)>
      on_event;
};

class Observer {
 public:
  explicit Observer(ObserverOptions options);
  ~Observer();
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  void run();  // until stop(), within about two seconds of it
  void stop() { stopping_ = true; }
  // {"table", "losses", "records", "live", "regions": [{"region", "up", "live", "last_error"}]}
  [[nodiscard]] boost::json::object status() const;

 private:
  struct Region {
    ObservedRegionEndpoint place;
    std::unique_ptr<Ledger> ledger;
    bool live = false;  // what the stream remembered is read
    bool up = false;
    std::string last_error;
  };
  struct Reading {  // of one shard
    dynamodb::ShardPosition position;
    std::string iterator;
    bool ended = false;  // nothing more for now
  };

  void follow(Region& region);
  bool read_stream(Region& region, dynamodb::Client& client, dynamodb::Client& streams);
  bool read_shard(Region& region, dynamodb::Client& streams, const std::string& arn,
                  const std::string& shard, Reading& reading);
  void note(Region& region, const std::string& error);
  void write(const replica::JoinLoss& loss);
  void pause(Duration duration) const;

  ObserverOptions options_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;  // guards what follows
  replica::StreamJoin join_;
  std::vector<std::unique_ptr<Region>> regions_;
  std::uint64_t records_ = 0;
  std::uint64_t losses_ = 0;
};

}  // namespace leeward::replication
