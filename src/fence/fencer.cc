// SPDX-License-Identifier: Apache-2.0
#include "fence/fencer.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace leeward::fence {
namespace {

constexpr Duration kRenewTimeout = std::chrono::milliseconds(500);

std::chrono::steady_clock::time_point to_steady(MonoTime time) {
  return std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(time.time_since_epoch()));
}

MonoTime mono_now() {
  return MonoTime(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

WallTime wall_now() {
  return WallTime(
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

}  // namespace

Fencer::Fencer(std::function<dynamodb::Client()> connect)
    : connect_(std::move(connect)),
      raising_thread_([this] { raise_loop(); }),
      renewing_thread_([this] { renew_loop(); }) {}

Fencer::~Fencer() {
  stop();
}

void Fencer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    raises_.clear();
  }
  changed_.notify_all();
  for (std::thread* thread : {&raising_thread_, &renewing_thread_}) {
    if (thread->joinable()) {
      thread->join();
    }
  }
}

void Fencer::raise(RaiseRequest request, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      return;
    }
    // What an older request asked for, a newer one asks for anew; its caller still gets an answer,
    // and waits no longer for a dead store than it has to.
    raises_.emplace_back(std::move(request), std::move(done));
  }
  changed_.notify_all();
}

void Fencer::raise_loop() {
  FenceTable table(connect_());
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !raises_.empty(); });
    if (stopping_) {
      return;
    }
    auto [request, done] = std::move(raises_.front());
    raises_.pop_front();
    lock.unlock();
    // At least one attempt, also when it waited behind others: the answer may be needed all the
    // more.
    const Duration patience =
        std::max<Duration>(request.deadline - mono_now(), std::chrono::milliseconds(100));
    RaiseOutcome outcome =
        table.raise(request.application, request.epoch, request.open,
                    std::min<Duration>(patience, std::chrono::milliseconds(1000)));
    done(std::move(outcome));
    lock.lock();
  }
}

void Fencer::set_lease(const ApplicationId& application, Epoch epoch, Duration renew) {
  {
    const std::lock_guard lock(mutex_);
    leases_.insert_or_assign(application, Lease{epoch, renew, mono_now()});
  }
  changed_.notify_all();
}

void Fencer::clear_lease(const ApplicationId& application) {
  const std::lock_guard lock(mutex_);
  leases_.erase(application);
}

std::optional<MonoTime> Fencer::last_grant(const ApplicationId& application) const {
  const std::lock_guard lock(mutex_);
  if (renewing_ == application) {
    return mono_now() + kRenewTimeout;  // at the latest
  }
  const auto found = last_grants_.find(application);
  return found == last_grants_.end() ? std::nullopt : std::optional(found->second);
}

std::map<ApplicationId, Fencer::Lease>::iterator Fencer::due_next() {
  return std::ranges::min_element(leases_, {}, [](const auto& each) { return each.second.next; });
}

void Fencer::renew_loop() {
  FenceTable table(connect_());
  // Made ahead of time, so that no move waits for it. Raising makes it, too, where this failed.
  for (bool made = false; !made;) {
    made = table.ensure(std::chrono::milliseconds(500)).has_value();
    std::unique_lock lock(mutex_);
    if (stopping_ || !leases_.empty()) {
      break;
    }
    if (!made) {
      static_cast<void>(
          changed_.wait_for(lock, std::chrono::seconds(5), [this] { return stopping_; }));
    }
  }
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto due = due_next();
    if (due == leases_.end()) {
      changed_.wait(lock);
      continue;
    }
    if (mono_now() < due->second.next) {
      changed_.wait_until(lock, to_steady(due->second.next));
      continue;
    }
    const ApplicationId application = due->first;
    const Epoch epoch = due->second.epoch;
    due->second.next = mono_now() + due->second.renew;
    renewing_ = application;
    lock.unlock();
    // A renewal that failed may have been carried out all the same: both count.
    [[maybe_unused]] const auto renewed =
        table.grant(application, epoch, wall_now(), kRenewTimeout);
    lock.lock();
    renewing_.reset();
    last_grants_[application] = mono_now();
  }
}

}  // namespace leeward::fence
