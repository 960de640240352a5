// SPDX-License-Identifier: Apache-2.0
#include "detect/reasons.h"

#include <chrono>
#include <map>
#include <string_view>

#include <fmt/format.h>

namespace leeward::detect {
namespace {

std::string_view what_happened(ProbeOutcome outcome) {
  switch (outcome) {
    case ProbeOutcome::kSuccess:
      return "answered";
    case ProbeOutcome::kRefused:
      return "refused";
    case ProbeOutcome::kUnreachable:
      return "unreachable";
    case ProbeOutcome::kTimeout:
      return "timed out";
    case ProbeOutcome::kTlsError:
      return "failed in TLS";
    case ProbeOutcome::kBadStatus:
      return "answered with a bad status";
    case ProbeOutcome::kNoMatch:
      return "answered without the search string";
    case ProbeOutcome::kMalformed:
      return "answered with malformed HTTP";
    case ProbeOutcome::kClosed:
      return "closed without an answer";
    case ProbeOutcome::kNameResolution:
      return "failed in name resolution";
    case ProbeOutcome::kLocalError:
      return "not made";
  }
  return "failed";
}

}  // namespace

std::string readable(Duration duration) {
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  if (duration < milliseconds(10)) {
    return format_duration(std::chrono::round<microseconds>(duration));
  }
  return format_duration(std::chrono::round<milliseconds>(duration));
}

std::string reason_for_misses(int count, const std::vector<Observation>& observations) {
  std::map<ProbeOutcome, int> kinds;
  for (const Observation& observation : observations) {
    ++kinds[observation.outcome];
  }
  std::string text = count == 1 ? "1 probe" : fmt::format("{} consecutive probes", count);
  if (kinds.size() == 1) {
    text += fmt::format(" {}", what_happened(kinds.begin()->first));
  } else {
    text += " failed";
    std::string_view separator = ": ";
    for (const auto& [outcome, times] : kinds) {
      text += fmt::format("{}{} {}", separator, times, what_happened(outcome));
      separator = ", ";
    }
  }
  if (!observations.empty() && !observations.back().detail.empty()) {
    text += fmt::format(" ({})", observations.back().detail);
  }
  return text;
}

std::string reason_for_relief(const Observation& observation) {
  if (observation.outcome != ProbeOutcome::kSuccess) {
    return fmt::format("probe {} was no evidence: {}", observation.sequence, observation.detail);
  }
  return fmt::format("probe {} answered in {}", observation.sequence,
                     readable(observation.finished - observation.started));
}

}  // namespace leeward::detect
