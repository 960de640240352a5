// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/ids.h"

namespace leeward {

enum class Health : std::uint8_t { kUnknown, kHealthy, kUnhealthy };

[[nodiscard]] std::string_view to_string(Health health);  // "healthy"
[[nodiscard]] std::optional<Health> parse_health(std::string_view text);

enum class ProbeOutcome : std::uint8_t {
  kSuccess,
  kRefused,      // RST or ECONNREFUSED
  kUnreachable,  // no route, ICMP unreachable, reset while connecting
  kTimeout,
  kTlsError,   // handshake or certificate
  kBadStatus,  // HTTP status outside 2xx and 3xx
  kNoMatch,    // search string not in the first 5,120 bytes
  kMalformed,  // not HTTP, or over the header limits
  kClosed,     // connection closed before an answer
  kNameResolution,
  kLocalError,  // the checker's own trouble (no descriptors, no memory): no evidence at all
};

[[nodiscard]] std::string_view to_string(ProbeOutcome outcome);  // "refused"
[[nodiscard]] std::optional<ProbeOutcome> parse_probe_outcome(std::string_view text);

// One probe's result at one vantage point.
struct Observation {
  std::uint64_t sequence = 0;  // of the probe, per health check, from 1
  ProbeOutcome outcome = ProbeOutcome::kLocalError;
  MonoTime started;
  MonoTime finished;
  std::string detail;  // "HTTP 503", "certificate has expired"; one line, at most 200 bytes

  friend bool operator==(const Observation&, const Observation&) = default;
};

// Why a verdict is what it is.
struct Evidence {
  std::vector<Observation> observations;  // the probes that decided it, oldest first; bounded
  int consecutive_failures = 0;
  int consecutive_successes = 0;
  int threshold = 0;     // the one that was reached or is being counted towards
  double miss_rate = 0;  // the path's learned share of unanswered probes, 0 to 1
  Duration timeout{};    // the adaptive timeout in force
  std::string reason;    // one line for a person

  friend bool operator==(const Evidence&, const Evidence&) = default;
};

// One vantage point's opinion of one health check.
struct Verdict {
  Health health = Health::kUnknown;
  MonoTime since;           // when it became this
  bool suspect = false;     // healthy, but a burst is running
  Duration time_to_flip{};  // the soonest this could change: probes needed x spacing
  Evidence evidence;

  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// Whether a region that answers does so worse than its application's others (detect/gray.h), as
// this vantage point sees it.
struct GrayStatus {
  bool suspect = false;
  MonoTime since;         // when it became this
  double good_share = 1;  // of the region's requests in the window; 1 where there is none
  double cohort_good_share = 1;
  double p = 1;        // that chance alone makes it that much worse
  std::string reason;  // one line for a person; empty while all is well

  friend bool operator==(const GrayStatus&, const GrayStatus&) = default;
};

struct Vote {
  NodeId vantage;
  Health health = Health::kUnknown;
  MonoTime at;  // receiver's clock
  Evidence evidence;

  friend bool operator==(const Vote&, const Vote&) = default;
};

// The fleet's opinion of one health check: the quorum of fresh verdicts.
struct HealthStatus {
  Health health = Health::kUnknown;
  MonoTime since;
  bool suspect = false;
  Duration time_to_flip{};
  std::vector<Vote> votes;

  friend bool operator==(const HealthStatus&, const HealthStatus&) = default;
};

}  // namespace leeward
