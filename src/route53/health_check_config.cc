// SPDX-License-Identifier: Apache-2.0
#include "route53/health_check_config.h"

#include <algorithm>
#include <array>
#include <set>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/result.h"

namespace leeward::route53 {
namespace {

constexpr std::array<std::string_view, 8> kTypes{
    "HTTP", "HTTPS",      "HTTP_STR_MATCH",    "HTTPS_STR_MATCH",
    "TCP",  "CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL"};
constexpr std::size_t kChildrenMax = 255;

bool is_probed(const HealthCheckEntry& entry) {
  return entry.type.starts_with("HTTP") || entry.type == "TCP";
}

bool is_ip_address(const std::string& text) {
  in6_addr ignored{};
  return inet_pton(AF_INET, text.c_str(), &ignored) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

std::expected<void, ApiError> read_text(pugi::xml_node node, std::string_view name,
                                        std::size_t bytes_max, std::string& into) {
  if (auto text = text_of(node, name)) {
    if (text->size() > bytes_max) {
      return std::unexpected(
          invalid_input(fmt::format("{} has at most {} characters", name, bytes_max)));
    }
    into = *std::move(text);
  }
  return {};
}

std::expected<void, ApiError> read_number(pugi::xml_node node, std::string_view name, long min,
                                          long max, int& into) {
  ASSIGN_OR_RETURN(const auto value, number_of(node, name, min, max));
  into = value ? static_cast<int>(*value) : into;
  return {};
}

std::expected<void, ApiError> read_flag(pugi::xml_node node, std::string_view name, bool& into) {
  ASSIGN_OR_RETURN(const auto value, flag_of(node, name));
  into = value.value_or(into);
  return {};
}

std::expected<void, ApiError> read_list(pugi::xml_node node, std::string_view name,
                                        std::size_t count_max, std::vector<std::string>& into) {
  const pugi::xml_node list = child(node, name);
  if (!list) {
    return {};
  }
  into.clear();
  for (const pugi::xml_node each : list.children()) {
    into.emplace_back(each.text().get());
    if (into.size() > count_max || into.back().size() > 64) {
      return std::unexpected(invalid_input(
          fmt::format("{} has at most {} members of 64 characters", name, count_max)));
    }
  }
  return {};
}

// What an update may change, too.
std::expected<void, ApiError> read_changeable(pugi::xml_node node, HealthCheckEntry& entry) {
  RETURN_IF_ERROR(read_text(node, "IPAddress", 45, entry.ip_address));
  ASSIGN_OR_RETURN(const auto port, number_of(node, "Port", 1, 65'535));
  if (port) {
    entry.port = static_cast<int>(*port);
  }
  RETURN_IF_ERROR(read_text(node, "ResourcePath", 255, entry.resource_path));
  RETURN_IF_ERROR(read_text(node, "FullyQualifiedDomainName", 255, entry.fqdn));
  RETURN_IF_ERROR(read_text(node, "SearchString", 255, entry.search_string));
  RETURN_IF_ERROR(read_number(node, "FailureThreshold", 1, 10, entry.failure_threshold));
  RETURN_IF_ERROR(read_flag(node, "Inverted", entry.inverted));
  RETURN_IF_ERROR(read_flag(node, "Disabled", entry.disabled));
  ASSIGN_OR_RETURN(const auto threshold, number_of(node, "HealthThreshold", 0, 256));
  if (threshold) {
    entry.health_threshold = static_cast<int>(*threshold);
  }
  RETURN_IF_ERROR(read_list(node, "ChildHealthChecks", kChildrenMax + 1, entry.children));
  ASSIGN_OR_RETURN(const auto sni, flag_of(node, "EnableSNI"));
  if (sni.has_value()) {
    entry.enable_sni = sni;
  }
  RETURN_IF_ERROR(read_list(node, "Regions", 64, entry.regions));
  if (const pugi::xml_node alarm = child(node, "AlarmIdentifier")) {
    RETURN_IF_ERROR(read_text(alarm, "Region", 64, entry.alarm_region));
    RETURN_IF_ERROR(read_text(alarm, "Name", 256, entry.alarm_name));
  }
  return read_text(node, "InsufficientDataHealthStatus", 32, entry.insufficient_data_status);
}

std::expected<void, ApiError> check_probed(const HealthCheckEntry& entry) {
  if (entry.ip_address.empty() && entry.fqdn.empty()) {
    return std::unexpected(invalid_input(
        "Invalid parameter : Either IPAddress or FullyQualifiedDomainName must be specified"));
  }
  if (!entry.ip_address.empty() && !is_ip_address(entry.ip_address)) {
    return std::unexpected(
        invalid_input(fmt::format("Invalid parameter : Invalid IP address {}", entry.ip_address)));
  }
  const auto plain = [](char c) { return c > ' ' && c < 0x7F; };
  if (!std::ranges::all_of(entry.fqdn, plain) || !std::ranges::all_of(entry.resource_path, plain)) {
    return std::unexpected(
        invalid_input("FullyQualifiedDomainName and ResourcePath are visible ASCII characters"));
  }
  if (!entry.resource_path.empty() && !entry.resource_path.starts_with('/')) {
    return std::unexpected(invalid_input("ResourcePath begins with '/'"));
  }
  if (entry.type == "TCP" && (!entry.port || !entry.resource_path.empty())) {
    return std::unexpected(invalid_input("TCP health checks need Port and take no ResourcePath"));
  }
  const bool matches = entry.type.ends_with("_STR_MATCH");
  if (matches == entry.search_string.empty()) {
    return std::unexpected(invalid_input(
        matches ? "Invalid parameter : SearchString must be specified for this type"
                : "Invalid parameter : SearchString is for the STR_MATCH types only"));
  }
  return {};
}

std::expected<void, ApiError> check_calculated(const Call& call, const HealthCheckEntry& entry) {
  if (!entry.health_threshold || entry.children.empty()) {
    return std::unexpected(
        invalid_input("CALCULATED health checks need ChildHealthChecks and HealthThreshold"));
  }
  if (entry.children.size() > kChildrenMax) {
    return std::unexpected(
        invalid_input(fmt::format("at most {} child health checks", kChildrenMax)));
  }
  // Whatever the children lead to must not be this one.
  std::set<std::string> seen;
  std::vector<std::string> to_visit = entry.children;
  while (!to_visit.empty()) {
    const std::string id = std::move(to_visit.back());
    to_visit.pop_back();
    if (id == entry.id) {
      return std::unexpected(invalid_input("the child health checks lead back to this one"));
    }
    const auto found = call.catalog.health_checks.find(id);
    if (found == call.catalog.health_checks.end()) {
      return std::unexpected(invalid_input(
          fmt::format("Invalid parameter : child health check {} does not exist", id)));
    }
    if (seen.insert(id).second) {
      std::ranges::copy(found->second.children, std::back_inserter(to_visit));
    }
  }
  return {};
}

}  // namespace

void write_health_check(XmlWriter& xml, const HealthCheckEntry& entry) {
  xml.open("HealthCheck")
      .text("Id", entry.id)
      .text("CallerReference", entry.caller_reference)
      .open("HealthCheckConfig");
  xml.optional_text("IPAddress", entry.ip_address);
  if (entry.port) {
    xml.number("Port", static_cast<std::uint64_t>(*entry.port));
  }
  xml.text("Type", entry.type)
      .optional_text("ResourcePath", entry.resource_path)
      .optional_text("FullyQualifiedDomainName", entry.fqdn)
      .optional_text("SearchString", entry.search_string);
  if (is_probed(entry)) {
    xml.number("RequestInterval", static_cast<std::uint64_t>(entry.request_interval))
        .number("FailureThreshold", static_cast<std::uint64_t>(entry.failure_threshold))
        .flag("MeasureLatency", entry.measure_latency);
  }
  xml.flag("Inverted", entry.inverted).flag("Disabled", entry.disabled);
  if (entry.health_threshold) {
    xml.number("HealthThreshold", static_cast<std::uint64_t>(*entry.health_threshold));
  }
  if (!entry.children.empty()) {
    xml.open("ChildHealthChecks");
    for (const std::string& each : entry.children) {
      xml.text("ChildHealthCheck", each);
    }
    xml.close();
  }
  if (entry.enable_sni) {
    xml.flag("EnableSNI", *entry.enable_sni);
  }
  if (!entry.regions.empty()) {
    xml.open("Regions");
    for (const std::string& each : entry.regions) {
      xml.text("Region", each);
    }
    xml.close();
  }
  if (!entry.alarm_name.empty()) {
    xml.open("AlarmIdentifier")
        .text("Region", entry.alarm_region)
        .text("Name", entry.alarm_name)
        .close();
  }
  xml.optional_text("InsufficientDataHealthStatus", entry.insufficient_data_status)
      .optional_text("RoutingControlArn", entry.routing_control_arn)
      .close()
      .number("HealthCheckVersion", entry.version)
      .close();
}

std::expected<void, ApiError> read_config(pugi::xml_node config, HealthCheckEntry& entry) {
  if (!config) {
    return std::unexpected(invalid_input("HealthCheckConfig is required"));
  }
  ASSIGN_OR_RETURN(entry.type, required_text(config, "Type", 32));
  if (std::ranges::find(kTypes, entry.type) == kTypes.end()) {
    return std::unexpected(
        invalid_input(fmt::format("Type must be one of {}", fmt::join(kTypes, ", "))));
  }
  RETURN_IF_ERROR(read_changeable(config, entry));
  RETURN_IF_ERROR(read_number(config, "RequestInterval", 10, 30, entry.request_interval));
  if (entry.request_interval != 10 && entry.request_interval != 30) {
    return std::unexpected(invalid_input(
        "RequestInterval must be 10 or 30; for less, tag the health check: leeward:interval"));
  }
  RETURN_IF_ERROR(read_flag(config, "MeasureLatency", entry.measure_latency));
  if (is_probed(entry) && entry.type != "TCP" && !entry.port) {
    entry.port = entry.type.starts_with("HTTPS") ? 443 : 80;
  }
  if (entry.type.starts_with("HTTPS") && !entry.enable_sni) {
    entry.enable_sni = true;
  }
  return read_text(config, "RoutingControlArn", 255, entry.routing_control_arn);
}

std::expected<void, ApiError> update_config(pugi::xml_node request, HealthCheckEntry& entry) {
  for (const pugi::xml_node each : child(request, "ResetElements").children()) {
    const std::string_view name = each.text().get();
    if (name == "FullyQualifiedDomainName") {
      entry.fqdn.clear();
    } else if (name == "Regions") {
      entry.regions.clear();
    } else if (name == "ResourcePath") {
      entry.resource_path.clear();
    } else if (name == "ChildHealthChecks") {
      entry.children.clear();
    } else {
      return std::unexpected(invalid_input(
          fmt::format("ResetElements are FullyQualifiedDomainName, Regions, ResourcePath and "
                      "ChildHealthChecks, not '{}'",
                      name.substr(0, 64))));
    }
  }
  return read_changeable(request, entry);
}

std::expected<void, ApiError> check_config(const Call& call, const HealthCheckEntry& entry) {
  if (is_probed(entry)) {
    return check_probed(entry);
  }
  if (entry.type == "CALCULATED") {
    return check_calculated(call, entry);
  }
  if (entry.type == "CLOUDWATCH_METRIC") {
    constexpr std::array<std::string_view, 3> kStatuses{"Healthy", "Unhealthy", "LastKnownStatus"};
    if (entry.alarm_name.empty() || entry.alarm_region.empty() ||
        std::ranges::find(kStatuses, entry.insufficient_data_status) == kStatuses.end()) {
      return std::unexpected(invalid_input(
          "CLOUDWATCH_METRIC health checks need AlarmIdentifier and InsufficientDataHealthStatus; "
          "no alarms are read here, so that status is theirs"));
    }
    return {};
  }
  if (!call.views.routing_control_exists(entry.routing_control_arn)) {
    return std::unexpected(invalid_input(fmt::format(
        "RoutingControlArn: there is no routing control {}; create it, or see `leeward control "
        "list` for the ARNs",
        entry.routing_control_arn.empty() ? "named" : entry.routing_control_arn)));
  }
  return {};
}

}  // namespace leeward::route53
