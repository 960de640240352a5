// SPDX-License-Identifier: Apache-2.0
//
// Traffic policies: documents with versions.
#include <algorithm>

#include <fmt/format.h>

#include "base/result.h"
#include "route53/operations.h"
#include "route53/traffic_document.h"

namespace leeward::route53 {
namespace {

void write_policy(XmlWriter& xml, const TrafficPolicyEntry& policy) {
  xml.open("TrafficPolicy")
      .text("Id", policy.id)
      .number("Version", policy.version)
      .text("Name", policy.name)
      .text("Type", policy.type)
      .text("Document", policy.document);
  xml.optional_text("Comment", policy.comment.value_or("")).close();
}

std::uint32_t number_of(const std::string& text) {
  return text.empty() || text.size() > 4 ||
                 text.find_first_not_of("0123456789") != std::string::npos
             ? 0
             : static_cast<std::uint32_t>(std::stoul(text));
}

std::uint32_t latest_version(const Catalog& catalog, const std::string& id) {
  std::uint32_t latest = 0;
  for (const auto& [key, policy] : catalog.traffic_policies) {
    latest = key.first == id ? std::max(latest, key.second) : latest;
  }
  return latest;
}

ApiError no_such_policy() {
  return not_found("NoSuchTrafficPolicy", "No traffic policy exists with the specified ID.");
}

std::expected<const TrafficPolicyEntry*, ApiError> find_policy(const Call& call) {
  const auto found =
      call.catalog.traffic_policies.find({call.parameters[0], number_of(call.parameters[1])});
  if (found == call.catalog.traffic_policies.end()) {
    return std::unexpected(no_such_policy());
  }
  return &found->second;
}

std::expected<void, ApiError> read_policy(pugi::xml_node root, TrafficPolicyEntry& policy) {
  ASSIGN_OR_RETURN(policy.document, required_text(root, "Document", kDocumentBytesMax));
  policy.comment = text_of(root, "Comment");
  if (policy.comment && policy.comment->size() > 1024) {
    return std::unexpected(invalid_input("Comment has at most 1024 characters"));
  }
  const auto type = check_document(policy.document);
  if (!type) {
    return std::unexpected(ApiError{400, "InvalidTrafficPolicyDocument", type.error()});
  }
  policy.type = *type;
  return {};
}

OperationResult created(const TrafficPolicyEntry& policy, std::string_view root) {
  XmlWriter xml(root);
  write_policy(xml, policy);
  return Outcome{{201, xml.finish(),
                  fmt::format("/2013-04-01/trafficpolicy/{}/{}", policy.id, policy.version)},
                 {put_traffic_policy(policy)}};
}

}  // namespace

OperationResult create_traffic_policy(const Call& call) {
  ASSIGN_OR_RETURN(const pugi::xml_node root, body_named(call, "CreateTrafficPolicyRequest"));
  TrafficPolicyEntry policy;
  ASSIGN_OR_RETURN(policy.name, required_text(root, "Name", 512));
  RETURN_IF_ERROR(read_policy(root, policy));
  for (const auto& [key, other] : call.catalog.traffic_policies) {
    if (other.name == policy.name) {
      return std::unexpected(
          ApiError{409, "TrafficPolicyAlreadyExists",
                   fmt::format("traffic policy {} has the name {}", key.first, policy.name)});
    }
  }
  policy.id = random_uuid(call.rng);
  return created(policy, "CreateTrafficPolicyResponse");
}

OperationResult create_traffic_policy_version(const Call& call) {
  ASSIGN_OR_RETURN(const pugi::xml_node root,
                   body_named(call, "CreateTrafficPolicyVersionRequest"));
  const std::uint32_t latest = latest_version(call.catalog, call.parameters[0]);
  if (latest == 0) {
    return std::unexpected(no_such_policy());
  }
  TrafficPolicyEntry policy;
  const TrafficPolicyEntry& before = call.catalog.traffic_policies.at({call.parameters[0], latest});
  policy.id = before.id;
  policy.name = before.name;
  policy.version = latest + 1;
  RETURN_IF_ERROR(read_policy(root, policy));
  if (policy.version > 1000) {
    return std::unexpected(ApiError{400, "TooManyTrafficPolicyVersionsForCurrentPolicy",
                                    "a traffic policy has at most 1000 versions"});
  }
  if (policy.type != before.type) {
    return std::unexpected(ApiError{400, "InvalidTrafficPolicyDocument",
                                    "a new version has the RecordType of the ones before"});
  }
  return created(policy, "CreateTrafficPolicyVersionResponse");
}

OperationResult get_traffic_policy(const Call& call) {
  ASSIGN_OR_RETURN(const TrafficPolicyEntry* const policy, find_policy(call));
  XmlWriter xml("GetTrafficPolicyResponse");
  write_policy(xml, *policy);
  return Outcome{{200, xml.finish()}};
}

OperationResult list_traffic_policies(const Call& call) {
  ASSIGN_OR_RETURN(const std::size_t most, max_items(call));
  const std::string marker = call.parameter("trafficpolicyid").value_or("");
  std::map<std::string, std::pair<const TrafficPolicyEntry*, std::uint32_t>> latest;
  for (const auto& [key, policy] : call.catalog.traffic_policies) {
    latest[key.first] = {&policy, latest[key.first].second + 1};  // in order of version
  }
  XmlWriter xml("ListTrafficPoliciesResponse");
  xml.open("TrafficPolicySummaries");
  std::size_t count = 0;
  std::string next;
  for (auto at = latest.lower_bound(marker); at != latest.end(); ++at, ++count) {
    if (count == most) {
      next = at->first;
      break;
    }
    const TrafficPolicyEntry& policy = *at->second.first;
    xml.open("TrafficPolicySummary")
        .text("Id", policy.id)
        .text("Name", policy.name)
        .text("Type", policy.type)
        .number("LatestVersion", policy.version)
        .number("TrafficPolicyCount", at->second.second)
        .close();
  }
  xml.close().flag("IsTruncated", !next.empty()).text("TrafficPolicyIdMarker", next);
  xml.number("MaxItems", most);
  return Outcome{{200, xml.finish()}};
}

OperationResult list_traffic_policy_versions(const Call& call) {
  ASSIGN_OR_RETURN(const std::size_t most, max_items(call));
  const std::string& id = call.parameters[0];
  if (latest_version(call.catalog, id) == 0) {
    return std::unexpected(no_such_policy());
  }
  const std::uint32_t from = number_of(call.parameter("trafficpolicyversion").value_or("1"));
  XmlWriter xml("ListTrafficPolicyVersionsResponse");
  xml.open("TrafficPolicies");
  std::size_t count = 0;
  std::string next;
  for (auto at = call.catalog.traffic_policies.lower_bound({id, from});
       at != call.catalog.traffic_policies.end() && at->first.first == id; ++at, ++count) {
    if (count == most) {
      next = std::to_string(at->first.second);
      break;
    }
    write_policy(xml, at->second);
  }
  xml.close().flag("IsTruncated", !next.empty());
  xml.text("TrafficPolicyVersionMarker", next).number("MaxItems", most);
  return Outcome{{200, xml.finish()}};
}

OperationResult update_traffic_policy_comment(const Call& call) {
  ASSIGN_OR_RETURN(const TrafficPolicyEntry* const policy, find_policy(call));
  ASSIGN_OR_RETURN(const pugi::xml_node root,
                   body_named(call, "UpdateTrafficPolicyCommentRequest"));
  TrafficPolicyEntry changed = *policy;
  ASSIGN_OR_RETURN(changed.comment, required_text(root, "Comment", 1024));
  XmlWriter xml("UpdateTrafficPolicyCommentResponse");
  write_policy(xml, changed);
  return Outcome{{200, xml.finish()}, {put_traffic_policy(changed)}};
}

OperationResult delete_traffic_policy_operation(const Call& call) {
  ASSIGN_OR_RETURN(const TrafficPolicyEntry* const policy, find_policy(call));
  for (const auto& [id, instance] : call.catalog.instances) {
    if (instance.policy_id == policy->id && instance.policy_version == policy->version) {
      return std::unexpected(
          ApiError{400, "TrafficPolicyInUse",
                   fmt::format("traffic policy instance {} was made from it", id)});
    }
  }
  return Outcome{{200, XmlWriter("DeleteTrafficPolicyResponse").finish()},
                 {delete_traffic_policy(policy->id, policy->version)}};
}

}  // namespace leeward::route53
