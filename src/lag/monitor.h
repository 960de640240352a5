// SPDX-License-Identifier: Apache-2.0
//
// Measures replication between regions with heartbeats: one thread per region writes them into its
// tables, one per direction looks for them at the other side. All times are of this process's
// monotonic clock, so clocks that disagree do not matter.
//
// Thread-safety: all members may be called from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dynamodb/client.h"
#include "lag/probe_items.h"
#include "lag/tracker.h"
#include "model/ids.h"
#include "model/replication.h"

namespace leeward::lag {

struct WatchedTable {
  std::string name;
  std::vector<RegionId> regions;  // at least two

  friend bool operator==(const WatchedTable&, const WatchedTable&) = default;
};

// A connection of the calling thread's own to a region's endpoint.
using Connect = std::function<dynamodb::Client(const RegionId&)>;

struct MonitorOptions {
  std::vector<WatchedTable> tables;
  Duration heartbeat = std::chrono::seconds(1);  // each lane is written once in this time
  int lanes = 8;
  Duration stall_after = std::chrono::seconds(10);
};

struct TableLink {
  std::string table;
  ReplicationLink link;
};

class Monitor {
 public:
  // Threads start at once.
  Monitor(MonitorOptions options, Connect connect);
  ~Monitor();  // within about a second
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  [[nodiscard]] std::vector<TableLink> snapshot();

 private:
  struct Direction {  // of one table
    std::size_t table = 0;
    RegionId from;
    RegionId to;
    Tracker tracker;
    std::vector<MonoTime> next_look;  // per lane
    std::vector<Duration> pause;      // doubles while nothing arrives
  };

  void write_loop(const RegionId& region);
  void write_lane(dynamodb::Client& client, std::size_t table, const RegionId& region, int lane);
  void look_loop(const RegionId& from, const RegionId& to);
  // Both under mutex_.
  void note_trouble(const RegionId& region, std::size_t table, const std::string& what);
  bool wait_until(std::unique_lock<std::mutex>& lock, MonoTime at);
  // The schema of a table as `region` describes it; kept once known.
  const std::vector<KeyAttribute>* schema(dynamodb::Client& client, std::size_t table,
                                          const RegionId& region);

  MonitorOptions options_;
  Connect connect_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::vector<std::unique_ptr<Direction>> directions_;
  std::map<std::pair<std::size_t, RegionId>, std::vector<KeyAttribute>> schemas_;
  std::vector<std::thread> threads_;
};

}  // namespace leeward::lag
