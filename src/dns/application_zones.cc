// SPDX-License-Identifier: Apache-2.0
#include "dns/application_zones.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "dns/protocol.h"
#include "dns/rdata.h"

namespace leeward::dns {
namespace {

constexpr std::uint32_t kServerTtl = 3600;
// A name that is missing now may be an application added in a minute.
constexpr std::uint32_t kNegativeTtlMax = 30;

std::string soa_rdata(const Name& primary, const Name& mailbox, std::uint32_t minimum) {
  constexpr std::uint32_t kSerial = 1;
  constexpr std::array<std::uint32_t, 4> kTimers{kSerial, 3600, 600, 604'800};
  std::string rdata = primary.wire() + mailbox.wire();
  std::array<std::uint8_t, 20> numbers{};
  for (std::size_t i = 0; i < kTimers.size(); ++i) {
    store32(numbers.data() + 4 * i, kTimers[i]);
  }
  store32(numbers.data() + 16, minimum);
  rdata.append(numbers.begin(), numbers.end());
  return rdata;
}

class Placer {
 public:
  Placer(const CompileInput& input, std::vector<ZoneDraft>& zones, Findings& findings)
      : input_(input), zones_(zones), findings_(findings) {
    for (std::size_t i = 0; i < zones.size(); ++i) {
      by_apex_.emplace(zones[i].apex, i);
    }
  }

  void place(std::uint32_t index, const Name& hostname) {
    const Application& application = input_.applications[index];
    std::optional<std::size_t> found = zone_of(hostname);
    if (found && zones_[*found].is_hosted && zones_[*found].cut_above(hostname)) {
      found = std::nullopt;  // delegated away by a user of the API: a zone of its own
    }
    // A wildcard cannot be a zone of its own; what it is a wildcard of can.
    ZoneDraft& zone =
        found ? zones_[*found]
              : make_zone(application, hostname.is_wildcard() ? hostname.parent() : hostname);
    if (zone.is_hosted) {
      give_way(zone, hostname);
    }
    const std::string reason = conflict(zone, hostname);
    if (!reason.empty()) {
      findings_.problem(application_source(application), 0,
                        fmt::format("hostname {} {}", hostname.text(), reason));
      return;
    }
    zone.node_at(hostname).application = index;
  }

 private:
  [[nodiscard]] std::optional<std::size_t> zone_of(const Name& hostname) const {
    for (Name at = hostname;; at = at.parent()) {
      if (const auto found = by_apex_.find(at); found != by_apex_.end()) {
        return found->second;
      }
      if (at.is_root()) {
        return std::nullopt;
      }
    }
  }

  // The config's word goes before the API's: an application takes its name's addresses.
  void give_way(ZoneDraft& zone, const Name& hostname) {
    NodeDraft& node = zone.node_at(hostname);
    for (const std::uint16_t type : {type::kA, type::kAaaa, type::kCname}) {
      const std::size_t gone =
          std::erase_if(node.sets, [&](const SetDraft& set) { return set.type == type; }) +
          std::erase_if(node.groups, [&](const GroupDraft& group) { return group.type == type; });
      if (gone > 0) {
        findings_.note(zone.source, 0,
                       fmt::format("{} {} is left out: an application answers for this name",
                                   hostname.text(), type_to_text(type)));
      }
    }
  }

  // Why the hostname cannot stand there; empty: it can.
  [[nodiscard]] std::string conflict(const ZoneDraft& zone, const Name& hostname) const {
    if (const std::optional<Name> cut = zone.cut_above(hostname)) {
      return fmt::format("is delegated away by the NS records of {} in {}", cut->text(),
                         zone.source);
    }
    const NodeDraft* node = zone.find(hostname);
    if (node == nullptr) {
      return {};
    }
    if (node->application) {
      return fmt::format("is already taken by {}",
                         application_source(input_.applications[*node->application]));
    }
    for (const std::uint16_t type : {type::kA, type::kAaaa, type::kCname}) {
      if (const SetDraft* set = node->find(type)) {
        return fmt::format(
            "already has {} records, at {}; remove them there, the application "
            "answers for this name",
            type_to_text(type),
            set->line > 0 ? fmt::format("{}:{}", zone.source, set->line) : zone.source);
      }
    }
    return {};
  }

  ZoneDraft& make_zone(const Application& application, const Name& apex) {
    by_apex_.emplace(apex, zones_.size());
    ZoneDraft& zone = zones_.emplace_back(apex, application_source(application), true, false,
                                          std::map<Name, NodeDraft>{}, false);
    SetDraft servers{type::kNs, kServerTtl, 0, {}};
    for (const Name& server : server_names(application, apex)) {
      servers.rdatas.push_back(server.wire());
      if (server.is_within(apex) && server != apex) {
        add_server_addresses(zone.node_at(server));
      }
    }
    const Name primary = name_server_of(servers.rdatas.front());
    const Result<Name> mailbox = Name::parse("hostmaster", apex);
    const auto minimum = static_cast<std::uint32_t>(std::min<std::int64_t>(
        kNegativeTtlMax,
        std::chrono::duration_cast<std::chrono::seconds>(application.ttl).count()));
    NodeDraft& node = zone.node_at(apex);
    node.sets.push_back(
        {type::kSoa, kServerTtl, 0, {soa_rdata(primary, mailbox ? *mailbox : apex, minimum)}});
    node.sets.push_back(std::move(servers));
    return zone;
  }

  [[nodiscard]] std::vector<Name> server_names(const Application& application, const Name& apex) {
    std::vector<Name> names;
    for (const std::string& text : input_.settings.name_servers) {
      Result<Name> name = Name::parse(text);
      if (name) {
        names.push_back(name->lowered());
      } else {
        findings_.problem("dns.name_servers", 0, name.error().message);
      }
    }
    if (names.empty()) {
      Result<Name> name = Name::parse("ns1", apex);
      if (!name) {
        findings_.problem(application_source(application), 0,
                          fmt::format("hostname {} leaves no room for ns1 below it; set "
                                      "dns.name_servers",
                                      apex.text()));
      }
      names.push_back(name ? *std::move(name) : apex);
    }
    return names;
  }

  void add_server_addresses(NodeDraft& node) const {
    for (const std::uint16_t type : {type::kA, type::kAaaa}) {
      SetDraft set{type, kServerTtl, 0, {}};
      for (const std::string& address : input_.settings.server_addresses) {
        const Result<std::string> rdata = parse_rdata(type, address, Name());
        if (rdata && rdata->find_first_not_of('\0') != std::string::npos &&
            std::ranges::find(set.rdatas, *rdata) == set.rdatas.end()) {
          set.rdatas.push_back(*rdata);
        }
      }
      if (!set.rdatas.empty() && node.find(type) == nullptr) {
        node.sets.push_back(std::move(set));
      }
    }
  }

  const CompileInput& input_;
  std::vector<ZoneDraft>& zones_;
  Findings& findings_;
  std::map<Name, std::size_t> by_apex_;
};

}  // namespace

std::string application_source(const Application& application) {
  return "applications." + application.id.str();
}

void add_applications(const CompileInput& input, std::vector<ZoneDraft>& zones,
                      Findings& findings) {
  struct Hostname {
    std::pair<std::size_t, std::size_t> order;  // labels, then place in the input
    std::uint32_t application;
    Name name;
  };
  std::vector<Hostname> hostnames;
  for (std::uint32_t i = 0; i < input.applications.size(); ++i) {
    const Application& application = input.applications[i];
    for (const std::string& text : application.hostnames) {
      const Result<Name> name = Name::parse(text);
      if (!name || name->is_root()) {
        findings.problem(
            application_source(application), 0,
            name ? "the root cannot be a hostname" : "hostname: " + name.error().message);
        continue;
      }
      hostnames.push_back({{name->label_count(), hostnames.size()}, i, name->lowered()});
    }
  }
  std::ranges::sort(hostnames, {}, &Hostname::order);
  Placer placer(input, zones, findings);
  for (const Hostname& hostname : hostnames) {
    placer.place(hostname.application, hostname.name);
  }
}

}  // namespace leeward::dns
