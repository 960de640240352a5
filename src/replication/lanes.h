// SPDX-License-Identifier: Apache-2.0
//
// The threads that put versions into this region's store. A key's versions, from whichever source,
// always take the same lane and leave it in order; different keys overtake each other. Each lane
// has its own connection.
//
// A lane asks again, with backoff, until the store took a version or refused it for good. What it
// finds lost goes to the ledger. Queues are bounded in versions and bytes: push() waits.
//
// Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "dynamodb/client.h"
#include "replica/conflict.h"
#include "replica/page.h"
#include "replication/flow.h"
#include "replication/ledger.h"
#include "replication/put.h"

namespace leeward::replication {

struct LaneOptions {
  RegionId here;
  std::size_t regions = 2;  // in all, this one included
  dynamodb::Endpoint endpoint;
  std::shared_ptr<dynamodb::CredentialSource> credentials;
  std::string state_directory;
  int lanes = 8;
  std::uint64_t seed = 0;
  std::size_t versions_max = 256;                // waiting, per lane
  std::size_t bytes_max = std::size_t{8} << 20;  // likewise; one version always fits
  std::function<void(const Flow&, std::string_view event, std::string_view detail)> on_event;
};

struct Task {
  std::shared_ptr<Flow> flow;
  Flow::Ticket ticket;
  replica::Version version;  // its item is in `item_text` instead
  std::string item_text;
  bool fresh = false;
  bool scanned = false;
  bool heartbeat = false;                          // makes no ledger entries
  std::optional<replica::Displacement> displaced;  // instead of a version; never done()
};

// Which of `lanes` lanes a key takes.
[[nodiscard]] std::size_t lane_of(std::string_view table, std::string_view key, std::size_t lanes);

class Lanes {
 public:
  Lanes(LaneOptions options, Ledger& ledger);
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // False: stopping, or the task's generation is over.
  bool push(Task task);
  void stop();
  [[nodiscard]] std::size_t queued() const;

 private:
  class Lane;
  LaneOptions options_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

// Appends to the direction's dead-letter file and counts. False: the disk does not take it.
bool keep_dead_letter(
    Flow& flow, const std::string& state_directory, std::string_view item_text,
    std::string_view why,
    const std::function<void(const Flow&, std::string_view, std::string_view)>& on_event);

}  // namespace leeward::replication
