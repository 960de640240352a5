// SPDX-License-Identifier: Apache-2.0
#include "admin/events.h"

#include <charconv>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "admin/json.h"
#include "base/overloaded.h"

namespace leeward::admin {
namespace {

std::string clean_run(std::string_view run) {
  std::string result;
  for (const char c : run) {
    const bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (good && result.size() < 32) {
      result += c;
    }
  }
  return result.empty() ? "run" : result;
}

}  // namespace

std::string_view event_name(const Event& event) {
  return std::visit(overloaded{[](const HealthEvent&) { return "health"; },
                               [](const GrayEvent&) { return "gray"; },
                               [](const DecisionEvent&) { return "decision"; },
                               [](const ReloadEvent&) { return "reload"; }},
                    event);
}

EventLog::EventLog(std::string_view run) : run_(clean_run(run)) {}

std::string EventLog::last_id() const {
  return fmt::format("{}-{}", run_, last_number_);
}

void EventLog::publish(const Event& event, Instant now) {
  ++last_number_;
  // Boost.JSON escapes line ends, so the data is one line as the format needs.
  kept_.push_back(
      {last_number_, fmt::format("id: {}\nevent: {}\ndata: {}\n\n", last_id(), event_name(event),
                                 boost::json::serialize(to_json(event, now)))});
  if (kept_.size() > kKept) {
    kept_.pop_front();
  }
  const StoredEvent stored = kept_.back();
  std::vector<SubscriptionId> ids;
  ids.reserve(listeners_.size());
  for (const auto& [id, listener] : listeners_) {
    ids.push_back(id);
  }
  for (const SubscriptionId id : ids) {
    const auto found = listeners_.find(id);
    if (found != listeners_.end()) {
      const Listener listener = found->second;  // it may unsubscribe itself
      listener(stored);
    }
  }
}

EventLog::Replay EventLog::since(std::string_view last_event_id) const {
  const std::size_t dash = last_event_id.rfind('-');
  std::uint64_t number = 0;
  bool known = dash != std::string_view::npos && last_event_id.substr(0, dash) == run_;
  if (known) {
    const char* const end = last_event_id.data() + last_event_id.size();
    const auto parsed = std::from_chars(last_event_id.data() + dash + 1, end, number);
    known = parsed.ec == std::errc() && parsed.ptr == end && number <= last_number_;
  }
  if (!known) {
    return {.complete = false, .events = {}};
  }
  if (!kept_.empty() && kept_.front().number > number + 1) {
    return {.complete = false, .events = {}};
  }
  Replay replay;
  for (const StoredEvent& event : kept_) {
    if (event.number > number) {
      replay.events.push_back(event);
    }
  }
  return replay;
}

EventLog::SubscriptionId EventLog::subscribe(Listener listener) {
  const SubscriptionId id = next_subscription_++;
  listeners_.emplace(id, std::move(listener));
  return id;
}

void EventLog::unsubscribe(SubscriptionId id) {
  listeners_.erase(id);
}

}  // namespace leeward::admin
