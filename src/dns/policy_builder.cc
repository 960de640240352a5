// SPDX-License-Identifier: Apache-2.0
#include "dns/policy_builder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "dns/octal.h"
#include "dns/query.h"
#include "dns/rdata.h"
#include "routing/regions.h"

namespace leeward::dns {
namespace {

// Members that one walk may have to look at.
constexpr std::uint32_t kTreeSizeMax = 4096;

std::optional<float> parse_degrees(const std::string& text) {
  float value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? std::optional(value)
                                                                             : std::nullopt;
}

}  // namespace

PolicyBuilder::PolicyBuilder(const CompileInput& input, Layout& layout, Findings& findings)
    : input_(input), layout_(layout), findings_(findings) {
  for (const CidrCollection& collection : input.cidr_collections) {
    std::vector<routing::PrefixMap::Entry> entries;
    auto& locations = cidr_locations_[collection.id];
    for (const CidrCollection::Location& location : collection.locations) {
      const auto number = static_cast<std::uint32_t>(locations.size());
      locations.emplace(location.name, number);
      for (const std::string& block : location.blocks) {
        if (const auto network = routing::parse_network(block)) {
          entries.push_back({*network, number});
        }
      }
    }
    collections_.emplace(collection.id, static_cast<std::uint32_t>(layout.policies.cidrs.size()));
    layout.policies.cidrs.emplace_back(entries);
  }
  // First of all, so that its columns and the regions have the same numbers.
  for (const std::string& region : input.geography.latencies.regions) {
    region_of(region);
  }
  layout.policies.latency = input.geography.latencies.table;
}

void PolicyBuilder::leave_out(const ResourceRecordSet& set, const std::string& source,
                              std::string_view why) {
  findings_.note(source, 0,
                 fmt::format("{} {}{}{} is left out: {}", set.name, set.type,
                             set.set_identifier.empty() ? "" : " ", set.set_identifier, why));
}

std::optional<routing::GeoPoint> PolicyBuilder::point_of(const std::string& region) const {
  const auto own = input_.geography.regions.find(region);
  return own == input_.geography.regions.end() ? routing::region_point(region)
                                               : std::optional(own->second);
}

std::uint32_t PolicyBuilder::region_of(const std::string& name) {
  const auto [found, is_new] =
      regions_.try_emplace(name, static_cast<std::uint32_t>(regions_.size()));
  if (is_new) {
    layout_.policies.regions.push_back(point_of(name));
  }
  return found->second;
}

std::uint32_t PolicyBuilder::site_of(const ResourceRecordSet& set, const std::string& source) {
  const GeoProximityLocation& place = *set.geo_proximity;
  routing::Site site;
  site.bias = static_cast<std::int16_t>(std::clamp(place.bias.value_or(0), -99, 99));
  if (place.coordinates) {
    const auto latitude = parse_degrees(place.coordinates->latitude);
    const auto longitude = parse_degrees(place.coordinates->longitude);
    if (!latitude || !longitude) {
      leave_out(set, source, "its coordinates are no numbers");
      return routing::kNoIndex;
    }
    site.point = routing::GeoPoint{*latitude, *longitude};
  } else {
    const std::string& name = place.aws_region.empty() ? place.local_zone_group : place.aws_region;
    const auto point = point_of(name);
    if (!point) {
      leave_out(set, source, fmt::format("it is not known where region {} is", name));
      return routing::kNoIndex;
    }
    site.point = *point;
  }
  layout_.policies.sites.push_back(site);
  return static_cast<std::uint32_t>(layout_.policies.sites.size() - 1);
}

std::uint32_t PolicyBuilder::key_of(const ResourceRecordSet& set, const std::string& source) {
  if (set.weight) {
    return *set.weight;
  }
  if (!set.region.empty()) {
    return region_of(set.region);
  }
  if (set.geo_location) {
    const GeoLocation& place = *set.geo_location;
    const routing::PlaceKey key =
        place.country == "*"         ? routing::kEverywhere
        : !place.subdivision.empty() ? routing::subdivision_key(place.country, place.subdivision)
        : !place.country.empty()     ? routing::country_key(place.country)
                                     : routing::continent_key(place.continent);
    if (key == routing::kNoPlace) {
      leave_out(set, source, "its location is none");
      return routing::kNoIndex;
    }
    return key;
  }
  if (set.geo_proximity) {
    return site_of(set, source);
  }
  return 0;
}

BoardSlot PolicyBuilder::slot_of(const ResourceRecordSet& set, const std::string& source) {
  if (set.health_check_id.empty()) {
    return routing::kNoIndex;
  }
  const auto slot = input_.layout.check(HealthCheckId(set.health_check_id));
  if (!slot) {
    findings_.note(source, 0,
                   fmt::format("{} {}: there is no health check {}; it counts as healthy", set.name,
                               set.type, set.health_check_id));
  }
  return slot.value_or(routing::kNoIndex);
}

// Of IP-based routing the members' collection, which must be the same for all.
std::uint32_t PolicyBuilder::extra_of(const GroupDraft& draft, const std::string& source) {
  if (draft.kind != routing::PolicyKind::kCidr) {
    return routing::kNoIndex;
  }
  const ResourceRecordSet& first = *draft.members.front().set;
  const auto found = collections_.find(first.cidr->collection_id);
  if (found == collections_.end()) {
    leave_out(first, source,
              fmt::format("there is no CIDR collection {}", first.cidr->collection_id));
    return routing::kNoIndex;
  }
  return found->second;
}

std::uint32_t PolicyBuilder::add_identifier(const ResourceRecordSet& set) {
  const std::string_view text = std::string_view(set.set_identifier).substr(0, 0xFFFF);
  if (text.empty()) {
    return routing::kNoIndex;
  }
  const std::size_t offset = layout_.identifiers.size();
  std::array<std::uint8_t, 2> size{};
  store16(size.data(), static_cast<std::uint16_t>(text.size()));
  layout_.identifiers.append(size.begin(), size.end());
  layout_.identifiers += text;
  return static_cast<std::uint32_t>(offset);
}

std::uint32_t PolicyBuilder::add(const GroupDraft& draft, const std::vector<std::uint32_t>& leaves,
                                 const std::string& source) {
  const std::uint32_t extra = extra_of(draft, source);
  std::vector<routing::Member> members;
  std::vector<PendingAlias> aliases;
  for (std::size_t i = 0; i < draft.members.size(); ++i) {
    const ResourceRecordSet& set = *draft.members[i].set;
    routing::Member member{
        .check = slot_of(set, source), .leaf = leaves[i], .name = add_identifier(set)};
    if (draft.kind == routing::PolicyKind::kCidr) {
      const auto& locations = cidr_locations_[set.cidr->collection_id];
      const auto location = locations.find(set.cidr->location_name);
      const bool is_default = set.cidr->location_name == "*";
      const bool is_same_collection =
          set.cidr->collection_id == draft.members.front().set->cidr->collection_id;
      if (extra == routing::kNoIndex || !is_same_collection ||
          (!is_default && location == locations.end())) {
        leave_out(set, source, "its CIDR collection has no such location");
        continue;
      }
      member.key = is_default ? routing::kCidrDefault : location->second;
    } else {
      member.key = key_of(set, source);
      if (member.key == routing::kNoIndex) {
        continue;
      }
    }
    if (set.alias) {
      member.evaluate_target_health = set.alias->evaluate_target_health;
      aliases.push_back({static_cast<std::uint32_t>(members.size()), 0, draft.type, &set, source});
    }
    members.push_back(member);
  }
  // Suspicion may shorten the answer's life to a second, never to nothing.
  constexpr std::uint32_t kTtlFloorSeconds = 1;
  const std::uint32_t group = layout_.policies.add(draft.kind, members, kTtlFloorSeconds, extra);
  for (PendingAlias& alias : aliases) {
    alias.member += layout_.policies.groups[group].first_member;
    alias.group = group;
    pending_.push_back(std::move(alias));
  }
  return group;
}

// A record set without a policy, as a group of one, for aliases to point at.
std::uint32_t PolicyBuilder::group_of_plain(std::uint32_t set_index) {
  const auto found = plain_groups_.find(set_index);
  if (found != plain_groups_.end()) {
    return found->second;
  }
  const std::uint32_t group = layout_.policies.add(
      routing::PolicyKind::kSimple,
      std::vector{routing::Member{.leaf = layout_.sets[set_index].first_alternative}});
  plain_groups_.emplace(set_index, group);
  return group;
}

std::uint32_t PolicyBuilder::find_target(const PendingAlias& alias) {
  const Result<Name> name = parse_route53_name(alias.set->alias->dns_name);
  QueryName query;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  if (!name || !query.assign(name->bytes())) {
    return routing::kNoIndex;
  }
  std::uint32_t found = layout_.find(query.hash[0], query.suffix(0));
  if (found == kNone && !name->is_root()) {  // the target may be one of a wildcard's names
    const Result<Name> wildcard = Name::parse("*", name->parent());
    if (!wildcard || !query.assign(wildcard->bytes())) {
      return routing::kNoIndex;
    }
    found = layout_.find(query.hash[0], query.suffix(0));
  }
  if (found == kNone) {
    return routing::kNoIndex;
  }
  const Set* set = layout_.find_set(layout_.nodes[found], alias.type);
  if (set == nullptr) {
    return routing::kNoIndex;
  }
  return set->policy != kNone
             ? set->policy
             : group_of_plain(static_cast<std::uint32_t>(set - layout_.sets.data()));
}

void PolicyBuilder::visit(std::uint32_t index, std::size_t depth) {
  visits_[index].state = Visit::State::kOpen;
  const routing::Group group = layout_.policies.groups[index];
  for (std::uint32_t i = 0; i < group.member_count; ++i) {
    const std::uint32_t at = group.first_member + i;
    routing::Member& member = layout_.policies.members[at];
    visits_[index].size += 1;
    if (member.alias == routing::kNoIndex) {
      continue;
    }
    const PendingAlias& alias = *alias_of_member_.at(at);
    Visit& target = visits_[member.alias];
    if (target.state == Visit::State::kNew && depth < routing::kDepthMax) {
      visit(member.alias, depth + 1);
    }
    const char* why = nullptr;
    if (target.state == Visit::State::kOpen) {
      why = "its alias leads back to itself";
    } else if (target.state == Visit::State::kNew || target.depth >= routing::kDepthMax) {
      why = "its aliases lead too deep";
    } else if (visits_[index].size + target.size > kTreeSizeMax) {
      why = "there are too many record sets below it";
    }
    if (why != nullptr) {
      leave_out(*alias.set, alias.source, why);
      member.alias = routing::kNoIndex;
      continue;
    }
    visits_[index].size += target.size;
    visits_[index].depth = std::max(visits_[index].depth, target.depth + 1);
  }
  visits_[index].state = Visit::State::kDone;
}

// Members that stand for nothing would count as healthy and answer nothing.
void PolicyBuilder::remove_unlinked() {
  for (const PendingAlias& alias : pending_) {
    routing::Group& group = layout_.policies.groups[alias.group];
    const auto first = layout_.policies.members.begin() + group.first_member;
    const auto end = first + group.member_count;
    const auto rest = std::remove_if(first, end, [](const routing::Member& member) {
      return member.alias == routing::kNoIndex && member.leaf == routing::kNoIndex;
    });
    group.member_count = static_cast<std::uint16_t>(rest - first);
  }
}

void PolicyBuilder::link_aliases() {
  for (const PendingAlias& alias : pending_) {
    const std::uint32_t target = find_target(alias);
    if (target == routing::kNoIndex) {
      leave_out(*alias.set, alias.source,
                fmt::format("its target {} {} is not served here", alias.set->alias->dns_name,
                            alias.set->type));
    }
    layout_.policies.members[alias.member].alias = target;
    alias_of_member_.emplace(alias.member, &alias);
  }
  visits_.assign(layout_.policies.groups.size(), {});
  for (const PendingAlias& alias : pending_) {
    if (visits_[alias.group].state == Visit::State::kNew) {
      visit(alias.group, 1);
    }
  }
  remove_unlinked();
}

}  // namespace leeward::dns
