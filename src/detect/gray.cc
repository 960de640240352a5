// SPDX-License-Identifier: Apache-2.0
#include "detect/gray.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/check.h"

namespace leeward::detect {
namespace {

constexpr Duration kBucket = std::chrono::seconds(1);

double log_choose(double of, double chosen) {
  return std::lgamma(of + 1) - std::lgamma(chosen + 1) - std::lgamma(of - chosen + 1);
}

double share_of_good(std::uint64_t all, std::uint64_t bad) {
  return all == 0 ? 1.0 : 1.0 - (static_cast<double>(bad) / static_cast<double>(all));
}

}  // namespace

double fisher_exact(std::uint64_t bad_here, std::uint64_t all_here, std::uint64_t bad_there,
                    std::uint64_t all_there) {
  LEEWARD_CHECK(bad_here <= all_here && bad_there <= all_there, "more bad requests than requests");
  const auto here = static_cast<double>(all_here);
  const auto all = here + static_cast<double>(all_there);
  const auto bad = static_cast<double>(bad_here) + static_cast<double>(bad_there);
  if (all_here == 0 || all_there == 0 || static_cast<double>(bad_here) * all <= bad * here) {
    return 1;
  }
  // The hypergeometric tail. Beyond the mean each term is smaller than the one before, so that the
  // first ones are the sum.
  const double last = std::min(bad, here);
  const double scale = log_choose(all, bad);
  double sum = 0;
  for (auto x = static_cast<double>(bad_here); x <= last; x += 1) {
    const double term = std::exp(log_choose(here, x) + log_choose(all - here, bad - x) - scale);
    sum += term;
    if (term <= sum * 1e-12) {
      break;
    }
  }
  return std::min(sum, 1.0);
}

GrayLane::GrayLane(const GrayPolicy& policy, MonoTime now) : policy_(policy), worse_since_(now) {
  status_.since = now;
}

GrayCounts GrayLane::one(std::optional<Duration> latency) const {
  return {.all = 1, .bad = is_good(policy_, latency) ? 0U : 1U};
}

void GrayLane::region_answered(std::optional<Duration> latency, MonoTime now) {
  region_counted(one(latency), now);
}

void GrayLane::cohort_answered(std::optional<Duration> latency, MonoTime now) {
  cohort_counted(one(latency), now);
}

void GrayLane::region_counted(GrayCounts counts, MonoTime now) {
  GrayCounts& sum = bucket(now).region;
  sum.all += counts.all;
  sum.bad += std::min(counts.bad, counts.all);
}

void GrayLane::cohort_counted(GrayCounts counts, MonoTime now) {
  GrayCounts& sum = bucket(now).cohort;
  sum.all += counts.all;
  sum.bad += std::min(counts.bad, counts.all);
}

GrayLane::Bucket& GrayLane::bucket(MonoTime now) {
  if (buckets_.empty() || now - buckets_.back().from >= kBucket) {
    buckets_.push_back({now, {}, {}});
    forget(now);
  }
  return buckets_.back();
}

void GrayLane::forget(MonoTime now) {
  while (!buckets_.empty() && now - buckets_.front().from >= policy_.window + kBucket) {
    buckets_.pop_front();
  }
}

bool GrayLane::judge(MonoTime now) {
  forget(now);
  GrayCounts region;
  GrayCounts cohort;
  for (const Bucket& each : buckets_) {
    region.all += each.region.all;
    region.bad += each.region.bad;
    cohort.all += each.cohort.all;
    cohort.bad += each.cohort.bad;
  }
  status_.good_share = share_of_good(region.all, region.bad);
  status_.cohort_good_share = share_of_good(cohort.all, cohort.bad);
  status_.p = fisher_exact(region.bad, region.all, cohort.bad, cohort.all);
  const bool worse = status_.good_share < policy_.good_share && status_.p < policy_.p_max;
  if (worse != worse_) {
    worse_ = worse;
    worse_since_ = now;
  }
  const bool changes = worse_ != status_.suspect && now - worse_since_ >= policy_.hold;
  if (changes) {
    status_.suspect = worse_;
    status_.since = now;
  }
  status_.reason = status_.suspect
                       ? fmt::format(
                             "{:.1f} % of {} requests were good, where the others had {:.1f} % of "
                             "{} (chance: {:.1g})",
                             100 * status_.good_share, region.all, 100 * status_.cohort_good_share,
                             cohort.all, status_.p)
                       : std::string();
  return changes;
}

}  // namespace leeward::detect
