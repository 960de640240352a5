// SPDX-License-Identifier: Apache-2.0
//
// The journal: one entry per step that mattered, with all that step() read. Entries are chained by
// digest, so that a missing or altered one shows; any suffix of a journal can be replayed, since an
// entry holds the state before it.
//
// An entry is one line of JSON. Digests are FNV-1a over canonical text: they find accidents and
// bugs, not forgers.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "failover/effect.h"
#include "failover/event.h"
#include "failover/state.h"

namespace leeward::failover {

struct JournalEntry {
  std::uint64_t sequence = 0;  // from 1, without gaps
  WallTime wall;
  MonoTime now;
  std::uint64_t next_decision_id = 1;      // before the step
  std::optional<ApplicationState> before;  // of the event's application; nullopt: undefined
  Elsewhere elsewhere;
  Event event = TimerFired{};
  std::vector<Effect> effects;
  std::uint64_t after = 0;     // digest of the application's state after the step
  std::uint64_t previous = 0;  // digest of the entry before; 0: this is the first

  friend bool operator==(const JournalEntry&, const JournalEntry&) = default;
};

// 0 where it is undefined.
[[nodiscard]] std::uint64_t digest_of(const std::optional<ApplicationState>& application);

// Whether a step belongs in the journal: it changed the state, or asks for more than a wake-up.
[[nodiscard]] bool worth_recording(const std::optional<ApplicationState>& before,
                                   const std::optional<ApplicationState>& after,
                                   const std::vector<Effect>& effects);

// One line without its end. digest_of(line) is what the next entry's `previous` must be.
[[nodiscard]] std::string format_entry(const JournalEntry& entry);
[[nodiscard]] std::uint64_t digest_of_line(std::string_view line);

// kDataCorrupt with the path of what is wrong.
Result<JournalEntry> parse_entry(std::string_view line);

struct ReplayReport {
  std::uint64_t entries = 0;
  std::uint64_t decisions = 0;            // commits among the effects
  std::optional<std::string> divergence;  // the first: where, expected, got
  std::vector<std::string>
      breaks;  // of the chain: gaps, altered entries, state that does not follow

  [[nodiscard]] bool faithful() const { return !divergence && breaks.empty(); }
};

// Feeds every entry's inputs to step_application() again and compares effects and state. `lines` is
// JSON lines; an unreadable one is an error that names its number. Memory does not grow with it.
Result<ReplayReport> replay(std::string_view lines);

// A page for a person; ends with one line of result.
[[nodiscard]] std::string format_report(const ReplayReport& report);

}  // namespace leeward::failover
