// SPDX-License-Identifier: Apache-2.0
#include "dns/scenario_records.h"

#include <sstream>
#include <string_view>

namespace leeward::dns {
namespace {

std::string absolute(const std::string& name, const std::string& zone) {
  return name == "@" ? zone : name.ends_with('.') ? name : name + "." + zone;
}

GeoLocation parse_place(const std::string& text) {
  constexpr std::string_view kContinent = "CONTINENT:";
  if (text.starts_with(kContinent)) {
    return {text.substr(kContinent.size()), "", ""};
  }
  const std::size_t hyphen = text.find('-');
  return {"", text.substr(0, hyphen), hyphen == std::string::npos ? "" : text.substr(hyphen + 1)};
}

CidrRouting parse_cidr(const std::string& text) {
  const std::size_t slash = text.find('/');
  return {text.substr(0, slash), slash == std::string::npos ? "" : text.substr(slash + 1)};
}

GeoProximityLocation parse_site(const std::string& text) {
  const std::size_t comma = text.find(',');
  if (comma == std::string::npos) {
    return {text, "", std::nullopt, std::nullopt};
  }
  return {"", "", Coordinates{text.substr(0, comma), text.substr(comma + 1)}, std::nullopt};
}

void set_target(ResourceRecordSet& set, const std::string& name, const std::string& zone) {
  set.alias = AliasTarget{"Z", absolute(name, zone), false};
  set.ttl_seconds.reset();
}

// False: the word is no option.
bool apply_option(const std::string& word, const std::string& zone, ResourceRecordSet& set) {
  const std::size_t equals = word.find('=');
  const std::string key = word.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
  if (key == "ttl") {
    set.ttl_seconds = static_cast<std::uint32_t>(std::stoul(value));
  } else if (key == "id") {
    set.set_identifier = value;
  } else if (key == "check") {
    set.health_check_id = value;
  } else if (key == "weight") {
    set.weight = static_cast<std::uint32_t>(std::stoul(value));
  } else if (key == "region") {
    set.region = value;
  } else if (key == "failover") {
    set.failover = value == "primary" ? FailoverRole::kPrimary : FailoverRole::kSecondary;
  } else if (word == "multivalue") {
    set.multivalue_answer = true;
  } else if (key == "geo") {
    set.geo_location = parse_place(value);
  } else if (key == "cidr") {
    set.cidr = parse_cidr(value);
  } else if (key == "near") {
    set.geo_proximity = parse_site(value);
  } else if (key == "bias" && set.geo_proximity) {
    set.geo_proximity->bias = std::stoi(value);
  } else if (key == "alias") {
    set_target(set, value, zone);
  } else if (word == "evaluate" && set.alias) {
    set.alias->evaluate_target_health = true;
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<ResourceRecordSet> parse_story_record(const std::string& line,
                                                    const std::string& zone) {
  std::istringstream in(line);
  ResourceRecordSet set;
  std::string name;
  if (!(in >> name >> set.type)) {
    return std::nullopt;
  }
  set.name = absolute(name, zone);
  set.ttl_seconds = 60;
  std::string word;
  while (in >> word && apply_option(word, zone, set)) {
  }
  if (!in) {
    return set;
  }
  // Of some types one value is several words: the rest of the line.
  const bool is_address = set.type == "A" || set.type == "AAAA";
  for (std::string rest; is_address && in >> rest;) {
    set.values.push_back(rest);
  }
  std::string rest;
  std::getline(in, rest);
  set.values.insert(set.values.begin(), word + (is_address ? "" : rest));
  return set;
}

}  // namespace leeward::dns
