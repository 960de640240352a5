// SPDX-License-Identifier: Apache-2.0
#include "dns/record_json.h"

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace leeward::dns {
namespace {

namespace json = boost::json;

void add_text(json::object& object, std::string_view key, const std::string& text) {
  if (!text.empty()) {
    object[key] = text;
  }
}

json::object to_json(const GeoProximityLocation& place) {
  json::object object;
  add_text(object, "AWSRegion", place.aws_region);
  add_text(object, "LocalZoneGroup", place.local_zone_group);
  if (place.coordinates) {
    object["Coordinates"] = {{"Latitude", place.coordinates->latitude},
                             {"Longitude", place.coordinates->longitude}};
  }
  if (place.bias) {
    object["Bias"] = *place.bias;
  }
  return object;
}

json::object to_json(const GeoLocation& place) {
  json::object object;
  add_text(object, "ContinentCode", place.continent);
  add_text(object, "CountryCode", place.country);
  add_text(object, "SubdivisionCode", place.subdivision);
  return object;
}

// Takes members out of one object, and knows at the end whether any is left.
class ObjectReader {
 public:
  ObjectReader(const json::object& object, std::string path, std::string& error)
      : object_(object), path_(std::move(path)), error_(error) {}

  const json::value* take(std::string_view key) {
    const json::value* value = object_.if_contains(key);
    taken_ += value == nullptr ? 0 : 1;
    return value;
  }
  void read(std::string_view key, std::string& to) {
    if (const json::value* value = take(key)) {
      const json::string* text = value->if_string();
      text == nullptr ? report(key, "a string") : void(to.assign(text->data(), text->size()));
    }
  }
  void read(std::string_view key, bool& to) {
    if (const json::value* value = take(key)) {
      const bool* flag = value->if_bool();
      flag == nullptr ? report(key, "true or false") : void(to = *flag);
    }
  }
  template <typename Number>
  void read(std::string_view key, std::optional<Number>& to) {
    if (const json::value* value = take(key)) {
      const std::int64_t* number = value->if_int64();
      if (number == nullptr || *number < std::numeric_limits<Number>::min() ||
          *number > std::numeric_limits<Number>::max()) {
        report(key, "a number in its range");
      } else {
        to = static_cast<Number>(*number);
      }
    }
  }
  // Calls `read_members` with a reader of the object at `key`, where there is one.
  template <typename ReadMembers>
  void read_object(std::string_view key, const ReadMembers& read_members) {
    if (const json::value* value = take(key)) {
      const json::object* object = value->if_object();
      if (object == nullptr) {
        return report(key, "an object");
      }
      ObjectReader reader(*object, fmt::format("{}{}.", path_, key), error_);
      read_members(reader);
      reader.finish();
    }
  }
  void report(std::string_view key, std::string_view expected) {
    if (error_.empty()) {
      error_ = fmt::format("{}{} must be {}", path_, key, expected);
    }
  }
  // A misspelt member must not vanish without a word.
  void finish() {
    if (taken_ != object_.size() && error_.empty()) {
      error_ = fmt::format("unknown member in {}",
                           path_.empty() ? "the record set" : path_.substr(0, path_.size() - 1));
    }
  }

 private:
  const json::object& object_;
  std::string path_;
  std::string& error_;
  std::size_t taken_ = 0;
};

void read_values(ObjectReader& reader, ResourceRecordSet& set, std::string& error) {
  const json::value* value = reader.take("ResourceRecords");
  if (value == nullptr) {
    return;
  }
  const json::array* records = value->if_array();
  if (records == nullptr) {
    return reader.report("ResourceRecords", "a list");
  }
  for (const json::value& each : *records) {
    const json::object* object = each.if_object();
    if (object == nullptr || !object->contains("Value")) {
      return reader.report("ResourceRecords", R"(a list of {"Value": "..."})");
    }
    ObjectReader record(*object, "ResourceRecords.", error);
    record.read("Value", set.values.emplace_back());
    record.finish();
  }
}

void read_places(ObjectReader& reader, ResourceRecordSet& set) {
  reader.read_object("GeoLocation", [&](ObjectReader& place) {
    set.geo_location.emplace();
    place.read("ContinentCode", set.geo_location->continent);
    place.read("CountryCode", set.geo_location->country);
    place.read("SubdivisionCode", set.geo_location->subdivision);
  });
  reader.read_object("CidrRoutingConfig", [&](ObjectReader& cidr) {
    set.cidr.emplace();
    cidr.read("CollectionId", set.cidr->collection_id);
    cidr.read("LocationName", set.cidr->location_name);
  });
  reader.read_object("GeoProximityLocation", [&](ObjectReader& place) {
    set.geo_proximity.emplace();
    place.read("AWSRegion", set.geo_proximity->aws_region);
    place.read("LocalZoneGroup", set.geo_proximity->local_zone_group);
    place.read("Bias", set.geo_proximity->bias);
    place.read_object("Coordinates", [&](ObjectReader& coordinates) {
      set.geo_proximity->coordinates.emplace();
      coordinates.read("Latitude", set.geo_proximity->coordinates->latitude);
      coordinates.read("Longitude", set.geo_proximity->coordinates->longitude);
    });
  });
}

}  // namespace

json::object to_json(const ResourceRecordSet& set) {
  json::object object;
  object["Name"] = set.name;
  object["Type"] = set.type;
  add_text(object, "SetIdentifier", set.set_identifier);
  if (set.weight) {
    object["Weight"] = *set.weight;
  }
  add_text(object, "Region", set.region);
  if (set.geo_location) {
    object["GeoLocation"] = to_json(*set.geo_location);
  }
  if (set.failover) {
    object["Failover"] = *set.failover == FailoverRole::kPrimary ? "PRIMARY" : "SECONDARY";
  }
  if (set.multivalue_answer) {
    object["MultiValueAnswer"] = true;
  }
  if (set.ttl_seconds) {
    object["TTL"] = *set.ttl_seconds;
  }
  if (!set.values.empty()) {
    json::array records;
    for (const std::string& value : set.values) {
      records.push_back(json::object{{"Value", value}});
    }
    object["ResourceRecords"] = std::move(records);
  }
  if (set.alias) {
    object["AliasTarget"] = {{"HostedZoneId", set.alias->hosted_zone_id},
                             {"DNSName", set.alias->dns_name},
                             {"EvaluateTargetHealth", set.alias->evaluate_target_health}};
  }
  add_text(object, "HealthCheckId", set.health_check_id);
  add_text(object, "TrafficPolicyInstanceId", set.traffic_policy_instance_id);
  if (set.cidr) {
    object["CidrRoutingConfig"] = {{"CollectionId", set.cidr->collection_id},
                                   {"LocationName", set.cidr->location_name}};
  }
  if (set.geo_proximity) {
    object["GeoProximityLocation"] = to_json(*set.geo_proximity);
  }
  return object;
}

Result<ResourceRecordSet> parse_record_json(const json::object& object) {
  ResourceRecordSet set;
  std::string error;
  ObjectReader reader(object, "", error);
  reader.read("Name", set.name);
  reader.read("Type", set.type);
  reader.read("SetIdentifier", set.set_identifier);
  reader.read("Weight", set.weight);
  reader.read("Region", set.region);
  std::string failover;
  reader.read("Failover", failover);
  if (failover == "PRIMARY" || failover == "SECONDARY") {
    set.failover = failover == "PRIMARY" ? FailoverRole::kPrimary : FailoverRole::kSecondary;
  } else if (!failover.empty()) {
    reader.report("Failover", "PRIMARY or SECONDARY");
  }
  reader.read("MultiValueAnswer", set.multivalue_answer);
  reader.read("TTL", set.ttl_seconds);
  read_values(reader, set, error);
  reader.read_object("AliasTarget", [&](ObjectReader& alias) {
    set.alias.emplace();
    alias.read("HostedZoneId", set.alias->hosted_zone_id);
    alias.read("DNSName", set.alias->dns_name);
    alias.read("EvaluateTargetHealth", set.alias->evaluate_target_health);
  });
  reader.read("HealthCheckId", set.health_check_id);
  reader.read("TrafficPolicyInstanceId", set.traffic_policy_instance_id);
  read_places(reader, set);
  reader.finish();
  if (error.empty() && (set.name.empty() || set.type.empty())) {
    error = "Name and Type are needed";
  }
  if (!error.empty()) {
    return fail(ErrorCode::kInvalidArgument, std::move(error));
  }
  return set;
}

}  // namespace leeward::dns
