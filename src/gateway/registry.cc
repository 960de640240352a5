// SPDX-License-Identifier: Apache-2.0
#include "gateway/registry.h"

#include <algorithm>
#include <utility>

#include "gateway/arn.h"

namespace leeward::gateway {
namespace {

namespace json = boost::json;

// Of {"S": "text"}.
std::string string_of(const json::object& item, std::string_view name) {
  const json::value* typed = item.if_contains(name);
  if (typed == nullptr || !typed->is_object()) {
    return {};
  }
  const json::value* text = typed->get_object().if_contains("S");
  return text != nullptr && text->is_string() ? std::string(text->get_string()) : std::string();
}

}  // namespace

bool GlobalTable::has(std::string_view region) const {
  return std::ranges::find(replicas, region) != replicas.end();
}

json::object to_item(const GlobalTable& table) {
  json::array replicas;
  for (const std::string& region : table.replicas) {
    replicas.push_back(json::object{{"S", region}});
  }
  json::object item{{"table_name", {{"S", table.name}}},
                    {"replicas", {{"L", std::move(replicas)}}},
                    {"version", {{"S", table.version}}},
                    {"created", {{"S", table.created}}}};
  if (!table.ttl_attribute.empty()) {
    item["ttl_attribute"] = {{"S", table.ttl_attribute}};
  }
  return item;
}

std::optional<GlobalTable> from_item(const json::object& item) {
  GlobalTable table{string_of(item, "table_name"),
                    {},
                    string_of(item, "version"),
                    string_of(item, "created"),
                    string_of(item, "ttl_attribute")};
  const json::value* replicas = item.if_contains("replicas");
  const json::value* list = replicas != nullptr && replicas->is_object()
                                ? replicas->get_object().if_contains("L")
                                : nullptr;
  if (table.name.empty() || list == nullptr || !list->is_array()) {
    return std::nullopt;
  }
  for (const json::value& each : list->get_array()) {
    std::string region =
        each.is_object() ? string_of(json::object{{"r", each}}, "r") : std::string();
    if (region.empty()) {
      return std::nullopt;
    }
    table.replicas.push_back(std::move(region));
  }
  return table;
}

const rewrite::ReplicatedTable* Snapshot::find(std::string_view table_name_or_arn) const {
  const auto found = replicated.find(table_of(table_name_or_arn));
  return found == replicated.end() ? nullptr : &found->second;
}

const GlobalTable* Snapshot::global(std::string_view name) const {
  const auto found = globals.find(name);
  return found == globals.end() ? nullptr : &found->second;
}

std::shared_ptr<const Snapshot> Registry::get() const {
  const std::scoped_lock lock(mutex_);
  return snapshot_;
}

bool Registry::ready() const {
  const std::scoped_lock lock(mutex_);
  return installed_ > 0;
}

std::uint64_t Registry::ticket() {
  const std::scoped_lock lock(mutex_);
  return ++last_ticket_;
}

void Registry::install(std::uint64_t ticket, std::shared_ptr<const Snapshot> snapshot) {
  const std::scoped_lock lock(mutex_);
  if (ticket > installed_) {
    installed_ = ticket;
    snapshot_ = std::move(snapshot);
  }
}

void Registry::set_creating(const std::string& table, const std::string& region, bool creating) {
  const std::scoped_lock lock(mutex_);
  if (creating) {
    creating_.emplace(table, region);
  } else {
    creating_.erase({table, region});
  }
}

bool Registry::is_creating(const std::string& table, const std::string& region) const {
  const std::scoped_lock lock(mutex_);
  return creating_.contains({table, region});
}

std::vector<std::pair<std::string, std::string>> Registry::creating() const {
  const std::scoped_lock lock(mutex_);
  return {creating_.begin(), creating_.end()};
}

bool Registry::begin_change(const std::string& table) {
  const std::scoped_lock lock(mutex_);
  return changing_.insert(table).second;
}

void Registry::end_change(const std::string& table) {
  const std::scoped_lock lock(mutex_);
  changing_.erase(table);
}

}  // namespace leeward::gateway
