// SPDX-License-Identifier: Apache-2.0
#include "dns/hosted_zone_draft.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "dns/octal.h"
#include "dns/protocol.h"
#include "dns/rdata.h"
#include "routing/policy.h"

namespace leeward::dns {
namespace {

constexpr std::uint32_t kTtlMax = 0x7FFFFFFF;
// An answer has at most 65,535 bytes; its question, SOA and OPT take a share.
constexpr std::size_t kSetBytesMax = 64'000;

bool is_simple(const ResourceRecordSet& set) {
  return !set.alias && set.set_identifier.empty() && set.health_check_id.empty();
}

routing::PolicyKind kind_of(const ResourceRecordSet& set) {
  using Kind = routing::PolicyKind;
  return set.failover            ? Kind::kFailover
         : set.weight            ? Kind::kWeighted
         : !set.region.empty()   ? Kind::kLatency
         : set.geo_location      ? Kind::kGeolocation
         : set.geo_proximity     ? Kind::kGeoproximity
         : set.multivalue_answer ? Kind::kMultivalue
         : set.cidr              ? Kind::kCidr
                                 : Kind::kSimple;
}

class Drafter {
 public:
  Drafter(const HostedZone& zone, ZoneDraft& draft, Findings& findings)
      : zone_(zone), draft_(draft), findings_(findings) {}

  void run() {
    zone_.records.visit_all([&](const ResourceRecordSet& set) {
      add(set);
      return true;
    });
  }

 private:
  void leave_out(const ResourceRecordSet& set, std::string_view why) {
    findings_.note(draft_.source, 0,
                   fmt::format("{} {}{}{} is left out: {}", set.name, set.type,
                               set.set_identifier.empty() ? "" : " ", set.set_identifier, why));
  }

  void add(const ResourceRecordSet& set) {
    // Record sets come in order of name: those of one name follow each other.
    if (node_ == nullptr || set.name != name_) {
      node_ = nullptr;
      const Result<Name> name = parse_route53_name(set.name);
      if (!name || !name->is_within(draft_.apex)) {
        return leave_out(set, name ? "its name is outside the zone" : name.error().message);
      }
      name_ = set.name;
      is_apex_ = *name == draft_.apex;
      is_wildcard_ = name->is_wildcard();
      node_ = &draft_.node_at(*name);
    }
    const std::optional<std::uint16_t> type = parse_type(set.type);
    if (!type || (*type == type::kSoa && !is_apex_) || *type == type::kDname ||
        (*type == type::kNs && is_wildcard_)) {
      return leave_out(set, "this type cannot stand here");
    }
    if ((*type == type::kCname && (is_apex_ || !node_->sets.empty() || !node_->groups.empty()) &&
         !only_cname()) ||
        (*type != type::kCname && has_cname())) {
      return leave_out(set, "a CNAME stands alone (RFC 1034 section 3.6.2)");
    }
    std::optional<std::vector<std::string>> rdatas = rdatas_of(set, *type);
    if (!rdatas) {
      return;
    }
    if (is_simple(set)) {
      node_->sets.push_back(
          {*type, std::min(set.ttl_seconds.value_or(0), kTtlMax), 0, *std::move(rdatas)});
    } else {
      add_member(set, *type, *std::move(rdatas));
    }
  }

  [[nodiscard]] bool has_cname() const {
    return node_->find(type::kCname) != nullptr ||
           std::ranges::find(node_->groups, type::kCname, &GroupDraft::type) != node_->groups.end();
  }
  // Further members of a group of CNAMEs.
  [[nodiscard]] bool only_cname() const {
    return !is_apex_ && node_->sets.empty() && node_->groups.size() == 1 &&
           node_->groups.front().type == type::kCname;
  }

  // Of an alias none; nullopt: nothing can be made of it.
  std::optional<std::vector<std::string>> rdatas_of(const ResourceRecordSet& set,
                                                    std::uint16_t type) {
    std::vector<std::string> rdatas;
    std::size_t bytes = 0;
    for (const std::string& value : set.values) {
      Result<std::string> rdata = parse_rdata(type, octal_to_decimal(value), Name());
      if (!rdata) {
        leave_out(set, rdata.error().message);
        return std::nullopt;
      }
      bytes += rdata->size() + kRecordOverhead;
      if (std::ranges::find(rdatas, *rdata) == rdatas.end()) {
        rdatas.push_back(*std::move(rdata));
      }
    }
    if (bytes > kSetBytesMax || (rdatas.empty() && !set.alias) ||
        (type == type::kCname && rdatas.size() > 1) || (type == type::kSoa && rdatas.size() > 1)) {
      leave_out(set, rdatas.empty() ? "it has no values" : "it has too many values");
      return std::nullopt;
    }
    return rdatas;
  }

  void add_member(const ResourceRecordSet& set, std::uint16_t type,
                  std::vector<std::string> rdatas) {
    if (node_->find(type) != nullptr) {
      return leave_out(set, "there is a simple record set of this name and type");
    }
    auto group = std::ranges::find(node_->groups, type, &GroupDraft::type);
    const routing::PolicyKind kind = kind_of(set);
    if (group == node_->groups.end()) {
      node_->groups.push_back({type, kind, {}});
      group = node_->groups.end() - 1;
    }
    if (group->kind != kind) {
      return leave_out(set, fmt::format("the others of this name and type have {} routing",
                                        routing::to_string(group->kind)));
    }
    const std::size_t members_max = kind == routing::PolicyKind::kSimple     ? 1
                                    : kind == routing::PolicyKind::kFailover ? 2
                                                                             : routing::kMembersMax;
    if (group->members.size() >= members_max) {
      return leave_out(set, fmt::format("there are {} of this name and type", members_max));
    }
    // The primary is the first, in whatever order they are called.
    const bool is_primary = set.failover == FailoverRole::kPrimary;
    group->members.insert(is_primary ? group->members.begin() : group->members.end(),
                          {&set, std::move(rdatas)});
  }

  static constexpr std::size_t kRecordOverhead = 12;

  const HostedZone& zone_;
  ZoneDraft& draft_;
  Findings& findings_;
  NodeDraft* node_ = nullptr;  // of name_
  std::string name_;
  bool is_apex_ = false;
  bool is_wildcard_ = false;
};

}  // namespace

std::optional<ZoneDraft> draft_hosted_zone(const HostedZone& zone, Findings& findings) {
  const std::string source = "hosted zone " + zone.id;
  const Result<Name> apex = parse_route53_name(zone.name);
  if (!apex) {
    findings.note(source, 0, apex.error().message + "; the zone is not served");
    return std::nullopt;
  }
  ZoneDraft draft{*apex, source, false, false, {}};
  draft.is_hosted = true;
  draft.node_at(*apex);
  Drafter(zone, draft, findings).run();
  if (draft.find(*apex)->find(type::kSoa) == nullptr) {
    findings.note(source, 0, "it has no SOA record; the zone is not served");
    return std::nullopt;
  }
  return draft;
}

}  // namespace leeward::dns
