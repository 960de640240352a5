// SPDX-License-Identifier: Apache-2.0
#include "lag/tracker.h"

#include <algorithm>

#include <fmt/format.h>

namespace leeward::lag {
namespace {

constexpr Duration kWindow = std::chrono::seconds(60);
constexpr std::size_t kSamplesMax = 8192;
constexpr std::size_t kUnseenMax = 1024;  // per lane

}  // namespace

Tracker::Tracker(int lanes, Duration stall_after, MonoTime start)
    : lanes_(static_cast<std::size_t>(lanes)), stall_after_(stall_after), start_(start) {}

void Tracker::written(int lane, std::uint64_t sequence, MonoTime at) {
  Lane& here = lanes_.at(static_cast<std::size_t>(lane));
  here.unseen.push_back({sequence, at});
  if (here.unseen.size() > kUnseenMax) {
    here.unseen.erase(here.unseen.begin() + 1);  // the oldest says how long nothing came
  }
}

void Tracker::seen(int lane, std::uint64_t sequence, MonoTime at) {
  Lane& here = lanes_.at(static_cast<std::size_t>(lane));
  while (!here.unseen.empty() && here.unseen.front().sequence <= sequence) {
    const Beat beat = here.unseen.front();
    here.unseen.pop_front();
    here.visible = beat.at;
    if (beat.sequence == sequence) {  // of those it overtook, the arrival was not seen
      last_ = std::max(Duration(0), at - beat.at);
      samples_.push_back({at, last_});
      if (samples_.size() > kSamplesMax) {
        samples_.pop_front();
      }
    }
  }
}

bool Tracker::waiting(int lane) const {
  return !lanes_.at(static_cast<std::size_t>(lane)).unseen.empty();
}

ReplicationLink Tracker::link(MonoTime now) {
  while (!samples_.empty() && now - samples_.front().at > kWindow) {
    samples_.pop_front();
  }
  ReplicationLink link;
  link.lag = last_;
  if (!samples_.empty()) {
    std::vector<Duration> lags;
    lags.reserve(samples_.size());
    for (const Sample& sample : samples_) {
      lags.push_back(sample.lag);
    }
    std::ranges::sort(lags);
    link.p50 = lags[(lags.size() - 1) / 2];
    link.p99 = lags[(lags.size() - 1) * 99 / 100];
    link.max = lags.back();
  }
  MonoTime oldest_unseen = now;
  bool all_seen = true;
  for (const Lane& lane : lanes_) {
    all_seen = all_seen && lane.visible;
    if (lane.visible) {
      link.newest_visible = std::min(link.newest_visible.value_or(*lane.visible), *lane.visible);
    }
    if (!lane.unseen.empty()) {
      oldest_unseen = std::min(oldest_unseen, lane.unseen.front().at);
    }
  }
  if (!all_seen) {
    link.newest_visible.reset();  // a lane that never showed anything hides its partition
  }
  const Duration quiet = now - std::max(start_, link.newest_visible.value_or(start_));
  link.stalled = now - oldest_unseen > stall_after_ || quiet > stall_after_;
  if (!write_trouble_.empty() || !read_trouble_.empty()) {
    link.detail = write_trouble_.empty() ? read_trouble_ : write_trouble_;
  } else if (link.stalled) {
    link.detail = fmt::format("no heartbeat arrived for {}", format_duration(stall_after_));
  }
  return link;
}

}  // namespace leeward::lag
