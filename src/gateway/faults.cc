// SPDX-License-Identifier: Apache-2.0
#include "gateway/faults.h"

#include <array>
#include <chrono>
#include <utility>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

namespace leeward::gateway {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxFaults = 100;
constexpr double kMaxLatencyMs = 600'000;

constexpr std::array kActions = {
    std::pair{"cut", FaultAction::kCut}, std::pair{"slow", FaultAction::kSlow},
    std::pair{"freeze", FaultAction::kFreeze}, std::pair{"drop", FaultAction::kDrop}};

std::unexpected<Error> wrong(std::size_t index, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("faults[{}]: {}", index, what));
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// Negative: absent or no number.
double number_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) {
    return -1;
  }
  return value->to_number<double>();
}

Result<Fault> parse_fault(const json::value& value, std::size_t index) {
  if (!value.is_object()) {
    return wrong(index, "expected an object");
  }
  const json::object& object = value.get_object();
  for (const auto& member : object) {
    if (member.key() != "direction" && member.key() != "action" && member.key() != "latency_ms" &&
        member.key() != "probability") {
      return wrong(index, fmt::format("unknown member \"{}\"", std::string_view(member.key())));
    }
  }
  Fault fault;
  fault.direction = text_of(object, "direction");
  const bool one_peer = fault.direction.starts_with("peer:") && fault.direction.size() > 5;
  if (fault.direction != "clients" && fault.direction != "peers" && !one_peer) {
    return wrong(index, R"(direction must be "clients", "peers" or "peer:REGION")");
  }
  const std::string action = text_of(object, "action");
  bool known = false;
  for (const auto& [name, which] : kActions) {
    if (action == name) {
      fault.action = which;
      known = true;
    }
  }
  if (!known) {
    return wrong(index, R"(action must be "cut", "slow", "freeze" or "drop")");
  }
  if (fault.action == FaultAction::kSlow) {
    const double milliseconds = number_of(object, "latency_ms");
    if (!(milliseconds > 0 && milliseconds <= kMaxLatencyMs)) {
      return wrong(index, "slow needs latency_ms, more than 0 and at most 600000");
    }
    fault.latency = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double, std::milli>(milliseconds));
  }
  if (fault.action == FaultAction::kDrop) {
    fault.probability = number_of(object, "probability");
    if (!(fault.probability > 0 && fault.probability <= 1)) {
      return wrong(index, "drop needs a probability, more than 0 and at most 1");
    }
  }
  return fault;
}

bool concerns(const Fault& fault, std::string_view peer) {
  if (peer.empty()) {
    return fault.direction == "clients";
  }
  return fault.direction == "peers" ||
         (fault.direction.starts_with("peer:") && fault.direction.substr(5) == peer);
}

}  // namespace

Result<FaultPlan> parse_faults(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  const json::value* faults =
      !error && value.is_object() ? value.get_object().if_contains("faults") : nullptr;
  if (faults == nullptr || !faults->is_array()) {
    return fail(ErrorCode::kInvalidArgument, R"(expected {"faults": [...]} in JSON)");
  }
  if (faults->get_array().size() > kMaxFaults) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("more than {} faults", kMaxFaults));
  }
  FaultPlan plan;
  for (const json::value& each : faults->get_array()) {
    ASSIGN_OR_RETURN(Fault fault, parse_fault(each, plan.size()));
    plan.push_back(std::move(fault));
  }
  return plan;
}

json::object to_json(const FaultPlan& plan) {
  json::array faults;
  for (const Fault& fault : plan) {
    json::object object{{"direction", fault.direction}};
    for (const auto& [name, action] : kActions) {
      if (action == fault.action) {
        object["action"] = name;
      }
    }
    if (fault.action == FaultAction::kSlow) {
      object["latency_ms"] = to_milliseconds(fault.latency);
    }
    if (fault.action == FaultAction::kDrop) {
      object["probability"] = fault.probability;
    }
    faults.push_back(std::move(object));
  }
  return {{"faults", std::move(faults)}};
}

FaultEffect effect_on(const FaultPlan& plan, std::string_view peer, double random) {
  FaultEffect effect;
  double passes = 1;
  for (const Fault& fault : plan) {
    if (!concerns(fault, peer)) {
      continue;
    }
    switch (fault.action) {
      case FaultAction::kCut:
        effect.cut = true;
        break;
      case FaultAction::kFreeze:
        effect.freeze = true;
        break;
      case FaultAction::kSlow:
        effect.latency += fault.latency;
        break;
      case FaultAction::kDrop:
        passes *= 1 - fault.probability;
        break;
    }
  }
  effect.cut = effect.cut || random >= passes;
  return effect;
}

std::shared_ptr<const FaultPlan> FaultBoard::get() const {
  const std::scoped_lock lock(mutex_);
  return plan_;
}

void FaultBoard::set(FaultPlan plan) {
  const std::scoped_lock lock(mutex_);
  any_.store(!plan.empty(), std::memory_order_release);
  plan_ = std::make_shared<const FaultPlan>(std::move(plan));
}

}  // namespace leeward::gateway
