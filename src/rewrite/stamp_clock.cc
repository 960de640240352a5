// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "replica/stamp.h"
#include "rewrite/exchange.h"

namespace leeward::rewrite {
namespace {

constexpr std::uint32_t kCounterMax = 9999;
constexpr Duration kTokenLife = std::chrono::minutes(10);
constexpr std::size_t kTokensMax = 10'000;

}  // namespace

std::string StampClock::next(WallTime now) {
  const auto wall = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count());
  if (wall > microseconds_) {
    microseconds_ = wall;
    counter_ = 0;
  } else if (++counter_ > kCounterMax) {
    ++microseconds_;
    counter_ = 0;
  }
  return replica::format_stamp({microseconds_, counter_, region_});
}

void StampClock::saw(std::string_view stamp) {
  const auto seen = replica::parse_stamp(stamp);
  if (seen && (seen->microseconds > microseconds_ ||
               (seen->microseconds == microseconds_ && seen->counter > counter_))) {
    microseconds_ = seen->microseconds;
    counter_ = seen->counter;
  }
}

std::string StampClock::for_token(const std::string& token, WallTime now) {
  const auto known = tokens_.find(token);
  if (known != tokens_.end() && now - known->second.at < kTokenLife) {
    return known->second.stamp;
  }
  std::string stamp = next(now);
  replace_token(token, stamp, now);
  return stamp;
}

void StampClock::replace_token(const std::string& token, const std::string& stamp, WallTime now) {
  if (tokens_.insert_or_assign(token, Remembered{stamp, now}).second) {
    token_order_.push_back(token);
  }
  while (token_order_.size() > kTokensMax) {
    tokens_.erase(token_order_.front());
    token_order_.pop_front();
  }
}

}  // namespace leeward::rewrite
