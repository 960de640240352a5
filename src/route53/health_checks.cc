// SPDX-License-Identifier: Apache-2.0
//
// Health checks. What they mean for answers: detect/health_tree.h; how they are probed:
// check_timing.h.
#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "base/result.h"
#include "route53/health_check_config.h"
#include "route53/operations.h"

namespace leeward::route53 {
namespace {

std::expected<const HealthCheckEntry*, ApiError> find_check(const Call& call) {
  const auto found = call.catalog.health_checks.find(call.parameters[0]);
  if (found == call.catalog.health_checks.end()) {
    return std::unexpected(not_found("NoSuchHealthCheck",
                                     fmt::format("No health check exists with the specified ID {}",
                                                 call.parameters[0].substr(0, 64))));
  }
  return &found->second;
}

std::string one_check(std::string_view root, const HealthCheckEntry& entry) {
  XmlWriter xml(root);
  write_health_check(xml, entry);
  return xml.finish();
}

void write_rows(XmlWriter& xml, const std::vector<CheckerRow>& rows) {
  xml.open("HealthCheckObservations");
  for (const CheckerRow& row : rows) {
    xml.open("HealthCheckObservation")
        .text("Region", row.region)
        .text("IPAddress", row.ip_address)
        .open("StatusReport")
        .text("Status", row.status)
        .text("CheckedTime", format_rfc3339(row.checked_at))
        .close()
        .close();
  }
  xml.close();
}

// The calculated check that counts this one; empty: none.
std::string parent_of(const Catalog& catalog, const std::string& id) {
  for (const auto& [other, check] : catalog.health_checks) {
    if (std::ranges::find(check.children, id) != check.children.end()) {
      return "health check " + other;
    }
  }
  return {};
}

// The first record set that refers to the health check; empty: none.
std::string user_of(const Catalog& catalog, const std::string& id) {
  std::string user;
  for (const auto& [zone_id, zone] : catalog.zones) {
    zone.zone.records.visit_all([&](const ResourceRecordSet& set) {
      if (set.health_check_id == id) {
        user = fmt::format("resource record set {} {} in {}", set.name, set.type, zone_id);
      }
      return user.empty();
    });
  }
  return user;
}

}  // namespace

OperationResult create_health_check(const Call& call) {
  ASSIGN_OR_RETURN(const pugi::xml_node root, body_named(call, "CreateHealthCheckRequest"));
  ASSIGN_OR_RETURN(const std::string reference, required_text(root, "CallerReference", 64));
  HealthCheckEntry entry;
  RETURN_IF_ERROR(read_config(child(root, "HealthCheckConfig"), entry));
  entry.caller_reference = reference;
  for (const auto& [id, other] : call.catalog.health_checks) {
    if (other.caller_reference != reference) {
      continue;
    }
    // Asked for again, because the answer was lost: with the settings that it has, or had first.
    HealthCheckEntry same = entry;
    same.id = other.id;
    same.version = other.version;
    if (same == other) {
      return Outcome{
          {201, one_check("CreateHealthCheckResponse", other), "/2013-04-01/healthcheck/" + id}};
    }
    return std::unexpected(ApiError{
        409, "HealthCheckAlreadyExists",
        fmt::format("health check {} was created with this caller reference and other settings",
                    id)});
  }
  RETURN_IF_ERROR(check_config(call, entry));
  entry.id = random_uuid(call.rng);
  return Outcome{
      {201, one_check("CreateHealthCheckResponse", entry), "/2013-04-01/healthcheck/" + entry.id},
      {put_health_check(entry)}};
}

OperationResult get_health_check(const Call& call) {
  ASSIGN_OR_RETURN(const HealthCheckEntry* const check, find_check(call));
  return Outcome{{200, one_check("GetHealthCheckResponse", *check)}};
}

OperationResult list_health_checks(const Call& call) {
  ASSIGN_OR_RETURN(const std::size_t most, max_items(call));
  const std::string marker = call.parameter("marker").value_or("");
  XmlWriter xml("ListHealthChecksResponse");
  xml.open("HealthChecks");
  std::size_t count = 0;
  std::string next;
  for (auto at = call.catalog.health_checks.lower_bound(marker);
       at != call.catalog.health_checks.end(); ++at, ++count) {
    if (count == most) {
      next = at->first;
      break;
    }
    write_health_check(xml, at->second);
  }
  xml.close().text("Marker", marker).flag("IsTruncated", !next.empty());
  xml.optional_text("NextMarker", next).number("MaxItems", most);
  return Outcome{{200, xml.finish()}};
}

OperationResult get_health_check_count(const Call& call) {
  XmlWriter xml("GetHealthCheckCountResponse");
  xml.number("HealthCheckCount", call.catalog.health_checks.size());
  return Outcome{{200, xml.finish()}};
}

OperationResult update_health_check(const Call& call) {
  ASSIGN_OR_RETURN(const HealthCheckEntry* const check, find_check(call));
  ASSIGN_OR_RETURN(const pugi::xml_node root, body_named(call, "UpdateHealthCheckRequest"));
  ASSIGN_OR_RETURN(const auto version, number_of(root, "HealthCheckVersion", 1, 1'000'000'000));
  if (version && static_cast<std::uint64_t>(*version) != check->version) {
    return std::unexpected(ApiError{
        409, "HealthCheckVersionMismatch",
        fmt::format("the health check's version is {}, not {}", check->version, *version)});
  }
  HealthCheckEntry changed = *check;
  RETURN_IF_ERROR(update_config(root, changed));
  RETURN_IF_ERROR(check_config(call, changed));
  changed.version += 1;
  return Outcome{{200, one_check("UpdateHealthCheckResponse", changed)},
                 {put_health_check(changed)}};
}

OperationResult delete_health_check_operation(const Call& call) {
  ASSIGN_OR_RETURN(const HealthCheckEntry* const check, find_check(call));
  std::string user = parent_of(call.catalog, check->id);
  if (user.empty() && !call.delete_used_health_checks) {
    user = user_of(call.catalog, check->id);
  }
  if (!user.empty()) {
    return std::unexpected(
        ApiError{400, "HealthCheckInUse", fmt::format("the health check is in use by {}", user)});
  }
  return Outcome{{200, XmlWriter("DeleteHealthCheckResponse").finish()},
                 {delete_health_check(check->id), put_tags("healthcheck", check->id, {})}};
}

OperationResult get_health_check_status(const Call& call) {
  ASSIGN_OR_RETURN(const HealthCheckEntry* const check, find_check(call));
  if (check->type == "CALCULATED" || check->type == "RECOVERY_CONTROL") {
    return std::unexpected(invalid_input(fmt::format(
        "health checks of type {} are not probed: they have no status of checkers", check->type)));
  }
  XmlWriter xml("GetHealthCheckStatusResponse");
  write_rows(xml, call.views.statuses(check->id));
  return Outcome{{200, xml.finish()}};
}

OperationResult get_health_check_last_failure(const Call& call) {
  ASSIGN_OR_RETURN(const HealthCheckEntry* const check, find_check(call));
  if (check->type == "CALCULATED" || check->type == "RECOVERY_CONTROL") {
    return std::unexpected(invalid_input(
        fmt::format("health checks of type {} are not probed: they have no failures of checkers",
                    check->type)));
  }
  XmlWriter xml("GetHealthCheckLastFailureReasonResponse");
  write_rows(xml, call.views.last_failures(check->id));
  return Outcome{{200, xml.finish()}};
}

OperationResult get_checker_ranges(const Call& call) {
  XmlWriter xml("GetCheckerIpRangesResponse");
  xml.open("CheckerIpRanges");
  for (const std::string& range : call.views.checker_ranges()) {
    xml.text("member", range);
  }
  return Outcome{{200, xml.finish()}};
}

}  // namespace leeward::route53
