// SPDX-License-Identifier: Apache-2.0
#include "dns/table_builder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "dns/application_zones.h"
#include "dns/name_hash.h"
#include "dns/policy_builder.h"
#include "dns/protocol.h"
#include "dns/rdata.h"

namespace leeward::dns {
namespace {

bool may_have_additional(std::uint16_t type) {
  return type == type::kNs || type == type::kMx || type == type::kSrv;
}

std::uint32_t seconds_of(Duration duration) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(
      std::chrono::floor<std::chrono::seconds>(duration).count(), 0, 0x7FFFFFFF));
}

// The hash that a query for this name will have.
std::uint64_t hash_name(const Name& name) {
  std::array<std::uint8_t, kNameBytesMax + 1 + kNameReadAhead> padded{};
  std::memcpy(padded.data(), name.wire().data(), name.wire().size());
  std::vector<std::size_t> labels;
  for (std::size_t at = 0; padded[at] != 0; at += std::size_t{1} + padded[at]) {
    labels.push_back(at);
  }
  std::uint64_t hash = kRootHash;
  for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
    hash = hash_label(hash, padded.data() + *label);
  }
  return hash;
}

// What an answer of no records may be kept for, where only aliases could say (Route 53's aliases to
// load balancers have it, too).
constexpr std::uint32_t kAliasTtl = 60;

// An application's record sets, shared by all its hostnames.
using ApplicationSets = std::vector<Set>;

class Builder {
 public:
  Builder(const CompileInput& input, const std::vector<ZoneDraft>& zones, Findings& findings)
      : input_(input), zones_(zones), findings_(findings), policies_(input, *layout_, findings) {}

  std::unique_ptr<Layout> build() {
    for (const ZoneDraft& zone : zones_) {
      apexes_.emplace(zone.apex, static_cast<std::uint32_t>(apexes_.size()));
    }
    for (const Application& application : input_.applications) {
      applications_.push_back(build_application(application));
    }
    first_set_of_application_.assign(applications_.size(), std::nullopt);
    for (const ZoneDraft& zone : zones_) {
      build_zone(zone);
    }
    link_parent_sides();
    layout_->names.resize(layout_->names.size() + kNameReadAhead);
    fill_slots();
    policies_.link_aliases();
    add_version();
    constexpr std::size_t kOffsetMax = 0xFFFFFFF0;
    if (layout_->bytes.size() > kOffsetMax || layout_->names.size() > kOffsetMax ||
        layout_->nodes.size() > kOffsetMax) {
      findings_.problem("dns", 0, "the zones are too large: more than 4 GiB of records");
    }
    shrink();
    return std::move(layout_);
  }

 private:
  std::uint32_t add_alternative(std::uint16_t type, std::uint32_t ttl,
                                const std::vector<std::string>& rdatas) {
    Layout& layout = *layout_;
    Alternative alternative{static_cast<std::uint32_t>(layout.bytes.size()), 0,
                            static_cast<std::uint32_t>(rdatas.size())};
    for (const std::string& rdata : rdatas) {
      std::array<std::uint8_t, kRecordHeaderBytes> header{0xC0, kHeaderBytes};
      store16(header.data() + 2, type);
      store16(header.data() + 4, dns_class::kIn);
      store32(header.data() + kRecordTtlOffset, ttl);
      store16(header.data() + kRecordLengthOffset, static_cast<std::uint16_t>(rdata.size()));
      layout.bytes.insert(layout.bytes.end(), header.begin(), header.end());
      layout.bytes.insert(layout.bytes.end(), rdata.begin(), rdata.end());
    }
    alternative.size = static_cast<std::uint32_t>(layout.bytes.size()) - alternative.offset;
    layout.alternatives.push_back(alternative);
    return static_cast<std::uint32_t>(layout.alternatives.size() - 1);
  }

  // The addresses of each region that are of this type.
  static std::vector<std::vector<std::string>> addresses_of(const Application& application,
                                                            std::uint16_t type) {
    std::vector<std::vector<std::string>> regions;
    for (const ApplicationRegion& region : application.regions) {
      std::vector<std::string>& rdatas = regions.emplace_back();
      for (const std::string& address : region.addresses) {
        const Result<std::string> rdata = parse_rdata(type, address, Name());
        if (rdata && std::ranges::find(rdatas, *rdata) == rdatas.end()) {
          rdatas.push_back(*rdata);
        }
      }
    }
    return regions;
  }

  ApplicationSets build_application(const Application& application) {
    ApplicationSets sets;
    for (const std::uint16_t type : {type::kA, type::kAaaa}) {
      const auto regions = addresses_of(application, type);
      if (std::ranges::all_of(regions, &std::vector<std::string>::empty)) {
        continue;
      }
      std::optional<Set> set = application.mode == ApplicationMode::kActivePassive
                                   ? assigned_set(application, type, regions)
                                   : multivalue_set(application, type, regions);
      if (!set) {
        findings_.problem(application_source(application), 0,
                          "the health board has no word for this application or its checks");
        return {};
      }
      sets.push_back(*set);
    }
    if (sets.empty()) {
      findings_.problem(application_source(application), 0, "no region has an IP address");
    }
    return sets;
  }

  std::optional<Set> assigned_set(const Application& application, std::uint16_t type,
                                  const std::vector<std::vector<std::string>>& regions) {
    const std::optional<BoardSlot> slot = input_.layout.application(application.id);
    if (!slot) {
      return std::nullopt;
    }
    const std::uint32_t ttl = seconds_of(application.ttl);
    std::vector<routing::Member> members;
    for (const std::vector<std::string>& rdatas : regions) {
      members.push_back({.leaf = add_alternative(type, ttl, rdatas)});
    }
    return policy_set(application, type, routing::PolicyKind::kAssigned, members, *slot);
  }

  std::optional<Set> multivalue_set(const Application& application, std::uint16_t type,
                                    const std::vector<std::vector<std::string>>& regions) {
    std::vector<routing::Member> members;
    for (std::size_t i = 0; i < regions.size(); ++i) {
      const std::optional<BoardSlot> slot = input_.layout.check(application.regions[i].check.id);
      if (!slot) {
        return std::nullopt;
      }
      for (const std::string& rdata : regions[i]) {
        members.push_back(
            {.check = *slot, .leaf = add_alternative(type, seconds_of(application.ttl), {rdata})});
      }
    }
    if (members.size() > routing::kMembersMax) {
      findings_.problem(application_source(application), 0,
                        fmt::format("{} addresses of one type; at most {} can be chosen from",
                                    members.size(), routing::kMembersMax));
      members.resize(routing::kMembersMax);
    }
    return policy_set(application, type, routing::PolicyKind::kMultivalue, members,
                      application.min_healthy_regions > 1
                          ? static_cast<std::uint32_t>(application.min_healthy_regions)
                          : routing::kNoIndex);
  }

  Set policy_set(const Application& application, std::uint16_t type, routing::PolicyKind kind,
                 const std::vector<routing::Member>& members, std::uint32_t extra) {
    return {
        .ttl = seconds_of(application.ttl),
        .policy = layout_->policies.add(kind, members, seconds_of(application.ttl_floor), extra),
        .first_alternative = kNone,
        .type = type,
        .plain = {}};
  }

  // A loaded child zone answers for its names itself: of the zone above, only the records at the
  // cut remain, for DS.
  [[nodiscard]] bool belongs_to_child(const ZoneDraft& zone, const Name& name) const {
    if (apexes_.size() == 1) {
      return false;
    }
    for (Name at = name; at != zone.apex; at = at.parent()) {
      if (apexes_.contains(at)) {
        return true;
      }
    }
    return false;
  }

  void build_zone(const ZoneDraft& draft) {
    Layout& layout = *layout_;
    const auto zone_index = static_cast<std::uint32_t>(layout.zones.size());
    layout.zones.emplace_back();
    const std::size_t first_node = layout.nodes.size();
    ZoneSummary summary{draft.apex.text(), draft.source, 0, 0, 0};
    std::map<Name, std::uint32_t> cuts;
    for (const auto& [name, node] : draft.nodes) {
      const bool is_parent_side = name != draft.apex && apexes_.contains(name);
      if (belongs_to_child(draft, is_parent_side ? name.parent() : name)) {
        continue;
      }
      const auto index = static_cast<std::uint32_t>(layout.nodes.size());
      layout.nodes.push_back(build_node(draft, name, node, zone_index));
      if (name == draft.apex) {
        layout.zones[zone_index].apex = index;
      } else if (node.find(type::kNs) != nullptr) {
        cuts.emplace(name, index);
      }
      if (is_parent_side) {
        parent_sides_.emplace(name, index);
      } else {
        indexed_.push_back(index);
        summary.names += 1;
        summary.record_sets += layout.nodes.back().set_count;
      }
    }
    mark_names(draft, first_node, cuts);
    finish_zone(draft, layout.zones[zone_index], summary);
  }

  Node build_node(const ZoneDraft& draft, const Name& name, const NodeDraft& node,
                  std::uint32_t zone_index) {
    Layout& layout = *layout_;
    Node built;
    built.zone = zone_index;
    built.name = static_cast<std::uint32_t>(layout.names.size());
    built.name_bytes = static_cast<std::uint8_t>(name.wire().size());
    layout.names.insert(layout.names.end(), name.wire().begin(), name.wire().end());
    if (node.application && node.sets.empty() && node.groups.empty()) {
      // A million hostnames of one application share its record sets.
      std::optional<std::uint32_t>& shared = first_set_of_application_[*node.application];
      if (!shared) {
        shared = add_sets(applications_[*node.application]);
      }
      built.first_set = *shared;
      built.set_count = static_cast<std::uint16_t>(applications_[*node.application].size());
      return built;
    }
    std::vector<Set> sets;
    if (node.application) {
      sets = applications_[*node.application];
    }
    for (const SetDraft& set : node.sets) {
      sets.push_back({.ttl = set.ttl,
                      .policy = kNone,
                      .first_alternative = add_alternative(set.type, set.ttl, set.rdatas),
                      .type = set.type,
                      .plain = {}});
      if (!may_have_additional(set.type)) {
        sets.back().plain = layout_->alternatives[sets.back().first_alternative];
      }
      built.flags |= set.type == type::kCname ? kHasCname : std::uint8_t{0};
      built.flags |= set.type == type::kDname ? kHasDname : std::uint8_t{0};
    }
    for (const GroupDraft& group : node.groups) {
      sets.push_back(group_set(draft, group));
      built.flags |= group.type == type::kCname ? kHasCname : std::uint8_t{0};
    }
    std::ranges::sort(sets, {}, &Set::type);
    if (sets.size() > 0xFFFF) {
      findings_.problem(draft.source, 0, fmt::format("{} has too many types", name.text()));
    }
    built.set_count = static_cast<std::uint16_t>(sets.size());
    built.first_set = add_sets(sets);
    return built;
  }

  Set group_set(const ZoneDraft& draft, const GroupDraft& group) {
    std::vector<std::uint32_t> leaves;
    std::uint32_t ttl = kAliasTtl;
    for (const GroupDraft::Member& member : group.members) {
      const std::uint32_t member_ttl = member.set->ttl_seconds.value_or(kAliasTtl);
      ttl = std::min(ttl, member_ttl);
      leaves.push_back(member.set->alias ? kNone
                                         : add_alternative(group.type, member_ttl, member.rdatas));
    }
    return {.ttl = ttl,
            .policy = policies_.add(group, leaves, draft.source),
            .first_alternative = kNone,
            .type = group.type,
            .plain = {}};
  }

  std::uint32_t add_sets(const std::vector<Set>& sets) {
    const auto first = static_cast<std::uint32_t>(layout_->sets.size());
    layout_->sets.insert(layout_->sets.end(), sets.begin(), sets.end());
    return first;
  }

  // What a name is below: a cut, a wildcard's parent.
  void mark_names(const ZoneDraft& draft, std::size_t first_node,
                  const std::map<Name, std::uint32_t>& cuts) {
    Layout& layout = *layout_;
    std::map<Name, std::size_t> wildcard_parents;
    for (std::size_t i = first_node; i < layout.nodes.size(); ++i) {
      const Name name = Name::of_checked(layout.name_of(layout.nodes[i]));
      if (name.is_wildcard()) {
        wildcard_parents.emplace(name.parent(), i);
      }
      if (!cuts.empty()) {
        if (const std::optional<Name> cut = draft.cut_above(name)) {
          const auto found = cuts.find(*cut);
          layout.nodes[i].cut = found == cuts.end() ? kNone : found->second;
        }
      }
    }
    if (wildcard_parents.empty()) {
      return;
    }
    for (std::size_t i = first_node; i < layout.nodes.size(); ++i) {
      if (wildcard_parents.contains(Name::of_checked(layout.name_of(layout.nodes[i])))) {
        layout.nodes[i].flags |= kHasWildcardChild;
      }
    }
  }

  void finish_zone(const ZoneDraft& draft, Zone& zone, ZoneSummary& summary) {
    const Layout& layout = *layout_;
    if (const auto signing = input_.signing.find(draft.apex);
        signing != input_.signing.end() && is_signed(signing->second)) {
      zone.signing = static_cast<std::uint32_t>(layout.signings.size());
      layout_->signings.push_back(signing->second);
    }
    const Set* soa = layout.find_set(layout.nodes[zone.apex], type::kSoa);
    zone.soa = static_cast<std::uint32_t>(soa - layout.sets.data());
    const std::span<const std::uint8_t> record =
        layout.bytes_of(layout.alternatives[soa->first_alternative]);
    zone.negative_ttl = std::min(soa->ttl, load32(record.data() + record.size() - 4));
    summary.serial = load32(record.data() + record.size() - 20);
    layout_->summaries.push_back(std::move(summary));
  }

  void link_parent_sides() {
    for (const auto& [name, index] : parent_sides_) {
      const Zone& child = layout_->zones[apexes_.at(name)];
      // Only a delegation makes the zone above the authority for DS.
      if (layout_->nodes[index].cut == index) {
        layout_->nodes[child.apex].parent_side = index;
      }
    }
  }

  void fill_slots() {
    Layout& layout = *layout_;
    if (indexed_.empty()) {
      return;
    }
    layout.slots.resize(std::bit_ceil(indexed_.size() + indexed_.size() / 2 + 1));
    const std::size_t mask = layout.slots.size() - 1;
    for (const std::uint32_t index : indexed_) {
      const std::uint64_t hash = hash_name(Name::of_checked(layout.name_of(layout.nodes[index])));
      std::size_t slot = hash & mask;
      while (layout.slots[slot].node != kNone) {
        slot = (slot + 1) & mask;
      }
      layout.slots[slot] = {static_cast<std::uint32_t>(hash >> 32), index};
    }
  }

  void add_version() {
    const std::string& version = input_.settings.version;
    if (version.empty()) {
      return;
    }
    if (version.size() > 255) {
      findings_.problem("dns.version", 0, "longer than 255 bytes");
      return;
    }
    layout_->version.push_back(static_cast<std::uint8_t>(version.size()));
    layout_->version.insert(layout_->version.end(), version.begin(), version.end());
  }

  void shrink() {
    layout_->nodes.shrink_to_fit();
    layout_->sets.shrink_to_fit();
    layout_->alternatives.shrink_to_fit();
    layout_->bytes.shrink_to_fit();
    layout_->names.shrink_to_fit();
  }

  const CompileInput& input_;
  const std::vector<ZoneDraft>& zones_;
  Findings& findings_;
  std::unique_ptr<Layout> layout_ = std::make_unique<Layout>();
  PolicyBuilder policies_;
  std::map<Name, std::uint32_t> apexes_;  // to zone index
  std::vector<ApplicationSets> applications_;
  std::vector<std::optional<std::uint32_t>> first_set_of_application_;
  std::map<Name, std::uint32_t> parent_sides_;
  std::vector<std::uint32_t> indexed_;  // nodes that queries can find by name
};

}  // namespace

std::unique_ptr<Layout> build_layout(const CompileInput& input, const std::vector<ZoneDraft>& zones,
                                     Findings& findings) {
  return Builder(input, zones, findings).build();
}

}  // namespace leeward::dns
