// SPDX-License-Identifier: Apache-2.0
//
// What was in the store when the daemon started.
#include <charconv>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "failover/json.h"
#include "node/control.h"

namespace leeward::node {

bool remember_decision(std::deque<Decision>& decisions, const Decision& decision) {
  const auto known = std::find_if(decisions.rbegin(), decisions.rend(),
                                  [&](const Decision& each) { return each.id == decision.id; });
  if (known != decisions.rend()) {
    *known = decision;
    return true;
  }
  decisions.push_back(decision);
  if (decisions.size() > Control::kDecisionsKept) {
    decisions.pop_front();
  }
  return false;
}

namespace {

// What `leeward explain` shows after a restart: the decisions among the journal's last entries.
Result<std::deque<Decision>> recent_decisions(state::Store& store, std::uint64_t last_sequence) {
  constexpr std::uint64_t kEntriesRead = 1000;
  const std::uint64_t from = last_sequence > kEntriesRead ? last_sequence - kEntriesRead : 0;
  ASSIGN_OR_RETURN(
      const auto lines,
      store.read_now({{journal_key(from), state::KeyRange::prefix(kJournalPrefix).end}, 0}));
  std::deque<Decision> decisions;
  for (const state::KeyValue& line : lines.values) {
    auto entry = failover::parse_entry(line.value);
    if (!entry) {
      return fail(with_context(std::move(entry).error(), line.key));
    }
    for (failover::Effect& effect : entry->effects) {
      if (auto* recorded = std::get_if<failover::RecordDecision>(&effect)) {
        remember_decision(decisions, recorded->decision);
      }
    }
  }
  return decisions;
}

}  // namespace

Result<SavedState> read_saved_state(state::Store& store) {
  SavedState saved;
  ASSIGN_OR_RETURN(const auto assignments,
                   store.read_now({state::KeyRange::prefix(kAssignmentPrefix), 0}));
  for (const state::KeyValue& entry : assignments.values) {
    const ApplicationId id(entry.key.substr(kAssignmentPrefix.size()));
    auto record = parse_assignment(entry.value);
    if (!record) {
      return fail(with_context(std::move(record).error(), entry.key));
    }
    saved.assignments.emplace(id, std::move(*record));
    saved.revisions.emplace(id, entry.mod_revision);
  }
  ASSIGN_OR_RETURN(const auto granted,
                   store.read_now({state::KeyRange::prefix(kGrantedPrefix), 0}));
  for (const state::KeyValue& entry : granted.values) {
    Epoch epoch = 0;  // unreadable: not granted, so it is fenced anew
    std::from_chars(entry.value.data(), entry.value.data() + entry.value.size(), epoch);
    saved.granted.emplace(ApplicationId(entry.key.substr(kGrantedPrefix.size())), epoch);
  }
  ASSIGN_OR_RETURN(const auto standings,
                   store.read_now({state::KeyRange::prefix(kStandingPrefix), 0}));
  for (const state::KeyValue& entry : standings.values) {
    boost::system::error_code bad;
    auto standing = failover::standing_from_json(boost::json::parse(entry.value, bad));
    if (bad || !standing) {
      return fail(ErrorCode::kDataCorrupt,
                  fmt::format("{}: {}", entry.key, bad ? bad.message() : standing.error().message));
    }
    saved.standings.emplace(ApplicationId(entry.key.substr(kStandingPrefix.size())),
                            std::move(*standing));
  }
  ASSIGN_OR_RETURN(const auto healths, store.read_now({state::KeyRange::prefix(kHealthPrefix), 0}));
  for (const state::KeyValue& entry : healths.values) {
    if (const auto health = parse_health(entry.value)) {
      saved.healths.emplace(HealthCheckId(entry.key.substr(kHealthPrefix.size())), *health);
    }
  }
  ASSIGN_OR_RETURN(const auto head, store.read_now({state::KeyRange::one(kJournalHeadKey), 1}));
  if (!head.values.empty()) {
    ASSIGN_OR_RETURN(saved.journal, parse_journal_head(head.values.front().value));
    ASSIGN_OR_RETURN(saved.decisions, recent_decisions(store, saved.journal.sequence));
  }
  return saved;
}

}  // namespace leeward::node
