// SPDX-License-Identifier: Apache-2.0
//
// ChangeResourceRecordSets, ListResourceRecordSets, GetChange, TestDNSAnswer.
#include <algorithm>
#include <set>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/result.h"
#include "dns/octal.h"
#include "dns/rdata.h"
#include "route53/operations.h"
#include "route53/record_rules.h"
#include "route53/record_xml.h"

namespace leeward::route53 {
namespace {

// Of one batch (API reference, ChangeResourceRecordSets; UPSERT counts twice).
constexpr std::size_t kRecordsMax = 1000;
constexpr std::size_t kCharactersMax = 32'000;
constexpr std::size_t kListMax = 300;

ApiError invalid_batch(std::vector<std::string> messages) {
  std::string joined = fmt::format("[{}]", fmt::join(messages, ", "));
  return {400, "InvalidChangeBatch", std::move(joined), std::move(messages)};
}

std::string tried(std::string_view action, const ResourceRecordSet& set) {
  return fmt::format(
      "Tried to {} resource record set [name='{}', type='{}'{}]", action, set.name, set.type,
      set.set_identifier.empty() ? "" : fmt::format(", set-identifier='{}'", set.set_identifier));
}

// DELETE must name what is there, values in any order.
bool same_contents(ResourceRecordSet a, ResourceRecordSet b) {
  std::ranges::sort(a.values);
  std::ranges::sort(b.values);
  return a.ttl_seconds == b.ttl_seconds && a.values == b.values && a.alias == b.alias;
}

struct Batch {
  RecordTable after;
  std::set<std::string> names;
  std::vector<std::string> messages;
  std::vector<Mutation> mutations;
  std::size_t records = 0;
  std::size_t characters = 0;
};

void apply_change(const Call& call, const ZoneEntry& zone, std::string_view action,
                  const ResourceRecordSet& set, Batch& batch) {
  const std::size_t times = action == "UPSERT" ? 2 : 1;
  batch.records += times * std::max<std::size_t>(1, set.values.size());
  for (const std::string& value : set.values) {
    batch.characters += times * value.size();
  }
  const RecordKey key = RecordKey::of(set);
  const ResourceRecordSet* existing = batch.after.find(key);
  if (existing != nullptr && !existing->traffic_policy_instance_id.empty()) {
    batch.messages.push_back(fmt::format("{} but it belongs to traffic policy instance {}",
                                         tried("change", set),
                                         existing->traffic_policy_instance_id));
    return;
  }
  batch.names.insert(set.name);
  if (action == "DELETE") {
    if (existing == nullptr) {
      batch.messages.push_back(tried("delete", set) + " but it was not found");
    } else if (!same_contents(*existing, set)) {
      batch.messages.push_back(tried("delete", set) +
                               " but the values provided do not match the current values");
    } else {
      batch.after.erase(key);
      batch.mutations.push_back(delete_record(zone.zone.id, set));
    }
    return;
  }
  if (action == "CREATE" && existing != nullptr) {
    batch.messages.push_back(tried("create", set) + " but it already exists");
    return;
  }
  check_record(call.catalog, zone, set, batch.messages);
  batch.mutations.push_back(put_record(zone.zone.id, set));
  batch.after.insert_or_assign(set);
}

std::expected<Batch, ApiError> read_batch(const Call& call, const ZoneEntry& zone,
                                          pugi::xml_node changes) {
  Batch batch;
  batch.after = zone.zone.records;
  for (const pugi::xml_node change : changes.children()) {
    if (change.type() != pugi::node_element) {
      continue;
    }
    ASSIGN_OR_RETURN(const std::string action, required_text(change, "Action", 16));
    if (action != "CREATE" && action != "DELETE" && action != "UPSERT") {
      return std::unexpected(invalid_input("Action must be CREATE, DELETE or UPSERT"));
    }
    const pugi::xml_node node = child(change, "ResourceRecordSet");
    if (!node) {
      return std::unexpected(invalid_input("a Change needs a ResourceRecordSet"));
    }
    ASSIGN_OR_RETURN(const ResourceRecordSet set, read_record(node));
    apply_change(call, zone, action, set, batch);
    if (batch.records > kRecordsMax) {
      return std::unexpected(
          invalid_batch({fmt::format("Number of records limit of {} exceeded.", kRecordsMax)}));
    }
    if (batch.characters > kCharactersMax) {
      return std::unexpected(invalid_batch(
          {fmt::format("Number of characters limit of {} exceeded.", kCharactersMax)}));
    }
  }
  return batch;
}

struct ListStart {
  RecordKey from;
  std::size_t most = kListMax;
};

std::expected<ListStart, ApiError> list_start(const Call& call) {
  ListStart start;
  ASSIGN_OR_RETURN(start.most, max_items(call, kListMax));
  const auto name = call.parameter("name");
  const auto type = call.parameter("type");
  const auto identifier = call.parameter("identifier");
  if ((type && !name) || (identifier && !type)) {
    return std::unexpected(invalid_input(type && !name
                                             ? "StartRecordType needs StartRecordName"
                                             : "StartRecordIdentifier needs StartRecordType"));
  }
  if (name) {
    const auto parsed = dns::parse_route53_name(*name);
    if (!parsed) {
      return std::unexpected(invalid_input("StartRecordName: " + parsed.error().message));
    }
    start.from =
        RecordKey::of(dns::route53_text(*parsed), type.value_or(""), identifier.value_or(""));
  }
  return start;
}

}  // namespace

OperationResult change_record_sets(const Call& call) {
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_own_zone(call, call.parameters[0]));
  ASSIGN_OR_RETURN(const pugi::xml_node root, body_named(call, "ChangeResourceRecordSetsRequest"));
  const pugi::xml_node batch_node = child(root, "ChangeBatch");
  const pugi::xml_node changes = child(batch_node, "Changes");
  if (!changes || !changes.first_child()) {
    return std::unexpected(invalid_input("ChangeBatch needs at least one Change"));
  }
  const std::string comment = text_of(batch_node, "Comment").value_or("");
  if (comment.size() > 256) {
    return std::unexpected(invalid_input("Comment has at most 256 characters"));
  }
  ASSIGN_OR_RETURN(Batch batch, read_batch(call, *zone, changes));
  if (batch.messages.empty()) {
    check_names(call.catalog, *zone, batch.after, batch.names, batch.messages);
  }
  if (!batch.messages.empty()) {
    return std::unexpected(invalid_batch(std::move(batch.messages)));
  }
  const ChangeEntry change = new_change(call, comment, batch.mutations);
  XmlWriter xml("ChangeResourceRecordSetsResponse");
  write_change(xml, change);
  return Outcome{{200, xml.finish()}, std::move(batch.mutations), change.id};
}

OperationResult list_record_sets(const Call& call) {
  ASSIGN_OR_RETURN(const ZoneEntry* const zone, find_zone(call, call.parameters[0]));
  ASSIGN_OR_RETURN(const ListStart start, list_start(call));
  XmlWriter xml("ListResourceRecordSetsResponse");
  xml.open("ResourceRecordSets");
  std::size_t count = 0;
  const ResourceRecordSet* next = nullptr;
  zone->zone.records.visit_from(start.from, [&](const ResourceRecordSet& set) {
    if (count == start.most) {
      next = &set;
      return false;
    }
    write_record(xml, set);
    ++count;
    return true;
  });
  xml.close().flag("IsTruncated", next != nullptr);
  if (next != nullptr) {
    xml.text("NextRecordName", next->name)
        .text("NextRecordType", next->type)
        .optional_text("NextRecordIdentifier", next->set_identifier);
  }
  xml.number("MaxItems", start.most);
  return Outcome{{200, xml.finish()}};
}

OperationResult get_change(const Call& call) {
  const auto found = call.catalog.changes.find(bare_id(call.parameters[0]));
  if (found == call.catalog.changes.end()) {
    return std::unexpected(not_found(
        "NoSuchChange",
        fmt::format("Could not find resource with ID: {}", call.parameters[0].substr(0, 64))));
  }
  XmlWriter xml("GetChangeResponse");
  write_change(xml, found->second);
  return Outcome{{200, xml.finish()}};
}

OperationResult test_dns_answer(const Call& call) {
  ASSIGN_OR_RETURN(const ZoneEntry* const zone,
                   find_zone(call, call.parameter("hostedzoneid").value_or("")));
  DnsQuestion question;
  question.name = call.parameter("recordname").value_or("");
  question.type = call.parameter("recordtype").value_or("");
  question.resolver_address = call.parameter("resolverip").value_or("");
  question.client_address = call.parameter("edns0clientsubnetip").value_or("");
  const auto name = dns::parse_route53_name(question.name);
  if (!name || !dns::parse_type(question.type)) {
    return std::unexpected(invalid_input("RecordName and RecordType must be a name and a type"));
  }
  for (const std::string& address : {question.resolver_address, question.client_address}) {
    in6_addr ignored{};
    if (!address.empty() && inet_pton(AF_INET, address.c_str(), &ignored) != 1 &&
        inet_pton(AF_INET6, address.c_str(), &ignored) != 1) {
      return std::unexpected(
          invalid_input(fmt::format("'{}' is no IP address", address.substr(0, 64))));
    }
  }
  const std::string mask = call.parameter("edns0clientsubnetmask").value_or("");
  if (!mask.empty()) {
    if (question.client_address.empty() || mask.size() > 3 ||
        mask.find_first_not_of("0123456789") != std::string::npos || std::stoi(mask) > 128) {
      return std::unexpected(invalid_input("EDNS0ClientSubnetMask must be from 0 to 32 or 128"));
    }
    question.client_prefix_bits = std::stoi(mask);
  }
  question.name = dns::route53_text(*name);
  if (!(question.name == zone->zone.name || question.name.ends_with("." + zone->zone.name))) {
    return std::unexpected(invalid_input("RecordName lies outside the hosted zone"));
  }
  const DnsAnswer answer = call.views.test_dns_answer(question);
  XmlWriter xml("TestDNSAnswerResponse");
  xml.text("Nameserver", answer.name_server)
      .text("RecordName", question.name)
      .text("RecordType", question.type)
      .open("RecordData");
  for (const std::string& each : answer.data) {
    xml.text("RecordDataEntry", each);
  }
  xml.close().text("ResponseCode", answer.rcode).text("Protocol", "UDP");
  return Outcome{{200, xml.finish()}};
}

}  // namespace leeward::route53
