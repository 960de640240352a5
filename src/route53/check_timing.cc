// SPDX-License-Identifier: Apache-2.0
#include "route53/check_timing.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace leeward::route53 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Result<std::optional<Duration>> duration_tag(const Tags& tags, const std::string& name,
                                             Duration min, Duration max) {
  const auto found = tags.find(name);
  if (found == tags.end()) {
    return std::nullopt;
  }
  const auto value = parse_duration(found->second);
  if (!value || *value < min || *value > max) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("tag {} must be a duration from {} to {}, found '{}'", name,
                            format_duration(min), format_duration(max), found->second));
  }
  return *value;
}

}  // namespace

Result<CheckTiming> check_timing(const HealthCheckEntry& entry, const Tags& tags) {
  CheckTiming timing;
  ASSIGN_OR_RETURN(const auto interval,
                   duration_tag(tags, "leeward:interval", milliseconds(20), std::chrono::hours(1)));
  timing.interval = interval.value_or(seconds(entry.request_interval));
  const Duration usual = entry.type == "TCP" ? seconds(10) : seconds(4);
  ASSIGN_OR_RETURN(const auto timeout, duration_tag(tags, "leeward:timeout", milliseconds(100),
                                                    std::chrono::minutes(1)));
  timing.timeout = timeout.value_or(std::min(usual, timing.interval));
  timing.timeout_floor = std::min<Duration>(timing.timeout, timeout ? milliseconds(100) : usual);
  timing.failure_threshold = entry.failure_threshold;
  timing.success_threshold = entry.failure_threshold;
  if (const auto found = tags.find("leeward:confirm-probes"); found != tags.end()) {
    int probes = 0;
    const std::string& text = found->second;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), probes);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || probes < 1 ||
        probes > 100) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("tag leeward:confirm-probes must be from 1 to 100, found '{}'", text));
    }
    timing.failure_threshold = probes;
  }
  ASSIGN_OR_RETURN(const auto spacing,
                   duration_tag(tags, "leeward:confirm-spacing", milliseconds(5), timing.interval));
  timing.confirm_spacing = spacing.value_or(timing.interval);
  return timing;
}

std::optional<HealthCheck> probe_of(const HealthCheckEntry& entry, const Tags& tags) {
  const auto type = parse_check_type(entry.type);
  if (!type) {
    return std::nullopt;
  }
  HealthCheck check;
  check.id = HealthCheckId(entry.id);
  check.type = *type;
  check.address = entry.ip_address.empty() ? entry.fqdn : entry.ip_address;
  check.port = static_cast<std::uint16_t>(entry.port.value_or(is_tls(*type) ? 443 : 80));
  check.path = entry.resource_path.empty() ? "/" : entry.resource_path;
  check.host_name = entry.fqdn;
  check.search_string = entry.search_string;
  check.verify_certificate = false;
  check.disabled = entry.disabled;
  // Inversion is evaluated with the others' (detect/health_tree.h).
  const auto timing = check_timing(entry, tags);
  check.timing = timing ? *timing : *check_timing(entry, {});
  return check;
}

}  // namespace leeward::route53
