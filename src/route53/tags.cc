// SPDX-License-Identifier: Apache-2.0
//
// Tags of hosted zones and health checks. Those of a health check that begin with "leeward:" set
// what the API's own model cannot carry (check_timing.h) and are validated.
#include <fmt/format.h>

#include "base/result.h"
#include "route53/check_timing.h"
#include "route53/operations.h"

namespace leeward::route53 {
namespace {

constexpr std::size_t kTagsMax = 50;
constexpr std::size_t kResourcesMax = 10;

std::expected<void, ApiError> check_resource(const Call& call, const std::string& type,
                                             std::string_view id) {
  if (type == "hostedzone") {
    ASSIGN_OR_RETURN([[maybe_unused]] const ZoneEntry* const zone, find_zone(call, id));
    return {};
  }
  if (type != "healthcheck") {
    return std::unexpected(invalid_input("ResourceType must be healthcheck or hostedzone"));
  }
  if (!call.catalog.health_checks.contains(id)) {
    return std::unexpected(not_found(
        "NoSuchHealthCheck", fmt::format("No health check exists with the specified ID {}", id)));
  }
  return {};
}

void write_tags(XmlWriter& xml, const Call& call, const std::string& type, const std::string& id) {
  xml.open("ResourceTagSet").text("ResourceType", type).text("ResourceId", id).open("Tags");
  if (const auto found = call.catalog.tags.find({type, id}); found != call.catalog.tags.end()) {
    for (const auto& [key, value] : found->second) {
      xml.open("Tag").text("Key", key).text("Value", value).close();
    }
  }
  xml.close().close();
}

}  // namespace

OperationResult change_tags(const Call& call) {
  const std::string& type = call.parameters[0];
  const std::string id(bare_id(call.parameters[1]));
  RETURN_IF_ERROR(check_resource(call, type, id));
  ASSIGN_OR_RETURN(const pugi::xml_node root, body_named(call, "ChangeTagsForResourceRequest"));
  Tags tags;
  if (const auto found = call.catalog.tags.find({type, id}); found != call.catalog.tags.end()) {
    tags = found->second;
  }
  for (const pugi::xml_node key : child(root, "RemoveTagKeys").children()) {
    tags.erase(key.text().get());
  }
  for (const pugi::xml_node tag : child(root, "AddTags").children()) {
    ASSIGN_OR_RETURN(std::string key, required_text(tag, "Key", 128));
    std::string value = text_of(tag, "Value").value_or("");
    if (value.size() > 256) {
      return std::unexpected(invalid_input("a tag's value has at most 256 characters"));
    }
    tags.insert_or_assign(std::move(key), std::move(value));
  }
  if (tags.size() > kTagsMax) {
    return std::unexpected(invalid_input(fmt::format("a resource has at most {} tags", kTagsMax)));
  }
  if (type == "healthcheck") {
    if (const auto timing = check_timing(call.catalog.health_checks.find(id)->second, tags);
        !timing) {
      return std::unexpected(invalid_input(timing.error().message));
    }
  }
  Outcome outcome{{200, XmlWriter("ChangeTagsForResourceResponse").finish()},
                  {put_tags(type, id, tags)}};
  return outcome;
}

OperationResult list_tags(const Call& call) {
  const std::string id(bare_id(call.parameters[1]));
  RETURN_IF_ERROR(check_resource(call, call.parameters[0], id));
  XmlWriter xml("ListTagsForResourceResponse");
  write_tags(xml, call, call.parameters[0], id);
  return Outcome{{200, xml.finish()}};
}

OperationResult list_tags_of_many(const Call& call) {
  ASSIGN_OR_RETURN(const pugi::xml_node root, body_named(call, "ListTagsForResourcesRequest"));
  XmlWriter xml("ListTagsForResourcesResponse");
  xml.open("ResourceTagSets");
  std::size_t count = 0;
  for (const pugi::xml_node each : child(root, "ResourceIds").children()) {
    const std::string id(bare_id(each.text().get()));
    RETURN_IF_ERROR(check_resource(call, call.parameters[0], id));
    if (++count > kResourcesMax) {
      return std::unexpected(
          invalid_input(fmt::format("at most {} resources at a time", kResourcesMax)));
    }
    write_tags(xml, call, call.parameters[0], id);
  }
  return Outcome{{200, xml.finish()}};
}

}  // namespace leeward::route53
