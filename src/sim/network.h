// SPDX-License-Identifier: Apache-2.0
//
// Who can talk to whom. A packet is lost, or arrives after a delay with some jitter, so packets
// overtake each other. Whether a path works is decided when the packet leaves.
//
// Thread-safety: none; one owner.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/rng.h"
#include "base/time.h"

namespace leeward::sim {

using Site = std::size_t;

class Network {
 public:
  Network(std::size_t sites, Duration delay, double loss_percent, Rng rng)
      : sites_(sites), rng_(rng), paths_(sites * sites, Path{false, loss_percent / 100, delay}) {
    isolated_.resize(sites);
    burst_until_.resize(sites);
    touched_.resize(sites * sites);
  }

  // The delay of one packet; nullopt: it is lost.
  std::optional<Duration> send(Site from, Site to, MonoTime now) {
    const Path& path = paths_[from * sites_ + to];
    if (from == to) {
      return Duration(std::chrono::microseconds(100 + rng_.below(400)));
    }
    const bool lost = path.loss > 0 && rng_.unit() < path.loss;
    const Duration jitter(
        static_cast<Duration::rep>(static_cast<double>(path.delay.count()) * 0.3 * rng_.unit()));
    if (lost || path.cut || isolated_[from] || isolated_[to] || now < burst_until_[from] ||
        now < burst_until_[to]) {
      return std::nullopt;
    }
    return path.delay + jitter;
  }

  [[nodiscard]] bool is_cut(Site from, Site to) const {
    return paths_[from * sites_ + to].cut || isolated_[from] || isolated_[to];
  }
  // When something was last done to the path, either way; for judging whether a verdict was right.
  [[nodiscard]] MonoTime touched(Site a, Site b) const {
    return std::max(touched_[a * sites_ + b], touched_[b * sites_ + a]);
  }
  [[nodiscard]] Duration delay(Site from, Site to) const {
    return paths_[from * sites_ + to].delay;
  }
  [[nodiscard]] double loss(Site from, Site to) const { return paths_[from * sites_ + to].loss; }

  void set_cut(Site from, Site to, bool cut, MonoTime now) {
    paths_[from * sites_ + to].cut = cut;
    touch(from, to, now);
  }
  void set_loss(Site from, Site to, double share, MonoTime now) {
    paths_[from * sites_ + to].loss = share;
    touch(from, to, now);
  }
  void add_delay(Site from, Site to, Duration base, Duration more, MonoTime now) {
    paths_[from * sites_ + to].delay = base + more;
    touch(from, to, now);
  }
  void isolate(Site site, bool isolated, MonoTime now) {
    isolated_[site] = isolated;
    touch_all(site, now);
  }
  void burst(Site site, MonoTime until) {
    burst_until_[site] = std::max(burst_until_[site], until);
    touch_all(site, until);
  }

 private:
  struct Path {
    bool cut = false;
    double loss = 0;
    Duration delay{};
  };
  void touch(Site from, Site to, MonoTime now) {
    touched_[from * sites_ + to] = std::max(touched_[from * sites_ + to], now);
  }
  void touch_all(Site site, MonoTime now) {
    for (Site other = 0; other < sites_; ++other) {
      touch(site, other, now);
      touch(other, site, now);
    }
  }

  std::size_t sites_;
  Rng rng_;
  std::vector<Path> paths_;  // from * sites + to
  std::vector<bool> isolated_;
  std::vector<MonoTime> burst_until_;
  std::vector<MonoTime> touched_;
};

}  // namespace leeward::sim
