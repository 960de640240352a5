// SPDX-License-Identifier: Apache-2.0
#include "route53/traffic_document.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/result.h"
#include "dns/octal.h"
#include "dns/rdata.h"

namespace leeward::route53 {
namespace {

namespace json = boost::json;

constexpr std::size_t kDepthMax = 10;
constexpr std::size_t kRulesMax = 50;
constexpr std::size_t kEndpointsMax = 250;
constexpr std::size_t kRecordSetsMax = 500;

// One way out of a rule, as a record set without name, TTL and target.
struct Branch {
  ResourceRecordSet set;
  std::string endpoint;  // one of these two
  std::string rule;
  bool evaluate_target_health = false;
};

struct Rule {
  std::vector<Branch> branches;
};

struct Document {
  std::string type;
  std::map<std::string, std::string> endpoints;
  std::map<std::string, Rule> rules;
  std::string start_rule;
  std::string start_endpoint;
};

using Wrong = std::unexpected<std::string>;

std::string text(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  if (found == nullptr) {
    return "";
  }
  if (found->is_string()) {
    return std::string(found->get_string());
  }
  return found->is_int64() ? std::to_string(found->get_int64()) : "";
}

// Numbers and flags may be written as strings.
bool flag(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  return found != nullptr && (found->is_bool() ? found->get_bool() : text(object, key) == "true");
}

std::optional<int> number(const std::string& text, int min, int max) {
  int value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && value >= min &&
                 value <= max
             ? std::optional(value)
             : std::nullopt;
}

std::expected<Branch, std::string> read_branch(const std::string& rule, const json::value& value) {
  if (!value.is_object()) {
    return Wrong(fmt::format("rule '{}': every way out is an object", rule));
  }
  const json::object& object = value.get_object();
  Branch branch;
  branch.endpoint = text(object, "EndpointReference");
  branch.rule = text(object, "RuleReference");
  branch.set.health_check_id = text(object, "HealthCheck");
  branch.evaluate_target_health = flag(object, "EvaluateTargetHealth");
  if (branch.endpoint.empty() == branch.rule.empty()) {
    return Wrong(fmt::format(
        "rule '{}': every way out has either EndpointReference or RuleReference", rule));
  }
  return branch;
}

std::expected<void, std::string> read_place(const std::string& rule, const std::string& type,
                                            const json::object& object, ResourceRecordSet& set) {
  if (type == "geo") {
    const bool is_default = flag(object, "IsDefault");
    set.geo_location = is_default ? GeoLocation{"", "*", ""}
                                  : GeoLocation{text(object, "Continent"), text(object, "Country"),
                                                text(object, "Subdivision")};
    if (!is_default && set.geo_location->continent.empty() == set.geo_location->country.empty()) {
      return Wrong(fmt::format("rule '{}': a location is a Continent or a Country", rule));
    }
  } else if (type == "latency") {
    set.region = text(object, "Region");
    if (set.region.empty()) {
      return Wrong(fmt::format("rule '{}': Region is missing", rule));
    }
  } else if (type == "weighted") {
    const auto weight = number(text(object, "Weight"), 0, 255);
    if (!weight) {
      return Wrong(fmt::format("rule '{}': Weight must be from 0 to 255", rule));
    }
    set.weight = static_cast<std::uint32_t>(*weight);
  } else if (type == "geoproximity") {
    GeoProximityLocation place;
    std::string region = text(object, "Region");
    constexpr std::string_view kPrefix = "aws:route53:";
    if (region.starts_with(kPrefix)) {
      region.erase(0, kPrefix.size());
    }
    place.aws_region = region;
    if (region.empty()) {
      place.coordinates = Coordinates{text(object, "Latitude"), text(object, "Longitude")};
      if (place.coordinates->latitude.empty() || place.coordinates->longitude.empty()) {
        return Wrong(
            fmt::format("rule '{}': a place is a Region, or Latitude and Longitude", rule));
      }
    }
    if (object.contains("Bias")) {
      place.bias = number(text(object, "Bias"), -99, 99);
      if (!place.bias) {
        return Wrong(fmt::format("rule '{}': Bias must be from -99 to 99", rule));
      }
    }
    set.geo_proximity = std::move(place);
  } else {
    set.multivalue_answer = true;
  }
  return {};
}

std::expected<Rule, std::string> read_rule(const std::string& name, const json::object& object) {
  Rule rule;
  const std::string type = text(object, "RuleType");
  if (type == "failover") {
    for (const std::string_view role : {"Primary", "Secondary"}) {
      const json::value* found = object.if_contains(role);
      if (found == nullptr) {
        if (role == "Primary") {
          return Wrong(fmt::format("rule '{}': Primary is missing", name));
        }
        continue;
      }
      ASSIGN_OR_RETURN(Branch branch, read_branch(name, *found));
      branch.set.failover = role == "Primary" ? FailoverRole::kPrimary : FailoverRole::kSecondary;
      rule.branches.push_back(std::move(branch));
    }
    return rule;
  }
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kLists{
      {{"geo", "Locations"},
       {"latency", "Regions"},
       {"weighted", "Items"},
       {"multivalue", "Items"},
       {"geoproximity", "GeoproximityLocations"}}};
  const auto* list = std::ranges::find(kLists, type, &decltype(kLists)::value_type::first);
  if (list == kLists.end()) {
    return Wrong(fmt::format(
        "rule '{}': RuleType must be failover, geo, geoproximity, latency, multivalue or weighted",
        name));
  }
  const json::value* items = object.if_contains(list->second);
  if (items == nullptr || !items->is_array() || items->get_array().empty()) {
    return Wrong(fmt::format("rule '{}': {} must be a list that is not empty", name, list->second));
  }
  for (const json::value& each : items->get_array()) {
    ASSIGN_OR_RETURN(Branch branch, read_branch(name, each));
    if (type == "multivalue" && !branch.rule.empty()) {
      return Wrong(fmt::format("rule '{}': multivalue rules lead to endpoints only", name));
    }
    RETURN_IF_ERROR(read_place(name, type, each.get_object(), branch.set));
    rule.branches.push_back(std::move(branch));
  }
  return rule;
}

std::expected<void, std::string> read_endpoints(const json::object& object, Document& document) {
  const json::value* endpoints = object.if_contains("Endpoints");
  if (endpoints == nullptr || !endpoints->is_object() || endpoints->get_object().empty() ||
      endpoints->get_object().size() > kEndpointsMax) {
    return Wrong(fmt::format("Endpoints must be 1 to {} endpoints by name", kEndpointsMax));
  }
  const auto type = dns::parse_type(document.type);
  for (const auto& each : endpoints->get_object()) {
    const std::string name(each.key());
    if (!each.value().is_object() || text(each.value().get_object(), "Type") != "value") {
      return Wrong(fmt::format(
          "endpoint '{}': its Type must be value: Amazon's load balancers, distributions and "
          "buckets have no addresses that are known here",
          name));
    }
    const std::string value = text(each.value().get_object(), "Value");
    if (const auto rdata = dns::parse_rdata(*type, dns::octal_to_decimal(value), dns::Name());
        !rdata) {
      return Wrong(fmt::format("endpoint '{}': {}", name, rdata.error().message));
    }
    document.endpoints.emplace(name, value);
  }
  return {};
}

// How many record sets a rule comes to; nullopt: it leads back to itself, or to too many.
std::optional<std::size_t> size_of(const Document& document, const std::string& rule,
                                   std::size_t depth) {
  if (depth > kDepthMax) {
    return std::nullopt;
  }
  std::size_t size = 0;
  for (const Branch& branch : document.rules.at(rule).branches) {
    ++size;
    if (!branch.rule.empty()) {
      const auto below = size_of(document, branch.rule, depth + 1);
      if (!below) {
        return std::nullopt;
      }
      size += *below;
    }
    if (size > kRecordSetsMax) {
      return std::nullopt;
    }
  }
  return size;
}

std::expected<void, std::string> check_references(const Document& document) {
  for (const auto& [name, rule] : document.rules) {
    for (const Branch& branch : rule.branches) {
      if (!branch.endpoint.empty() && !document.endpoints.contains(branch.endpoint)) {
        return Wrong(fmt::format("rule '{}': there is no endpoint '{}'", name, branch.endpoint));
      }
      if (!branch.rule.empty() && !document.rules.contains(branch.rule)) {
        return Wrong(fmt::format("rule '{}': there is no rule '{}'", name, branch.rule));
      }
    }
  }
  if (document.start_rule.empty() == document.start_endpoint.empty()) {
    return Wrong("there must be either StartRule or StartEndpoint");
  }
  if (!document.start_endpoint.empty()) {
    return document.endpoints.contains(document.start_endpoint)
               ? std::expected<void, std::string>()
               : Wrong("StartEndpoint names no endpoint");
  }
  if (!document.rules.contains(document.start_rule)) {
    return Wrong("StartRule names no rule");
  }
  if (!size_of(document, document.start_rule, 1)) {
    return Wrong(fmt::format(
        "the rules lead in a circle, deeper than {}, or come to more than {} record sets",
        kDepthMax, kRecordSetsMax));
  }
  return {};
}

std::expected<Document, std::string> read_document(std::string_view given) {
  if (given.size() > kDocumentBytesMax) {
    return Wrong("the document is too large");
  }
  json::parse_options options;
  options.max_depth = 16;
  json::error_code error;
  const json::value value = json::parse(json::string_view(given.data(), given.size()), error,
                                        json::storage_ptr(), options);
  if (error || !value.is_object()) {
    return Wrong("the document is not a JSON object");
  }
  const json::object& object = value.get_object();
  if (text(object, "AWSPolicyFormatVersion") != "2015-10-01") {
    return Wrong("AWSPolicyFormatVersion must be 2015-10-01");
  }
  Document document;
  document.type = text(object, "RecordType");
  constexpr std::array<std::string_view, 9> kTypes{"A",   "AAAA", "CAA", "CNAME", "MX",
                                                   "PTR", "SPF",  "SRV", "TXT"};
  if (std::ranges::find(kTypes, document.type) == kTypes.end()) {
    return Wrong("RecordType must be A, AAAA, CAA, CNAME, MX, PTR, SPF, SRV or TXT");
  }
  RETURN_IF_ERROR(read_endpoints(object, document));
  if (const json::value* rules = object.if_contains("Rules")) {
    if (!rules->is_object() || rules->get_object().size() > kRulesMax) {
      return Wrong(fmt::format("Rules must be at most {} rules by name", kRulesMax));
    }
    for (const auto& each : rules->get_object()) {
      const std::string name(each.key());
      if (!each.value().is_object()) {
        return Wrong(fmt::format("rule '{}' must be an object", name));
      }
      ASSIGN_OR_RETURN(Rule rule, read_rule(name, each.value().get_object()));
      document.rules.emplace(name, std::move(rule));
    }
  }
  document.start_rule = text(object, "StartRule");
  document.start_endpoint = text(object, "StartEndpoint");
  RETURN_IF_ERROR(check_references(document));
  return document;
}

class Expander {
 public:
  Expander(const Document& document, const InstanceEntry& instance)
      : document_(document), instance_(instance) {
    std::size_t number = 0;
    for (const auto& [name, rule] : document.rules) {
      names_[name] =
          name == document.start_rule
              ? instance.name
              : fmt::format("_tpi-{}-{}.{}", instance.id.substr(0, 8), ++number, instance.name);
    }
  }

  std::vector<ResourceRecordSet> run() {
    if (!document_.start_endpoint.empty()) {
      ResourceRecordSet set;
      set.name = instance_.name;
      finish(set, document_.endpoints.at(document_.start_endpoint));
      sets_.push_back(std::move(set));
    } else {
      expand(document_.start_rule);
    }
    return std::move(sets_);
  }

 private:
  void finish(ResourceRecordSet& set, const std::string& value) {
    set.type = document_.type;
    set.ttl_seconds = instance_.ttl_seconds;
    set.values = {value};
    set.traffic_policy_instance_id = instance_.id;
  }

  void expand(const std::string& rule) {
    if (!expanded_.insert(rule).second) {
      return;
    }
    std::size_t number = 0;
    for (const Branch& branch : document_.rules.at(rule).branches) {
      ResourceRecordSet set = branch.set;
      set.name = names_.at(rule);
      set.set_identifier = fmt::format("{}-{}", instance_.id, ++number);
      if (branch.rule.empty()) {
        finish(set, document_.endpoints.at(branch.endpoint));
      } else {
        set.type = document_.type;
        set.alias =
            AliasTarget{instance_.zone_id, names_.at(branch.rule), branch.evaluate_target_health};
        set.traffic_policy_instance_id = instance_.id;
        expand(branch.rule);
      }
      sets_.push_back(std::move(set));
    }
  }

  const Document& document_;
  const InstanceEntry& instance_;
  std::map<std::string, std::string> names_;
  std::set<std::string> expanded_;
  std::vector<ResourceRecordSet> sets_;
};

}  // namespace

std::expected<std::string, std::string> check_document(std::string_view document) {
  ASSIGN_OR_RETURN(const Document read, read_document(document));
  return read.type;
}

std::vector<ResourceRecordSet> expand_document(std::string_view document,
                                               const InstanceEntry& instance) {
  const auto read = read_document(document);
  return read ? Expander(*read, instance).run() : std::vector<ResourceRecordSet>();
}

}  // namespace leeward::route53
