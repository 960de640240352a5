// SPDX-License-Identifier: Apache-2.0
//
// CIDR collections: named blocks of client addresses for IP-based routing.
#include <algorithm>

#include <fmt/format.h>

#include "base/result.h"
#include "route53/operations.h"
#include "routing/client_network.h"

namespace leeward::route53 {
namespace {

constexpr std::size_t kBlocksMax = 1000;  // of one change, and of one collection
constexpr std::size_t kListMax = 100;

using Location = CidrCollection::Location;

std::string arn_of(const CidrEntry& entry) {
  return "arn:aws:route53:::cidrcollection/" + entry.collection.id;
}

std::expected<const CidrEntry*, ApiError> find_collection(const Call& call) {
  const auto found = call.catalog.cidr_collections.find(call.parameters[0]);
  if (found == call.catalog.cidr_collections.end()) {
    return std::unexpected(not_found(
        "NoSuchCidrCollectionException",
        fmt::format("no CIDR collection has the id {}", call.parameters[0].substr(0, 64))));
  }
  return &found->second;
}

bool is_location_name(std::string_view name) {
  return !name.empty() && name.size() <= 16 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

// "Lists": as route 53 allows: IPv4 /0 to /24, IPv6 /0 to /48.
bool is_block(const std::string& text) {
  const auto network = routing::parse_network(text);
  return network && text.contains('/') && network->prefix_bits <= (network->family == 4 ? 24 : 48);
}

const ResourceRecordSet* user_of(const Catalog& catalog, const std::string& collection,
                                 const std::string& location) {
  const ResourceRecordSet* user = nullptr;
  for (const auto& [id, zone] : catalog.zones) {
    zone.zone.records.visit_all([&](const ResourceRecordSet& set) {
      if (set.cidr && set.cidr->collection_id == collection &&
          (location.empty() || set.cidr->location_name == location)) {
        user = &set;
      }
      return user == nullptr;
    });
  }
  return user;
}

std::expected<void, ApiError> apply_change(const Call& call, pugi::xml_node change,
                                           CidrEntry& entry) {
  ASSIGN_OR_RETURN(const std::string name, required_text(change, "LocationName", 16));
  ASSIGN_OR_RETURN(const std::string action, required_text(change, "Action", 32));
  if (!is_location_name(name)) {
    return std::unexpected(invalid_input("LocationName is 1 to 16 letters, digits, '-' and '_'"));
  }
  if (action != "PUT" && action != "DELETE_IF_EXISTS") {
    return std::unexpected(invalid_input("Action must be PUT or DELETE_IF_EXISTS"));
  }
  std::vector<Location>& locations = entry.collection.locations;
  auto location = std::ranges::find(locations, name, &Location::name);
  if (location == locations.end() && action == "PUT") {
    locations.push_back({name, {}});
    location = locations.end() - 1;
  }
  std::size_t count = 0;
  for (const pugi::xml_node each : child(change, "CidrList").children()) {
    const std::string block = each.text().get();
    if (++count > kBlocksMax || !is_block(block)) {
      return std::unexpected(invalid_input(
          fmt::format("'{}' is no block: IPv4 up to /24, IPv6 up to /48, at most {} at a time",
                      block.substr(0, 64), kBlocksMax)));
    }
    for (Location& other : locations) {
      const auto found = std::ranges::find(other.blocks, block);
      if (found == other.blocks.end()) {
        continue;
      }
      if (action == "PUT" && other.name != name) {
        return std::unexpected(
            invalid_input(fmt::format("block {} belongs to location {}", block, other.name)));
      }
      if (other.name == name) {
        other.blocks.erase(found);
      }
    }
    if (action == "PUT") {
      location->blocks.push_back(block);
    }
  }
  if (count == 0) {
    return std::unexpected(invalid_input("CidrList needs at least one block"));
  }
  location = std::ranges::find(locations, name, &Location::name);
  if (location != locations.end() && location->blocks.empty()) {
    if (const ResourceRecordSet* user = user_of(call.catalog, entry.collection.id, name)) {
      return std::unexpected(
          ApiError{400, "CidrBlockInUseException",
                   fmt::format("location {} is in use by {} {}", name, user->name, user->type)});
    }
    locations.erase(location);
  }
  return {};
}

void write_collection(XmlWriter& xml, std::string_view element, const CidrEntry& entry) {
  xml.open(element)
      .text("Arn", arn_of(entry))
      .text("Id", entry.collection.id)
      .text("Name", entry.collection.name)
      .number("Version", entry.version)
      .close();
}

std::expected<std::size_t, ApiError> max_results(const Call& call) {
  const auto text = call.parameter("maxresults");
  if (!text) {
    return kListMax;
  }
  if (text->empty() || text->size() > 6 ||
      text->find_first_not_of("0123456789") != std::string::npos || std::stoul(*text) == 0) {
    return std::unexpected(invalid_input("MaxResults must be a whole number from 1"));
  }
  return std::min<std::size_t>(std::stoul(*text), kListMax);
}

}  // namespace

OperationResult create_cidr_collection(const Call& call) {
  ASSIGN_OR_RETURN(const pugi::xml_node root, body_named(call, "CreateCidrCollectionRequest"));
  CidrEntry entry;
  ASSIGN_OR_RETURN(entry.collection.name, required_text(root, "Name", 64));
  ASSIGN_OR_RETURN(entry.caller_reference, required_text(root, "CallerReference", 64));
  for (const auto& [id, other] : call.catalog.cidr_collections) {
    if (other.caller_reference == entry.caller_reference ||
        other.collection.name == entry.collection.name) {
      return std::unexpected(
          ApiError{400, "CidrCollectionAlreadyExistsException",
                   fmt::format("CIDR collection {} has this name or caller reference", id)});
    }
  }
  entry.collection.id = random_uuid(call.rng);
  XmlWriter xml("CreateCidrCollectionResponse");
  write_collection(xml, "Collection", entry);
  return Outcome{{201, xml.finish(), "/2013-04-01/cidrcollection/" + entry.collection.id},
                 {put_cidr_collection(entry)}};
}

OperationResult change_cidr_collection(const Call& call) {
  ASSIGN_OR_RETURN(const CidrEntry* const collection, find_collection(call));
  ASSIGN_OR_RETURN(const pugi::xml_node root, body_named(call, "ChangeCidrCollectionRequest"));
  ASSIGN_OR_RETURN(const auto version, number_of(root, "CollectionVersion", 1, 1'000'000'000));
  if (version && static_cast<std::uint64_t>(*version) != collection->version) {
    return std::unexpected(ApiError{
        409, "CidrCollectionVersionMismatchException",
        fmt::format("the collection's version is {}, not {}", collection->version, *version)});
  }
  CidrEntry changed = *collection;
  const pugi::xml_node changes = child(root, "Changes");
  if (!changes.first_child()) {
    return std::unexpected(invalid_input("Changes needs at least one change"));
  }
  for (const pugi::xml_node change : changes.children()) {
    RETURN_IF_ERROR(apply_change(call, change, changed));
  }
  std::size_t blocks = 0;
  for (const Location& location : changed.collection.locations) {
    blocks += location.blocks.size();
  }
  if (blocks > kBlocksMax) {
    return std::unexpected(ApiError{
        400, "LimitsExceeded", fmt::format("a collection holds at most {} blocks", kBlocksMax)});
  }
  changed.version += 1;
  std::vector<Mutation> mutations{put_cidr_collection(changed)};
  const ChangeEntry change = new_change(call, "", mutations);
  XmlWriter xml("ChangeCidrCollectionResponse");
  xml.text("Id", change.id);
  return Outcome{{200, xml.finish()}, std::move(mutations), change.id};
}

OperationResult list_cidr_collections(const Call& call) {
  ASSIGN_OR_RETURN(const std::size_t most, max_results(call));
  XmlWriter xml("ListCidrCollectionsResponse");
  std::string next;
  std::size_t count = 0;
  xml.open("CidrCollections");
  for (auto at =
           call.catalog.cidr_collections.lower_bound(call.parameter("nexttoken").value_or(""));
       at != call.catalog.cidr_collections.end(); ++at, ++count) {
    if (count == most) {
      next = at->first;
      break;
    }
    write_collection(xml, "member", at->second);
  }
  xml.close().optional_text("NextToken", next);
  return Outcome{{200, xml.finish()}};
}

OperationResult list_cidr_locations(const Call& call) {
  ASSIGN_OR_RETURN(const CidrEntry* const collection, find_collection(call));
  ASSIGN_OR_RETURN(const std::size_t most, max_results(call));
  const std::string token = call.parameter("nexttoken").value_or("");
  std::vector<std::string> names;
  for (const Location& location : collection->collection.locations) {
    names.push_back(location.name);
  }
  std::ranges::sort(names);
  XmlWriter xml("ListCidrLocationsResponse");
  std::string next;
  std::size_t count = 0;
  xml.open("CidrLocations");
  for (auto at = std::ranges::lower_bound(names, token); at != names.end(); ++at, ++count) {
    if (count == most) {
      next = *at;
      break;
    }
    xml.open("member").text("LocationName", *at).close();
  }
  xml.close().optional_text("NextToken", next);
  return Outcome{{200, xml.finish()}};
}

OperationResult list_cidr_blocks(const Call& call) {
  ASSIGN_OR_RETURN(const CidrEntry* const collection, find_collection(call));
  ASSIGN_OR_RETURN(const std::size_t most, max_results(call));
  const auto location_name = call.parameter("location");
  if (location_name &&
      std::ranges::find(collection->collection.locations, *location_name, &Location::name) ==
          collection->collection.locations.end()) {
    return std::unexpected(
        not_found("NoSuchCidrLocationException", "the CIDR collection has no such location"));
  }
  std::vector<std::pair<std::string, std::string>> blocks;
  for (const Location& location : collection->collection.locations) {
    if (!location_name || *location_name == location.name) {
      for (const std::string& block : location.blocks) {
        blocks.emplace_back(block, location.name);
      }
    }
  }
  std::ranges::sort(blocks);
  const std::string token = call.parameter("nexttoken").value_or("");
  XmlWriter xml("ListCidrBlocksResponse");
  std::string next;
  std::size_t count = 0;
  xml.open("CidrBlocks");
  for (const auto& [block, name] : blocks) {
    if (block < token) {
      continue;
    }
    if (count++ == most) {
      next = block;
      break;
    }
    xml.open("member").text("CidrBlock", block).text("LocationName", name).close();
  }
  xml.close().optional_text("NextToken", next);
  return Outcome{{200, xml.finish()}};
}

OperationResult delete_cidr_collection_operation(const Call& call) {
  ASSIGN_OR_RETURN(const CidrEntry* const collection, find_collection(call));
  if (!collection->collection.locations.empty() ||
      user_of(call.catalog, collection->collection.id, "") != nullptr) {
    return std::unexpected(
        ApiError{400, "CidrCollectionInUseException",
                 "the collection still has blocks, or a resource record set uses it"});
  }
  return Outcome{{200, XmlWriter("DeleteCidrCollectionResponse").finish()},
                 {delete_cidr_collection(collection->collection.id)}};
}

}  // namespace leeward::route53
