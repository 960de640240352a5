// SPDX-License-Identifier: Apache-2.0
#include "sim/region.h"

#include <algorithm>

namespace leeward::sim {
namespace {

// How long a write takes to be visible in another region while replication flows.
constexpr Duration kLag = std::chrono::milliseconds(50);
// How often a service reads its fence, and writes.
constexpr Duration kWatch = std::chrono::milliseconds(500);

}  // namespace

Regions::Regions(Ground& ground, Checks& checks) : ground_(ground), checks_(checks) {
  const Scenario& scenario = ground.scenario;
  regions_.resize(scenario.regions.size());
  links_.resize(regions_.size() * regions_.size());
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    regions_[i].clock = LocalClock(std::chrono::hours(200 * (i + 1)));
    // Half of what the fences allow for between two clocks.
    regions_[i].clock.set_drift(MonoTime(), static_cast<double>(ground.rng.below(600)) - 300);
  }
  for (const failover::Policy& policy : scenario.applications) {
    std::vector<std::size_t> indices;
    for (const RegionId& region : policy.regions) {
      indices.push_back(static_cast<std::size_t>(std::ranges::find(scenario.regions, region) -
                                                 scenario.regions.begin()));
    }
    writers_.emplace_back(indices.size());
    indices_.push_back(std::move(indices));
  }
}

void Regions::start() {
  for (std::size_t i = 0; i < writers_.size(); ++i) {
    if (ground_.scenario.applications[i].failover.fencing.mode == FencingMode::kNone ||
        ground_.scenario.applications[i].mode == ApplicationMode::kActiveActive) {
      continue;
    }
    for (std::size_t place = 0; place < writers_[i].size(); ++place) {
      ground_.queue.after(Duration(static_cast<Duration::rep>(
                              ground_.rng.below(static_cast<std::uint64_t>(kWatch.count())))),
                          [this, i, place] { tick(i, place); });
    }
  }
}

// ---- faults ----

void Regions::set_running(std::size_t region, bool running) {
  regions_[region].running = running;
  regions_[region].changed = ground_.now();
  if (!running) {
    forget_writers(region);
    regions_[region].frozen = false;
  }
}

void Regions::set_present(std::size_t region, bool present) {
  regions_[region].present = present;
  regions_[region].changed = ground_.now();
  if (!present) {
    forget_writers(region);  // their machines are gone, too
    regions_[region].frozen = false;
  }
}

void Regions::set_frozen(std::size_t region, bool frozen) {
  Region& there = regions_[region];
  if (there.frozen == frozen || !there.running || !there.present) {
    return;
  }
  there.frozen = frozen;
  there.changed = ground_.now();
  const MonoTime now = there.clock.mono(ground_.now());
  for (std::size_t i = 0; i < writers_.size(); ++i) {
    for (std::size_t place = 0; place < writers_[i].size(); ++place) {
      Writer& writer = writers_[i][place];
      if (index(i, place) != region) {
        continue;
      }
      if (frozen && now < writer.lease_until) {
        writer.interrupted = now;  // it has asked, and not written yet
      } else if (!frozen && writer.interrupted) {
        ground_.marks.hit(Mark::kWriteAfterFreeze);
        write(i, place, writer.epoch, now - *writer.interrupted);
        writer.interrupted.reset();
      }
    }
  }
}

void Regions::set_slow(std::size_t region, Duration by) {
  regions_[region].slow = by;
  regions_[region].changed = ground_.now();
}

void Regions::set_gray(std::size_t region, double share) {
  regions_[region].gray = share;
  regions_[region].changed = ground_.now();
}

void Regions::set_stalled(std::size_t from, std::size_t to, bool stalled) {
  link(from, to).stalled = stalled;
}

void Regions::look_at_links() {
  for (std::size_t from = 0; from < regions_.size(); ++from) {
    for (std::size_t to = 0; to < regions_.size(); ++to) {
      Link& each = link(from, to);
      const bool flows = !each.stalled && regions_[from].present && regions_[to].present &&
                         !ground_.network.is_cut(from, to) && !ground_.network.is_cut(to, from);
      if (each.flows && !flows) {
        each.stopped = ground_.now();
      }
      each.flows = flows;
    }
  }
}

void Regions::forget_writers(std::size_t region) {
  for (std::size_t i = 0; i < writers_.size(); ++i) {
    for (std::size_t place = 0; place < writers_[i].size(); ++place) {
      if (index(i, place) == region) {
        Writer& writer = writers_[i][place];
        writer = Writer{writer.fence, {}, {}, 0, {}, {}};
        checks_.permitted(i, place, 0, MonoTime());
      }
    }
  }
}

// ---- what others see ----

std::optional<ProbeOutcome> Regions::answer(std::size_t region, Duration& took) {
  const Region& there = regions_[region];
  took = there.slow + Duration(std::chrono::microseconds(500));
  if (!there.present || there.frozen) {
    return std::nullopt;
  }
  if (!there.running) {
    took = Duration(0);
    return ProbeOutcome::kRefused;
  }
  if (there.gray > 0 && ground_.rng.unit() < there.gray) {
    return ProbeOutcome::kBadStatus;
  }
  return ProbeOutcome::kSuccess;
}

bool Regions::well(std::size_t region) const {
  const Region& there = regions_[region];
  return there.present && there.running && !there.frozen && there.gray == 0 &&
         there.slow == Duration(0);
}

Duration Regions::staleness(std::size_t from, std::size_t to) const {
  const Link& each = links_[from * regions_.size() + to];
  return each.flows ? kLag : ground_.now() - each.stopped + kLag;
}

bool Regions::raise(std::size_t application, std::size_t place, Epoch epoch, bool open,
                    Epoch& found) {
  FenceItem& fence = writers_[application][place].fence;
  found = fence.epoch;
  // An epoch that was closed is spent: it opens no more.
  if (epoch < fence.epoch || (epoch == fence.epoch && open && !fence.open)) {
    return false;
  }
  fence.epoch = epoch;
  fence.open = open;
  checks_.fenced(application, place, epoch, open);
  return true;
}

void Regions::renew(std::size_t application, std::size_t place, Epoch epoch, WallTime granted_at) {
  FenceItem& fence = writers_[application][place].fence;
  if (fence.epoch == epoch && fence.open) {
    ++fence.grant;
    fence.granted_at = granted_at;
  }
}

// ---- writers ----

void Regions::tick(std::size_t application, std::size_t place) {
  Region& there = regions_[index(application, place)];
  ground_.queue.after(kWatch, [this, application, place] { tick(application, place); });
  if (!there.running || !there.present || there.frozen) {
    return;
  }
  Writer& writer = writers_[application][place];
  poll(application, place, writer, there.clock);
  if (writer.epoch == 0) {
    return;
  }
  if (there.clock.mono(ground_.now()) < writer.lease_until) {
    write(application, place, writer.epoch, Duration(0));
  } else {
    ground_.marks.hit(Mark::kWriteRefusedByLease);
  }
}

void Regions::poll(std::size_t application, std::size_t place, Writer& writer,
                   const LocalClock& clock) {
  const FencingPolicy& policy = ground_.scenario.applications[application].failover.fencing;
  const MonoTime now = clock.mono(ground_.now());
  const FenceItem& item = writer.fence;
  if (!item.open || item.epoch != writer.epoch) {
    if (writer.lease_until > now) {
      checks_.permitted(application, place, writer.epoch, ground_.now());
    }
    writer.lease_until = now;  // what it knew is history
    writer.epoch = item.open ? item.epoch : writer.epoch;
  }
  if (item.open && writer.grant && item.grant != *writer.grant) {
    const Duration left = item.granted_at + policy.lease - clock.wall(ground_.now());
    writer.lease_until = std::min(writer.read + policy.lease, now + left);
    checks_.permitted(application, place, writer.epoch, clock.truth_of(writer.lease_until));
  }
  writer.grant = item.grant;
  writer.read = now;
}

void Regions::write(std::size_t application, std::size_t place, Epoch epoch, Duration held) {
  const Writer& writer = writers_[application][place];
  const FencingPolicy& policy = ground_.scenario.applications[application].failover.fencing;
  if (policy.mode == FencingMode::kTransaction &&
      (writer.fence.epoch != epoch || !writer.fence.open)) {
    ground_.marks.hit(Mark::kWriteRefusedByFence);
    return;
  }
  checks_.wrote(application, place, epoch, held > policy.request_max);
}

}  // namespace leeward::sim
