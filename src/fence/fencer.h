// SPDX-License-Identifier: Apache-2.0
//
// Keeps one region's fence table on two threads: one raises fences, the other renews leases, each
// over a connection of its own, so that a raise never queues behind a renewal that hangs.
//
// Thread-safety: all members may be called from any thread. Callbacks run on the raising thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/time.h"
#include "dynamodb/client.h"
#include "fence/fence_table.h"
#include "model/application.h"
#include "model/ids.h"

namespace leeward::fence {

struct RaiseRequest {
  ApplicationId application;
  Epoch epoch = 0;
  bool open = false;
  MonoTime deadline;
};

class Fencer {
 public:
  using Done = std::function<void(RaiseOutcome)>;

  // Threads start at once; nothing is asked of the store before the first request.
  explicit Fencer(std::function<dynamodb::Client()> connect);
  ~Fencer();  // stop()
  Fencer(const Fencer&) = delete;
  Fencer& operator=(const Fencer&) = delete;

  // `done` is called exactly once, unless stop() comes first.
  void raise(RaiseRequest request, Done done);

  // Renews at once and then every `renew`, until clear_lease(). After that returns no renewal is
  // begun; one may still be under way, and last_grant() counts it.
  void set_lease(const ApplicationId& application, Epoch epoch, Duration renew);
  void clear_lease(const ApplicationId& application);

  // When the last renewal ended that the store may have carried out; while one is under way: now.
  // nullopt: there was none.
  [[nodiscard]] std::optional<MonoTime> last_grant(const ApplicationId& application) const;

  // Within about a second.
  void stop();

 private:
  struct Lease {
    Epoch epoch = 0;
    Duration renew{};
    MonoTime next;
  };

  void raise_loop();
  void renew_loop();
  // The lease that is due next; nullptr: none is held.
  std::map<ApplicationId, Lease>::iterator due_next();

  std::function<dynamodb::Client()> connect_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::deque<std::pair<RaiseRequest, Done>> raises_;
  std::map<ApplicationId, Lease> leases_;
  std::map<ApplicationId, MonoTime> last_grants_;
  std::optional<ApplicationId> renewing_;
  std::thread raising_thread_;
  std::thread renewing_thread_;
};

}  // namespace leeward::fence
