// SPDX-License-Identifier: Apache-2.0
//
// What can happen to an application, as far as decisions care.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "base/result.h"
#include "failover/state.h"

namespace leeward::failover {

// An assignment as the state store holds it. MonoTime means nothing to another process, so the
// last automatic shift comes as an age, by the wall clock; step() clamps it to the hold-down.
struct StoredAssignment {
  Assignment assignment;
  std::optional<Duration> automatic_shift_age;
  bool granted = false;  // its region was allowed to write under this epoch
  std::optional<Hold> hold;
  bool locked_out = false;
  std::vector<Duration> automatic_move_ages;  // within the lockout's window, oldest first

  friend bool operator==(const StoredAssignment&, const StoredAssignment&) = default;
};

// At start, and at a reload that adds or changes the application. `stored` is nullopt where the
// store has none, and at reloads (the state knows better).
struct ApplicationDefined {
  Policy policy;
  std::optional<StoredAssignment> stored;

  friend bool operator==(const ApplicationDefined&, const ApplicationDefined&) = default;
};

struct ApplicationRemoved {
  ApplicationId application;

  friend bool operator==(const ApplicationRemoved&, const ApplicationRemoved&) = default;
};

struct RegionStatusChanged {
  ApplicationId application;
  RegionId region;
  HealthStatus status;

  friend bool operator==(const RegionStatusChanged&, const RegionStatusChanged&) = default;
};

// A WakeAt has come.
struct TimerFired {
  ApplicationId application;

  friend bool operator==(const TimerFired&, const TimerFired&) = default;
};

// `request` comes back in the Reply; not 0.
struct MoveRequested {
  MoveCommand command;
  std::uint64_t request = 0;

  friend bool operator==(const MoveRequested&, const MoveRequested&) = default;
};

// A hold, its release, or the acknowledgement of a lockout; not 0. It works at once; whoever asked
// hears of it when StoreStanding is done.
struct StandingRequested {
  StandingCommand command;
  std::uint64_t request = 0;

  friend bool operator==(const StandingRequested&, const StandingRequested&) = default;
};

struct CommitSucceeded {
  ApplicationId application;
  std::uint64_t decision = 0;

  friend bool operator==(const CommitSucceeded&, const CommitSucceeded&) = default;
};

// kAborted: the store holds another assignment, `found`. Anything else: nothing changed there.
struct CommitFailed {
  ApplicationId application;
  std::uint64_t decision = 0;
  Error error;
  std::optional<Assignment> found;

  friend bool operator==(const CommitFailed&, const CommitFailed&) = default;
};

// The health board has the assignment: DNS answers with it.
struct Published {
  ApplicationId application;
  std::uint64_t decision = 0;

  friend bool operator==(const Published&, const Published&) = default;
};

// A region's fence table confirmed the epoch: no write of an older one is taken there any more, and
// none of `epoch` unless `open`. `last_grant`: when this process last renewed leases there.
struct FenceRaised {
  ApplicationId application;
  RegionId region;
  Epoch epoch = 0;
  bool open = false;
  std::optional<MonoTime> last_grant;

  friend bool operator==(const FenceRaised&, const FenceRaised&) = default;
};

// It did not answer in time, or refused. kAborted: it stands at the higher epoch `found`.
struct FenceFailed {
  ApplicationId application;
  RegionId region;
  Epoch epoch = 0;
  bool open = false;
  Error error;
  Epoch found = 0;
  std::optional<MonoTime> last_grant;

  friend bool operator==(const FenceFailed&, const FenceFailed&) = default;
};

// The drain barrier's end. `proven`: what had been written before it has arrived.
struct Drained {
  ApplicationId application;
  std::uint64_t decision = 0;
  bool proven = false;
  std::string detail;  // one line for a person, with the numbers

  friend bool operator==(const Drained&, const Drained&) = default;
};

using Event = std::variant<ApplicationDefined, ApplicationRemoved, RegionStatusChanged, TimerFired,
                           MoveRequested, CommitSucceeded, CommitFailed, Published, FenceRaised,
                           FenceFailed, Drained, StandingRequested>;

[[nodiscard]] const ApplicationId& application_of(const Event& event);

}  // namespace leeward::failover
