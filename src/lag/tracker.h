// SPDX-License-Identifier: Apache-2.0
//
// What heartbeats tell of one direction of one table: when each was written, when it was seen at
// the other side, and from that the lag and the newest write that is known to have arrived. No I/O.
//
// Partitions replicate independently, so heartbeats are spread over lanes (partition keys), and
// what is known to have arrived is what the slowest lane shows. With k lanes over evenly loaded
// partitions, trouble in a share f of them stays unseen with probability (1-f)^k.
//
// Thread-safety: none.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/replication.h"

namespace leeward::lag {

class Tracker {
 public:
  Tracker(int lanes, Duration stall_after, MonoTime start);

  // Sequences grow within a lane.
  void written(int lane, std::uint64_t sequence, MonoTime at);
  // The newest sequence that the destination shows in the lane. Ones that were not written by this
  // process are ignored.
  void seen(int lane, std::uint64_t sequence, MonoTime at);
  // Why the source cannot be written, or the destination not read; "" when it can.
  void write_trouble(std::string what) { write_trouble_ = std::move(what); }
  void read_trouble(std::string what) { read_trouble_ = std::move(what); }

  [[nodiscard]] bool waiting(int lane) const;  // a heartbeat is on its way
  // Without regions, which the caller knows.
  [[nodiscard]] ReplicationLink link(MonoTime now);

 private:
  struct Beat {
    std::uint64_t sequence = 0;
    MonoTime at;
  };
  struct Lane {
    std::deque<Beat> unseen;
    std::optional<MonoTime> visible;  // when the newest one that was seen had been written
  };
  struct Sample {
    MonoTime at;
    Duration lag{};
  };

  std::vector<Lane> lanes_;
  Duration stall_after_;
  MonoTime start_;
  std::deque<Sample> samples_;
  Duration last_{};
  std::string write_trouble_;
  std::string read_trouble_;
};

}  // namespace leeward::lag
