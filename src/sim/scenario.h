// SPDX-License-Identifier: Apache-2.0
//
// What a simulated world consists of, and what happens to it: a text file of lines, read and
// written here. docs/reference/sim.md says what each word means. A random world is made as such a
// text, too, so that a failing seed can be kept, shrunk and read.
//
// Thread-safety: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "failover/state.h"
#include "model/health_check.h"

namespace leeward::sim {

enum class Verb : std::uint8_t {
  kKill,
  kStart,  // REGION: the service's processes end, and run again
  kLose,
  kRestore,  // REGION: everything there is gone, and comes back
  kFreeze,
  kThaw,  // REGION: the service stops in the middle of whatever it does
  kSlow,  // REGION DURATION: answers take longer
  kGray,  // REGION PERCENT: so many requests fail
  kWell,  // REGION: neither slow nor gray
  kIsolate,
  kJoin,  // SITE: no packet in or out
  kCut,
  kMend,  // SITE SITE: both ways
  kCutWay,
  kMendWay,  // SITE SITE: from the first to the second
  kLoss,     // SITE SITE PERCENT, or `all PERCENT`
  kDelay,    // SITE SITE DURATION, or `all DURATION`: added to each packet
  kBurst,    // SITE DURATION: everything in and out is lost that long
  kCrash,
  kBoot,
  kBootOld,  // NODE: kill -9; start again, with its disk or with an old copy of it
  kPause,
  kResume,  // NODE: SIGSTOP and SIGCONT
  kDrift,   // NODE PPM
  kJump,    // NODE SECONDS: its wall clock
  kLie,
  kHonest,  // NODE: it says that everything is dead
  kStoreDown,
  kStoreUp,         // the state store has no leader
  kStoreRestore,    // an old backup of it (up to half a minute) is restored
  kProviderErrors,  // PERCENT of the calls are refused
  kProviderLoses,   // PERCENT of the calls work, and the answer is lost
  kStall,
  kFlow,  // REGION REGION: replication from the first to the second
  kFailover,
  kSwitchover,
  kFailback,  // APPLICATION REGION: an operator's
  kForce,     // APPLICATION REGION: failover that accepts data loss
  kHold,
  kRelease,
  kAcknowledge,  // APPLICATION: an operator's
};

[[nodiscard]] std::string_view to_string(Verb verb);  // "cut-way"

struct Fault {
  Duration at{};
  Verb verb = Verb::kKill;
  std::vector<std::string> names;  // sites or applications
  double number = 0;               // percent, ppm or seconds
  Duration duration{};

  friend bool operator==(const Fault&, const Fault&) = default;
};

struct Scenario {
  Duration length = std::chrono::minutes(10);
  // From then on nothing is broken, and the world has to come to rest before the end.
  Duration heal_at = std::chrono::minutes(7);
  int nodes = 3;  // control nodes: vantage points, DNS servers, candidates for leading
  std::vector<RegionId> regions;
  std::vector<failover::Policy> applications;
  CheckTiming timing;
  Duration delay = std::chrono::milliseconds(15);  // of a packet, one way
  double loss_percent = 0;
  Duration push = std::chrono::milliseconds(500);  // verdicts to every other node
  Duration vote_ttl = std::chrono::seconds(2);
  Duration ttl = std::chrono::seconds(5);
  std::vector<Fault> faults;  // in order of time

  friend bool operator==(const Scenario&, const Scenario&) = default;
};

// kInvalidArgument: "line 7: expected a percentage from 0 to 100, found '130'", one per line.
Result<Scenario> parse_scenario(std::string_view text);
[[nodiscard]] std::string format_scenario(const Scenario& scenario);
[[nodiscard]] std::string format_fault(const Fault& fault);

// The names of all sites: regions, node-1 ..., store, provider, users.
[[nodiscard]] std::vector<std::string> site_names(const Scenario& scenario);

}  // namespace leeward::sim
