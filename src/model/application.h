// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/health_check.h"
#include "model/ids.h"

namespace leeward {

// Where the application runs, and the DynamoDB region beside it.
struct Region {
  RegionId id;
  std::string dynamodb_region;       // "eu-west-3"; empty: no tables here
  std::string dynamodb_endpoint;     // only for local stores; empty: Amazon's
  std::optional<int> capacity = {};  // in units of the applications' demand; none: unlimited

  friend bool operator==(const Region&, const Region&) = default;
};

enum class Failback : std::uint8_t { kManual, kAutomatic };

// What routing an application's hostname gets.
enum class ApplicationMode : std::uint8_t {
  kActivePassive,  // failover routing: the assigned region answers; at most one is active
  kActiveActive,   // multivalue answer routing: every healthy region answers
};

[[nodiscard]] std::string_view to_string(Failback failback);     // "manual"
[[nodiscard]] std::string_view to_string(ApplicationMode mode);  // "active-passive"
[[nodiscard]] std::optional<Failback> parse_failback(std::string_view text);
[[nodiscard]] std::optional<ApplicationMode> parse_application_mode(std::string_view text);

// How a region that lost an application is kept from writing. What each mode risks:
// docs/fencing.md.
enum class FencingMode : std::uint8_t {
  kNone,         // not at all: two regions may write at the same time for a while
  kLease,        // writers ask before each write; safe while no write takes over request_max
  kTransaction,  // the store refuses writes of an older epoch; leases cover an unreachable store
};

[[nodiscard]] std::string_view to_string(FencingMode mode);  // "transaction"
[[nodiscard]] std::optional<FencingMode> parse_fencing_mode(std::string_view text);

struct FencingPolicy {
  FencingMode mode = FencingMode::kNone;
  Duration lease = std::chrono::seconds(3);        // how long writers may go on unrenewed
  Duration renew = std::chrono::seconds(1);        // at most a third of the lease
  Duration request_max = std::chrono::seconds(1);  // the longest that a write may take

  friend bool operator==(const FencingPolicy&, const FencingPolicy&) = default;
};

// An application that moves by itself this often is locked out of automatic moves until an operator
// acknowledges it: something is wrong that moving does not cure.
struct LockoutPolicy {
  int moves = 5;  // 0: never locked out
  Duration within = std::chrono::hours(1);

  friend bool operator==(const LockoutPolicy&, const LockoutPolicy&) = default;
};

// How many of all applications may move by themselves within a time: a limit to what a mistake of
// ours can do.
struct VelocityLimit {
  int percent = 100;  // of the applications, rounded down, at least one; 100: no limit
  Duration within = std::chrono::minutes(10);

  friend bool operator==(const VelocityLimit&, const VelocityLimit&) = default;
};

// After a failback users follow in steps: percentages of the answers, ascending, below 100.
struct GradualFailback {
  std::vector<int> steps;  // none: all at once
  Duration every = std::chrono::minutes(1);

  friend bool operator==(const GradualFailback&, const GradualFailback&) = default;
};

struct FailoverPolicy {
  bool automatic = true;
  Duration confirm_window{};  // the quorum must hold this long before a shift
  int quorum_required = 1;    // votes that must agree; absolute, never "of those left"
  std::optional<Duration> max_replication_lag;    // none: data is not a guard
  Duration hold_down = std::chrono::seconds(30);  // least time between automatic shifts; may be 0
  Failback failback = Failback::kManual;
  Duration failback_after = std::chrono::minutes(5);  // automatic failback: preferred region
                                                      // healthy this long
  FencingPolicy fencing;
  LockoutPolicy lockout;
  VelocityLimit velocity;
  GradualFailback gradual_failback;

  friend bool operator==(const FailoverPolicy&, const FailoverPolicy&) = default;
};

struct ApplicationRegion {
  RegionId region;
  std::vector<std::string> addresses;  // IPv4 and IPv6; at least one
  HealthCheck check;                   // id "<application>/<region>"
  std::optional<int> capacity = {};    // the region's, in units of demand; none: unlimited

  friend bool operator==(const ApplicationRegion&, const ApplicationRegion&) = default;
};

struct Application {
  ApplicationId id;
  std::vector<std::string> hostnames;  // absolute, lower case, no trailing dot; at least one
  ApplicationMode mode = ApplicationMode::kActivePassive;
  Duration ttl = std::chrono::seconds(5);        // 1s to 1d, whole seconds
  Duration ttl_floor = std::chrono::seconds(1);  // <= ttl; suspicion never shrinks below it
  std::vector<ApplicationRegion> regions;        // in order of preference; at least one
  std::vector<std::string> tables;
  int demand = 1;               // what it takes of its region's capacity
  int min_healthy_regions = 1;  // active-active: with fewer, every region answers
  FailoverPolicy failover;

  friend bool operator==(const Application&, const Application&) = default;
};

// Which region is active for an application.
struct Assignment {
  RegionId region;
  Epoch epoch = 0;  // 0: none yet

  friend bool operator==(const Assignment&, const Assignment&) = default;
};

}  // namespace leeward
