// SPDX-License-Identifier: Apache-2.0
#include "plan/path.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace leeward::plan {
namespace {

constexpr Duration kRemembered = std::chrono::minutes(1);
constexpr Duration kSynTimeout = std::chrono::seconds(1);              // RFC 6298, 2.1
constexpr Duration kRetransmitFloor = std::chrono::milliseconds(200);  // Linux: TCP_RTO_MIN

// When a segment sent at `start`, and again after each timeout, first arrives.
std::optional<MonoTime> delivered(Path& path, MonoTime start, MonoTime deadline, Duration one_way,
                                  Duration timeout) {
  for (MonoTime sent = start; sent <= deadline; sent += timeout, timeout *= 2) {
    if (!path.loses(sent)) {
      return sent + one_way;
    }
  }
  return std::nullopt;
}

// A SYN and its answer: if either is lost the client sends the SYN again.
std::optional<MonoTime> connected(Path& path, MonoTime start, MonoTime deadline,
                                  Duration round_trip) {
  Duration timeout = kSynTimeout;
  for (MonoTime sent = start; sent <= deadline; sent += timeout, timeout *= 2) {
    if (!path.loses(sent) && !path.loses(sent + round_trip / 2)) {
      return sent + round_trip;
    }
  }
  return std::nullopt;
}

std::optional<MonoTime> exchanged(Path& path, MonoTime start, MonoTime deadline,
                                  Duration round_trip) {
  const Duration timeout = round_trip + kRetransmitFloor;
  const auto request = delivered(path, start, deadline, round_trip / 2, timeout);
  return request ? delivered(path, *request, deadline, round_trip / 2, timeout) : std::nullopt;
}

}  // namespace

std::string_view to_string(LossKind kind) {
  switch (kind) {
    case LossKind::kIndependent:
      return "independent";
    case LossKind::kBursts:
      return "bursts";
    case LossKind::kSharedBursts:
      return "shared bursts";
  }
  return "?";
}

Path::Path(const Loss& loss, Rng rng, MonoTime now) : loss_(loss), rng_(rng), known_until_(now) {}

Duration Path::exponential(Duration mean) {
  return Duration(
      static_cast<Duration::rep>(-std::log(1 - rng_.unit()) * static_cast<double>(mean.count())));
}

bool Path::loses(MonoTime at) {
  if (loss_.share <= 0) {
    return false;
  }
  if (loss_.kind == LossKind::kIndependent) {
    return rng_.unit() < loss_.share;
  }
  const auto mean = static_cast<double>(loss_.burst_mean.count());
  const Duration good_mean(static_cast<Duration::rep>(mean * (1 - loss_.share) / loss_.share));
  while (known_until_ <= at) {
    const MonoTime from = known_until_ + exponential(good_mean);
    known_until_ = from + exponential(loss_.burst_mean);
    bad_.push_back({from, known_until_});
  }
  while (bad_.front().until < at - kRemembered) {
    bad_.pop_front();
  }
  // Ascending, so the first of them that ends after `at` is the only one that can hold it.
  const auto period = std::ranges::upper_bound(bad_, at, {}, &Period::until);
  return period != bad_.end() && period->from <= at;
}

std::optional<MonoTime> answer_time(Path& path, Transport transport, MonoTime start,
                                    MonoTime deadline, Duration round_trip) {
  std::optional<MonoTime> answer;
  switch (transport) {
    case Transport::kDatagram:
      if (!path.loses(start) && !path.loses(start + round_trip / 2)) {
        answer = start + round_trip;
      }
      break;
    case Transport::kFreshTcp:
      answer = connected(path, start, deadline, round_trip);
      if (answer) {
        answer = exchanged(path, *answer, deadline, round_trip);
      }
      break;
    case Transport::kKeptTcp:
      answer = exchanged(path, start, deadline, round_trip);
      break;
  }
  return answer && *answer <= deadline ? answer : std::nullopt;
}

std::optional<MonoTime> refusal_time(Path& path, MonoTime start, MonoTime deadline,
                                     Duration round_trip) {
  const auto refusal = connected(path, start, deadline, round_trip);
  return refusal && *refusal <= deadline ? refusal : std::nullopt;
}

}  // namespace leeward::plan
