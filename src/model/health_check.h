// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "model/ids.h"

namespace leeward {

// Route 53's names (HealthCheckType), of which a checker probes these.
enum class CheckType : std::uint8_t { kHttp, kHttps, kHttpStrMatch, kHttpsStrMatch, kTcp };

[[nodiscard]] std::string_view to_string(CheckType type);  // "HTTP_STR_MATCH"
[[nodiscard]] std::optional<CheckType> parse_check_type(std::string_view text);
[[nodiscard]] constexpr bool is_tls(CheckType type) {
  return type == CheckType::kHttps || type == CheckType::kHttpsStrMatch;
}
[[nodiscard]] constexpr bool is_string_match(CheckType type) {
  return type == CheckType::kHttpStrMatch || type == CheckType::kHttpsStrMatch;
}

// What a gray region, which answers but worse than the application's others, leads to.
enum class GrayAction : std::uint8_t {
  kNone,       // nobody looks
  kReport,     // it is said; no user moves
  kUnhealthy,  // it counts as unhealthy
};

[[nodiscard]] std::string_view to_string(GrayAction action);  // "report"
[[nodiscard]] std::optional<GrayAction> parse_gray_action(std::string_view text);

// When a region is gray: detect/gray.h.
struct GrayPolicy {
  GrayAction action = GrayAction::kReport;
  double good_share = 0.90;                   // fewer good requests than this, 0 to 1, and ...
  double p_max = 1e-6;                        // ... chance as an explanation less likely than this
  Duration window = std::chrono::minutes(2);  // of requests that are compared; 1s to 1h
  Duration hold = std::chrono::seconds(5);    // so for this long, 0s to 1h
  std::optional<Duration> slow_after;         // an answer that took longer is not good

  friend bool operator==(const GrayPolicy&, const GrayPolicy&) = default;
};

// How fast a verdict is reached, and what else is watched. Defaults are the config's defaults.
struct CheckTiming {
  Duration interval = std::chrono::seconds(1);              // 20ms to 1h
  Duration timeout = std::chrono::milliseconds(500);        // ceiling of the adaptive timeout
  Duration timeout_floor = std::chrono::milliseconds(100);  // its floor; <= timeout
  double jitter = 0.1;                                      // share of interval, 0 to 0.5
  std::optional<int> failure_threshold = 3;  // 1 to 100; nullopt = "auto": sequential test
  int success_threshold = 3;                 // 1 to 100
  Duration confirm_spacing = std::chrono::milliseconds(50);  // 5ms up to interval
  Duration recovery_hold_down = std::chrono::seconds(0);     // base; doubles with each flap
  Duration recovery_hold_down_max = std::chrono::minutes(5);
  Duration flap_window = std::chrono::minutes(10);  // a flap older than this is forgotten
  double auto_alpha = 1e-6;                         // false suspicion bound for "auto"
  int auto_min = 3;                                 // bounds of the automatic threshold
  int auto_max = 21;
  GrayPolicy gray;

  friend bool operator==(const CheckTiming&, const CheckTiming&) = default;
};

struct HealthCheck {
  HealthCheckId id;
  CheckType type = CheckType::kHttp;
  std::string address;  // IPv4, IPv6 (no brackets) or a host name, resolved by the checker
  std::uint16_t port = 80;
  std::string path = "/";          // HTTP types; starts with '/'
  std::string host_name;           // Host header and SNI; empty: the address
  std::string search_string;       // *_STR_MATCH; whole within the first 5,120 bytes of the body
  bool verify_certificate = true;  // HTTPS types; against ca_file or the system's store
  std::string ca_file;             // PEM; empty: the system's store
  bool fresh_connection = false;   // a new connection for each probe instead of keep-alive
  bool inverted = false;
  bool disabled = false;  // not probed, counts as healthy (Route 53)
  CheckTiming timing;

  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

}  // namespace leeward
