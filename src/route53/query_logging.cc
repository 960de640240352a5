// SPDX-License-Identifier: Apache-2.0
//
// Query logging configs: kept, so that clients which manage them work; where queries really go is
// the daemon's metrics.
#include <fmt/format.h>

#include "base/result.h"
#include "route53/operations.h"

namespace leeward::route53 {
namespace {

void write_config(XmlWriter& xml, const QueryLoggingEntry& config) {
  xml.open("QueryLoggingConfig")
      .text("Id", config.id)
      .text("HostedZoneId", config.zone_id)
      .text("CloudWatchLogsLogGroupArn", config.log_group_arn)
      .close();
}

std::expected<const QueryLoggingEntry*, ApiError> find_config(const Call& call) {
  const auto found = call.catalog.query_logging.find(call.parameters[0]);
  if (found == call.catalog.query_logging.end()) {
    return std::unexpected(not_found(
        "NoSuchQueryLoggingConfig",
        fmt::format("no query logging config has the id {}", call.parameters[0].substr(0, 64))));
  }
  return &found->second;
}

}  // namespace

OperationResult create_query_logging(const Call& call) {
  ASSIGN_OR_RETURN(const pugi::xml_node root, body_named(call, "CreateQueryLoggingConfigRequest"));
  ASSIGN_OR_RETURN(const std::string zone_id, required_text(root, "HostedZoneId", 64));
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_own_zone(call, zone_id));
  QueryLoggingEntry config;
  ASSIGN_OR_RETURN(config.log_group_arn, required_text(root, "CloudWatchLogsLogGroupArn"));
  if (!config.log_group_arn.starts_with("arn:") || !config.log_group_arn.contains(":log-group:")) {
    return std::unexpected(not_found("NoSuchCloudWatchLogsLogGroup",
                                     "CloudWatchLogsLogGroupArn is no log group's ARN"));
  }
  for (const auto& [id, other] : call.catalog.query_logging) {
    if (other.zone_id == zone->zone.id) {
      return std::unexpected(
          ApiError{409, "QueryLoggingConfigAlreadyExists",
                   fmt::format("hosted zone {} has query logging config {}", zone->zone.id, id)});
    }
  }
  config.id = random_uuid(call.rng);
  config.zone_id = zone->zone.id;
  XmlWriter xml("CreateQueryLoggingConfigResponse");
  write_config(xml, config);
  return Outcome{{201, xml.finish(), "/2013-04-01/queryloggingconfig/" + config.id},
                 {put_query_logging(config)}};
}

OperationResult get_query_logging(const Call& call) {
  ASSIGN_OR_RETURN(const QueryLoggingEntry* const config, find_config(call));
  XmlWriter xml("GetQueryLoggingConfigResponse");
  write_config(xml, *config);
  return Outcome{{200, xml.finish()}};
}

OperationResult list_query_logging(const Call& call) {
  std::size_t most = 100;
  if (const auto text = call.parameter("maxresults")) {
    most = text->empty() || text->size() > 3 ||
                   text->find_first_not_of("0123456789") != std::string::npos
               ? 0
               : std::stoul(*text);
    if (most < 1 || most > 100) {
      return std::unexpected(invalid_input("MaxResults must be from 1 to 100"));
    }
  }
  const std::string token = call.parameter("nexttoken").value_or("");
  const std::string of_zone = call.parameter("hostedzoneid").value_or("");
  if (!of_zone.empty()) {
    ASSIGN_OR_RETURN([[maybe_unused]] const ZoneEntry* const zone, find_zone(call, of_zone));
  }
  XmlWriter xml("ListQueryLoggingConfigsResponse");
  xml.open("QueryLoggingConfigs");
  std::size_t count = 0;
  std::string next;
  for (auto at = call.catalog.query_logging.lower_bound(token);
       at != call.catalog.query_logging.end(); ++at) {
    if (!of_zone.empty() && at->second.zone_id != bare_id(of_zone)) {
      continue;
    }
    if (count++ == most) {
      next = at->first;
      break;
    }
    write_config(xml, at->second);
  }
  xml.close().optional_text("NextToken", next);
  return Outcome{{200, xml.finish()}};
}

OperationResult delete_query_logging_operation(const Call& call) {
  ASSIGN_OR_RETURN(const QueryLoggingEntry* const config, find_config(call));
  return Outcome{{200, XmlWriter("DeleteQueryLoggingConfigResponse").finish()},
                 {delete_query_logging(config->id)}};
}

}  // namespace leeward::route53
