// SPDX-License-Identifier: Apache-2.0
//
// A region: the service with its writers, the fence table beside it, and what of the other regions'
// data has arrived there. Writers follow the C library's rules (docs/fencing.md): a lease runs from
// the start of the last read that did not show the renewal, and never beyond granted_at + lease.
//
// Thread-safety: none; one world, one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "model/health.h"
#include "sim/checks.h"
#include "sim/ground.h"

namespace leeward::sim {

struct FenceItem {
  Epoch epoch = 0;
  bool open = false;
  std::uint64_t grant = 0;
  WallTime granted_at;
};

class Regions {
 public:
  Regions(Ground& ground, Checks& checks);
  void start();

  // ---- faults ----
  void set_running(std::size_t region, bool running);
  void set_present(std::size_t region, bool present);
  void set_frozen(std::size_t region, bool frozen);
  void set_slow(std::size_t region, Duration by);
  void set_gray(std::size_t region, double share);
  void set_stalled(std::size_t from, std::size_t to, bool stalled);
  // After any fault: which replication still flows.
  void look_at_links();

  // ---- what others see ----
  // How a request ends that has reached the region; nullopt: it is not answered. `took`: how long
  // the service thinks about it.
  std::optional<ProbeOutcome> answer(std::size_t region, Duration& took);
  [[nodiscard]] bool present(std::size_t region) const { return regions_[region].present; }
  // In truth: it would answer any request well.
  [[nodiscard]] bool well(std::size_t region) const;
  // In truth: it answers nothing, or refuses.
  [[nodiscard]] bool is_dead(std::size_t region) const {
    const Region& there = regions_[region];
    return !there.present || !there.running || there.frozen;
  }
  [[nodiscard]] MonoTime changed(std::size_t region) const { return regions_[region].changed; }
  // Of the newest write there, how old what `to` has of it is.
  [[nodiscard]] Duration staleness(std::size_t from, std::size_t to) const;

  // The fence table's conditional updates. `found`: where it stands already. False: refused.
  bool raise(std::size_t application, std::size_t place, Epoch epoch, bool open, Epoch& found);
  void renew(std::size_t application, std::size_t place, Epoch epoch, WallTime granted_at);

  // From the application's index of a region to the scenario's.
  [[nodiscard]] std::size_t index(std::size_t application, std::size_t place) const {
    return indices_[application][place];
  }
  [[nodiscard]] const FenceItem& fence(std::size_t application, std::size_t place) const {
    return writers_[application][place].fence;
  }

 private:
  struct Region {
    bool running = true;
    bool present = true;
    bool frozen = false;
    Duration slow{};
    double gray = 0;
    MonoTime changed;
    LocalClock clock{Duration(0)};
  };
  struct Writer {
    FenceItem fence;                     // the item, which is in the region's store
    std::optional<std::uint64_t> grant;  // as it was read last
    MonoTime read;                       // when that read began; local
    Epoch epoch = 0;
    MonoTime lease_until;                 // local
    std::optional<MonoTime> interrupted;  // frozen in the middle of a write that began then
  };
  struct Link {
    bool stalled = false;
    bool flows = true;
    MonoTime stopped;
  };

  void tick(std::size_t application, std::size_t place);
  void poll(std::size_t application, std::size_t place, Writer& writer, const LocalClock& clock);
  void write(std::size_t application, std::size_t place, Epoch epoch, Duration held);
  void forget_writers(std::size_t region);
  [[nodiscard]] Link& link(std::size_t from, std::size_t to) {
    return links_[from * regions_.size() + to];
  }

  Ground& ground_;
  Checks& checks_;
  std::vector<Region> regions_;
  std::vector<std::vector<std::size_t>> indices_;  // by application and place
  std::vector<std::vector<Writer>> writers_;
  std::vector<Link> links_;
};

}  // namespace leeward::sim
