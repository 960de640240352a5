// SPDX-License-Identifier: Apache-2.0
//
// What happened, for everyone who follows /v1/events. The node publishes; the API keeps the last
// ones so that a client which lost its connection can go on where it was.
//
// An event id is "<run>-<number>": the run distinguishes processes, so that a client which comes
// back after a restart is told that it missed something instead of getting unrelated events.
//
// Thread-safety: none; lives on the control thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "admin/views.h"
#include "model/decision.h"
#include "model/health.h"
#include "model/ids.h"

namespace leeward::admin {

// A check's status changed, or its suspicion started or ended.
struct HealthEvent {
  HealthCheckId check;
  ApplicationId application;  // empty: of no application
  RegionId region;
  HealthStatus before;
  HealthStatus after;
};

// A region became gray, or is no longer.
struct GrayEvent {
  HealthCheckId check;
  ApplicationId application;
  RegionId region;
  GrayStatus status;
};

// A decision was made, or reached its outcome.
struct DecisionEvent {
  Decision decision;
};

// A reload was tried.
struct ReloadEvent {
  bool ok = false;
  ReloadSummary summary;  // when ok
  std::string error;      // when not
};

using Event = std::variant<HealthEvent, GrayEvent, DecisionEvent, ReloadEvent>;

// "health", "gray", "decision", "reload": the `event:` field.
[[nodiscard]] std::string_view event_name(const Event& event);

struct StoredEvent {
  std::uint64_t number = 0;
  std::string frame;  // as sent: "id: ...\nevent: ...\ndata: {...}\n\n"
};

class EventLog {
 public:
  static constexpr std::size_t kKept = 1024;

  using Listener = std::function<void(const StoredEvent&)>;
  using SubscriptionId = std::uint64_t;

  // `run` names this process; at most 32 letters or digits. Any other character is dropped.
  explicit EventLog(std::string_view run);

  // Renders and keeps the event, and hands it to every listener before it returns.
  void publish(const Event& event, Instant now);

  // What a client that saw `last_event_id` last has missed. `complete` is false when events between
  // were dropped, or the id is of another run or no id at all: the client should read the state
  // anew.
  struct Replay {
    bool complete = true;
    std::vector<StoredEvent> events;  // oldest first
  };
  [[nodiscard]] Replay since(std::string_view last_event_id) const;

  // The id of the newest event, "<run>-0" before the first.
  [[nodiscard]] std::string last_id() const;

  // A listener may unsubscribe itself or others from within its call.
  SubscriptionId subscribe(Listener listener);
  void unsubscribe(SubscriptionId id);

 private:
  std::string run_;
  std::uint64_t last_number_ = 0;
  std::deque<StoredEvent> kept_;
  SubscriptionId next_subscription_ = 1;
  std::map<SubscriptionId, Listener> listeners_;
};

}  // namespace leeward::admin
