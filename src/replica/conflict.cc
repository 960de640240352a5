// SPDX-License-Identifier: Apache-2.0
#include "replica/conflict.h"

#include <algorithm>

#include "replica/stamp.h"

namespace leeward::replica {
namespace {

constexpr int kWalkMax = 256;

std::string link_key(std::string_view key, std::string_view version) {
  std::string text;
  text.reserve(key.size() + 1 + version.size());
  text.append(key).append(1, '\n').append(version);
  return text;
}

bool in_chain(const Arrival& arrival, std::string_view version) {
  return arrival.base == version ||
         (arrival.chain != nullptr &&
          std::ranges::find(*arrival.chain, version) != arrival.chain->end());
}

}  // namespace

std::string_view to_string(Evidence evidence) {
  switch (evidence) {
    case Evidence::kOverwritten:
      return "overwritten";
    case Evidence::kRejected:
      return "rejected";
    case Evidence::kScan:
      return "scan";
  }
  return "overwritten";
}

ConflictTracker::ConflictTracker(RegionId here, std::size_t regions, ConflictLimits limits)
    : here_(std::move(here)), mesh_(regions > 2), limits_(limits) {}

Verdict ConflictTracker::took(const Arrival& arrival, std::string_view displaced, MonoTime now) {
  arrived(arrival);
  if (displaced.empty() || displaced == arrival.stamp ||
      region_of_stamp(displaced) != here_.str()) {
    return {};
  }
  if (arrival.scanned) {
    return {Verdict::Kind::kLost, Evidence::kScan, false};
  }
  if (in_chain(arrival, displaced)) {
    return {};
  }
  // Unstamped versions share one stamp, so what was written on what cannot be told for sure.
  const bool certain = !is_zero_stamp(displaced) && !is_zero_stamp(arrival.stamp);
  if (arrival.base < displaced) {
    return {Verdict::Kind::kLost, Evidence::kOverwritten, certain};
  }
  switch (walk(arrival.key, arrival.base, displaced)) {
    case Walk::kAncestor:
      return {};
    case Walk::kNot:
      return {Verdict::Kind::kLost, Evidence::kOverwritten, certain};
    case Walk::kUnknown:
      break;
  }
  wait({std::string(arrival.key), std::string(displaced)},
       {Evidence::kOverwritten, std::string(arrival.base), now + limits_.wait, arrival.bytes});
  return {Verdict::Kind::kWait, Evidence::kOverwritten, false};
}

Verdict ConflictTracker::refused(const Arrival& arrival, std::string_view standing, MonoTime now) {
  arrived(arrival);
  if (!arrival.fresh || arrival.scanned || is_zero_stamp(arrival.stamp) ||
      standing == arrival.stamp || region_of_stamp(standing) != here_.str()) {
    return {};
  }
  if (mesh_ && bases_.contains(link_key(arrival.key, arrival.stamp))) {
    return {};  // a third region wrote on it; what stands here may well be on top of that
  }
  wait({std::string(arrival.key), std::string(arrival.stamp)},
       {Evidence::kRejected, {}, now + limits_.wait, arrival.bytes});
  return {Verdict::Kind::kWait, Evidence::kRejected, true};
}

void ConflictTracker::displaced_at_home(std::string_view key, std::string_view loser,
                                        std::string_view winner) {
  if (winner.empty()) {
    built_upon(key, loser);
    return;
  }
  if (mesh_ && region_of_stamp(winner) != here_.str()) {
    return;  // a third region's version, which may have been written on the loser
  }
  const Id id{std::string(key), std::string(loser)};
  remembered_.erase(id);
  if (const auto place = waiting_.find(id);
      place != waiting_.end() && place->second.evidence == Evidence::kRejected) {
    settled_.push_back({Settled::Kind::kLost, id.first, id.second, true});
    remove_waiting(place);
  }
}

// Everything that it was written on was seen and written over by somebody: not lost. (A third
// region may have written on a version that its home lost nevertheless; the home itself tells.)
void ConflictTracker::arrived(const Arrival& arrival) {
  if (arrival.scanned) {
    return;
  }
  std::string_view below = arrival.base;
  if (!below.empty()) {
    built_upon(arrival.key, below);
  }
  const std::string_view region = region_of_stamp(arrival.stamp);
  if (mesh_ && !below.empty() && region_of_stamp(below) != region) {
    std::string built = link_key(arrival.key, below);
    if (bases_.try_emplace(built, 1).second) {
      bases_order_.push_back(std::move(built));
      if (bases_order_.size() > limits_.links_max) {
        bases_.erase(bases_order_.front());
        bases_order_.pop_front();
      }
    }
  }
  if (arrival.chain != nullptr) {
    for (const std::string& version : *arrival.chain) {
      add_link(arrival.key, version, below);
      built_upon(arrival.key, version);
      below = version;
    }
  }
  add_link(arrival.key, arrival.stamp, below);
  if (mesh_) {
    rewalk(arrival.key);
  }
}

void ConflictTracker::built_upon(std::string_view key, std::string_view version) {
  if (waiting_.empty() && remembered_.empty()) {
    return;
  }
  const Id id{std::string(key), std::string(version)};
  if (const auto place = waiting_.find(id);
      place != waiting_.end() && place->second.evidence == Evidence::kRejected) {
    settled_.push_back({Settled::Kind::kNotLost, id.first, id.second, true});
    remove_waiting(place);
  }
  if (const auto place = remembered_.find(id);
      place != remembered_.end() && place->second.evidence == Evidence::kRejected) {
    settled_.push_back({Settled::Kind::kTakeBack, id.first, id.second, true});
    remembered_.erase(place);
  }
}

void ConflictTracker::add_link(std::string_view key, std::string_view version,
                               std::string_view base) {
  if (!mesh_) {
    return;
  }
  std::string link = link_key(key, version);
  if (links_.try_emplace(link, base).second) {
    links_order_.push_back(std::move(link));
    if (links_order_.size() > limits_.links_max) {
      links_.erase(links_order_.front());
      links_order_.pop_front();
    }
  }
}

ConflictTracker::Walk ConflictTracker::walk(std::string_view key, std::string_view from,
                                            std::string_view to) const {
  for (int steps = 0; steps < kWalkMax; ++steps) {
    if (from == to) {
      return Walk::kAncestor;
    }
    if (from < to) {  // also where it is empty: stamps fall along the way
      return Walk::kNot;
    }
    const auto link = links_.find(link_key(key, from));
    if (link == links_.end()) {
      return Walk::kUnknown;
    }
    from = link->second;
  }
  return Walk::kUnknown;
}

void ConflictTracker::rewalk(std::string_view key) {
  const Id first{std::string(key), ""};
  for (auto place = waiting_.lower_bound(first);
       place != waiting_.end() && place->first.first == key;) {
    const auto here = place++;
    if (here->second.evidence != Evidence::kOverwritten) {
      continue;
    }
    const Walk found = walk(key, here->second.from, here->first.second);
    if (found != Walk::kUnknown) {
      settled_.push_back({found == Walk::kNot ? Settled::Kind::kLost : Settled::Kind::kNotLost,
                          here->first.first, here->first.second, true});
      remove_waiting(here);
    }
  }
  for (auto place = remembered_.lower_bound(first);
       place != remembered_.end() && place->first.first == key;) {
    const auto here = place++;
    if (here->second.evidence == Evidence::kOverwritten &&
        walk(key, here->second.from, here->first.second) == Walk::kAncestor) {
      settled_.push_back({Settled::Kind::kTakeBack, here->first.first, here->first.second, true});
      remembered_.erase(here);
    }
  }
}

void ConflictTracker::wait(Id id, Waiting waiting) {
  order_.emplace_back(waiting.until, id);
  waiting_bytes_ += waiting.bytes;
  const auto [place, is_new] = waiting_.try_emplace(std::move(id), std::move(waiting));
  if (!is_new) {
    waiting_bytes_ -= waiting.bytes;
  }
  while (!order_.empty() &&
         (waiting_.size() > limits_.waiting_max || waiting_bytes_ > limits_.waiting_bytes_max)) {
    if (const auto oldest = waiting_.find(order_.front().second); oldest != waiting_.end()) {
      give_up(oldest);
    }
    order_.pop_front();
  }
}

void ConflictTracker::remove_waiting(std::map<Id, Waiting>::iterator place) {
  waiting_bytes_ -= place->second.bytes;
  waiting_.erase(place);
}

// Nobody said more in time.
void ConflictTracker::give_up(std::map<Id, Waiting>::iterator place) {
  const bool certain = place->second.evidence == Evidence::kRejected && !mesh_;
  settled_.push_back({Settled::Kind::kLost, place->first.first, place->first.second, certain});
  remembered_order_.push_back(place->first);
  remembered_.insert_or_assign(place->first, place->second);
  if (remembered_order_.size() > limits_.remembered_max) {
    remembered_.erase(remembered_order_.front());
    remembered_order_.pop_front();
  }
  remove_waiting(place);
}

std::vector<Settled> ConflictTracker::settle(MonoTime now) {
  while (!order_.empty() && order_.front().first <= now) {
    const auto place = waiting_.find(order_.front().second);
    if (place != waiting_.end() && place->second.until <= now) {
      give_up(place);
    }
    order_.pop_front();
  }
  return std::exchange(settled_, {});
}

std::optional<MonoTime> ConflictTracker::deadline() const {
  if (!settled_.empty()) {
    return MonoTime{};
  }
  return order_.empty() ? std::nullopt : std::optional(order_.front().first);
}

}  // namespace leeward::replica
