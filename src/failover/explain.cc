// SPDX-License-Identifier: Apache-2.0
#include "failover/explain.h"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

namespace leeward::failover {
namespace {

std::string headline(const Decision& decision) {
  const bool moved = decision.outcome == DecisionOutcome::kPublished;
  if (decision.kind == MoveKind::kInitial) {
    return fmt::format("{} was assigned to {} (epoch {})", decision.application, decision.to.region,
                       decision.to.epoch);
  }
  if (decision.to == decision.from) {
    return fmt::format("{} stays in {} (epoch {})", decision.application, decision.from.region,
                       decision.from.epoch);
  }
  return fmt::format("{} {} from {} (epoch {}) to {} (epoch {})", decision.application,
                     moved ? "moved" : "would move", decision.from.region, decision.from.epoch,
                     decision.to.region, decision.to.epoch);
}

std::string guard_mark(GuardOutcome outcome) {
  switch (outcome) {
    case GuardOutcome::kPassed:
      return "passed";
    case GuardOutcome::kFailed:
      return "FAILED";
    case GuardOutcome::kNotEvaluated:
      return "not evaluated";
    case GuardOutcome::kOverridden:
      return "overridden";
  }
  return "?";
}

std::string observations_text(const Evidence& evidence, MonoTime origin) {
  std::string text;
  for (const Observation& observation : evidence.observations) {
    text += fmt::format("      probe {} started at {:+.1f} ms, {} after {:.1f} ms{}{}\n",
                        observation.sequence, to_milliseconds(observation.started - origin),
                        to_string(observation.outcome),
                        to_milliseconds(observation.finished - observation.started),
                        observation.detail.empty() ? "" : ": ", observation.detail);
  }
  return text;
}

std::string evidence_text(const Decision& decision, MonoTime origin) {
  std::string text = "Evidence\n";
  for (const RegionEvidence& region : decision.evidence) {
    text += fmt::format("  {} was {}{}\n", region.region, to_string(region.status.health),
                        region.status.suspect ? " (suspect)" : "");
    for (const Vote& vote : region.status.votes) {
      text += fmt::format("    vote of {}: {}{}{}\n", vote.vantage, to_string(vote.health),
                          vote.evidence.reason.empty() ? "" : ", ", vote.evidence.reason);
      if (vote.health == Health::kUnhealthy) {
        text += observations_text(vote.evidence, origin);
      }
    }
  }
  return text;
}

std::string guards_text(const Decision& decision) {
  std::size_t width = 0;
  for (const Guard& guard : decision.guards) {
    width = std::max(width, guard.name.size());
  }
  std::string text = "Guards\n";
  for (const Guard& guard : decision.guards) {
    text += fmt::format("  {:<13}  {:<{}}  {}\n", guard_mark(guard.outcome), guard.name, width,
                        guard.detail);
  }
  return text;
}

std::string times_text(const DecisionTimes& times, MonoTime origin) {
  std::multimap<MonoTime, std::string_view> lines;  // equal times stay in this order
  const auto line = [&](const std::optional<MonoTime>& time, std::string_view what) {
    if (time) {
      lines.emplace(*time, what);
    }
  };
  line(times.first_miss, "first unanswered probe started");
  line(times.verdict, "verdict: unhealthy");
  line(times.decided, "decided");
  line(times.committed, "committed to the state store");
  line(times.published, "published: DNS answers with it");
  line(times.fenced, "fenced: nobody can write in the region that was left");
  line(times.drained, "drained: what was written there has arrived");
  line(times.granted, "granted: the new region may write");
  std::string text = "Timeline\n";
  for (const auto& [time, what] : lines) {
    text += fmt::format("  {:>+10.1f} ms  {}\n", to_milliseconds(time - origin), what);
  }
  return text;
}

}  // namespace

std::string explain(const Decision& decision) {
  const MonoTime origin =
      decision.times.first_miss.value_or(decision.times.decided.value_or(MonoTime{}));
  std::string text = fmt::format(
      "Decision {}: {}\n"
      "  {} {}, {}{}{}\n"
      "  at {}, by {}\n"
      "  because: {}\n\n",
      decision.id, headline(decision), decision.automatic ? "automatic" : "manual",
      to_string(decision.kind), to_string(decision.outcome),
      decision.outcome_detail.empty() ? "" : ": ", decision.outcome_detail,
      format_rfc3339(decision.decided_at), decision.requested_by, decision.reason);
  text += evidence_text(decision, origin) + "\n";
  text += guards_text(decision) + "\n";
  text += times_text(decision.times, origin);
  for (const std::string& note : decision.notes) {
    text += fmt::format("{}  {}\n", &note == &decision.notes.front() ? "\nData\n" : "", note);
  }
  return text;
}

}  // namespace leeward::failover
