// SPDX-License-Identifier: Apache-2.0
#include "probe/checker.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <set>

#include <fmt/format.h>
#include <sys/resource.h>

#include "base/fnv.h"
#include "probe/clock.h"
#include "probe/shard.h"

namespace leeward::probe {
namespace {

constexpr int kThreadsMax = 64;
constexpr std::size_t kNameBytesMax = 253;
constexpr std::size_t kPathBytesMax = 2048;

// What would break the request line or a header: config refuses it too, but not every caller comes
// from config.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c != '\x7f'; });
}

Status check_target(const HealthCheck& check) {
  const auto wrong = [&](std::string_view what) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("health check {}: {}", check.id, what));
  };
  if (check.id.empty()) {
    return fail(ErrorCode::kInvalidArgument, "a health check without an id");
  }
  if (check.address.empty() || check.address.size() > kNameBytesMax || !is_plain(check.address)) {
    return wrong("address must be an IP address or a host name of at most 253 characters");
  }
  if (check.port == 0) {
    return wrong("port must be 1 to 65535");
  }
  if (check.host_name.size() > kNameBytesMax || !is_plain(check.host_name)) {
    return wrong("host_name must be at most 253 characters without spaces");
  }
  if (check.type == CheckType::kTcp) {
    return {};
  }
  if (!check.path.starts_with('/') || check.path.size() > kPathBytesMax || !is_plain(check.path)) {
    return wrong("path must start with / and be at most 2048 characters without spaces");
  }
  if (is_string_match(check.type) &&
      (check.search_string.empty() || check.search_string.size() > HttpResponse::kBodyWindowMax)) {
    return wrong("search_string must be 1 to 5120 bytes");
  }
  return {};
}

Status check_timing(const HealthCheck& check) {
  const CheckTiming& timing = check.timing;
  const Duration zero{};
  if (timing.interval <= zero || timing.timeout <= zero || timing.timeout_floor <= zero ||
      timing.confirm_spacing <= zero) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("health check {}: interval, timeout, timeout_floor and "
                            "confirm_spacing must be above zero",
                            check.id));
  }
  return {};
}

// Everything that can fail, before anything changes.
class Preparation {
 public:
  explicit Preparation(const std::map<HealthCheckId, Health>& initial) : initial_(initial) {}

  Result<PreparedCheck> prepare(HealthCheck check) {
    RETURN_IF_ERROR(check_target(check));
    RETURN_IF_ERROR(check_timing(check));
    if (!seen_.insert(check.id).second) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("health check {}: the id is used twice", check.id));
    }
    PreparedCheck prepared;
    if (is_tls(check.type)) {
      auto context = context_for(check);
      if (!context) {
        return fail(
            with_context(std::move(context).error(), fmt::format("health check {}", check.id)));
      }
      prepared.tls = std::move(*context);
    }
    const auto known = initial_.find(check.id);
    if (known != initial_.end()) {
      prepared.initial = known->second;
    }
    prepared.check = std::move(check);
    return prepared;
  }

 private:
  // One context per trust, shared by all checks that want the same.
  Result<TlsContext> context_for(const HealthCheck& check) {
    const auto key = std::pair(check.verify_certificate,
                               check.verify_certificate ? check.ca_file : std::string());
    const auto known = contexts_.find(key);
    if (known != contexts_.end()) {
      return known->second;
    }
    auto made = make_tls_context(key.first, key.second);
    if (made) {
      contexts_.emplace(key, *made);
    }
    return made;
  }

  const std::map<HealthCheckId, Health>& initial_;
  std::set<HealthCheckId> seen_;
  std::map<std::pair<bool, std::string>, TlsContext> contexts_;
};

}  // namespace

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return 0;
  }
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

struct Checker::Impl {
  enum class Phase : std::uint8_t { kNew, kStarted, kStopped };

  std::mutex mutex;  // of apply, start and stop; the shards have their own
  Phase phase = Phase::kNew;
  std::vector<std::unique_ptr<Shard>> shards;  // empty: see `broken`
  std::string broken;                          // why they could not be made

  [[nodiscard]] Status usable() const {
    return broken.empty()
               ? Status()
               : fail(ErrorCode::kResourceExhausted, "setting up the checker: " + broken);
  }

  [[nodiscard]] std::size_t shard_of(const HealthCheckId& id) const {
    return fnv1a(id.str()) % shards.size();
  }
};

Checker::Checker(CheckerOptions options) : impl_(std::make_unique<Impl>()) {
  const int threads = std::clamp(options.threads, 1, kThreadsMax);
  try {
    auto resolver =
        std::make_shared<Resolver>(options.resolve ? std::move(options.resolve) : system_resolve);
    for (int i = 0; i < threads; ++i) {
      impl_->shards.push_back(std::make_unique<Shard>(options.seed, options.connects_max, resolver,
                                                      options.on_transition));
    }
  } catch (const std::exception& error) {  // no descriptors or threads left
    impl_->shards.clear();
    impl_->broken = error.what();
  }
}

Checker::~Checker() {
  stop();
}

Status Checker::apply(std::vector<HealthCheck> checks,
                      const std::map<HealthCheckId, Health>& initial) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->phase == Impl::Phase::kStopped) {
    return fail(ErrorCode::kFailedPrecondition, "the checker has been stopped");
  }
  RETURN_IF_ERROR(impl_->usable());
  Preparation preparation(initial);
  std::vector<std::vector<PreparedCheck>> parts(impl_->shards.size());
  for (HealthCheck& check : checks) {
    ASSIGN_OR_RETURN(PreparedCheck prepared, preparation.prepare(std::move(check)));
    parts[impl_->shard_of(prepared.check.id)].push_back(std::move(prepared));
  }
  const MonoTime now = mono_now();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    impl_->shards[i]->apply(std::move(parts[i]), now);
  }
  return {};
}

Status Checker::start() {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->phase != Impl::Phase::kNew) {
    return fail(ErrorCode::kFailedPrecondition, "the checker was started before");
  }
  RETURN_IF_ERROR(impl_->usable());
  impl_->phase = Impl::Phase::kStarted;
  try {
    for (const auto& shard : impl_->shards) {
      shard->start();
    }
  } catch (const std::exception& error) {
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("starting the checker's threads: {}", error.what()));
  }
  return {};
}

void Checker::stop() {
  const std::lock_guard lock(impl_->mutex);
  impl_->phase = Impl::Phase::kStopped;
  for (const auto& shard : impl_->shards) {
    shard->stop();
  }
}

std::vector<CheckSnapshot> Checker::snapshot() const {
  std::vector<CheckSnapshot> result;
  for (const auto& shard : impl_->shards) {
    shard->snapshot(result);
  }
  std::ranges::sort(result, {}, [](const CheckSnapshot& each) { return each.check.id; });
  return result;
}

std::optional<CheckSnapshot> Checker::snapshot(const HealthCheckId& id) const {
  if (impl_->shards.empty()) {
    return std::nullopt;
  }
  return impl_->shards[impl_->shard_of(id)]->snapshot(id);
}

std::vector<std::pair<HealthCheckId, Verdict>> Checker::verdicts() const {
  std::vector<std::pair<HealthCheckId, Verdict>> result;
  for (const auto& shard : impl_->shards) {
    shard->verdicts(result);
  }
  std::ranges::sort(result, {}, [](const auto& each) { return each.first; });
  return result;
}

std::vector<std::pair<HealthCheckId, detect::GrayCounts>> Checker::gray_counts() const {
  std::vector<std::pair<HealthCheckId, detect::GrayCounts>> result;
  for (const auto& shard : impl_->shards) {
    shard->gray_counts(result);
  }
  std::ranges::sort(result, {}, [](const auto& each) { return each.first; });
  return result;
}

CheckerCounters Checker::counters() const {
  CheckerCounters sum;
  for (const auto& shard : impl_->shards) {
    shard->add_counters(sum);
  }
  return sum;
}

}  // namespace leeward::probe
