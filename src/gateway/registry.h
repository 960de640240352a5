// SPDX-License-Identifier: Apache-2.0
//
// Which tables are replicated, as the gateway's requests see it: the items of leeward-global-tables
// in the region's own store plus the tables declared on the command line, each with its keys.
//
// Thread-safety: Registry is safe from any thread; a Snapshot does not change.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "rewrite/exchange.h"

namespace leeward::gateway {

inline constexpr std::string_view kRegistryTable = "leeward-global-tables";
// Tables of Leeward's own: not listed to clients, never stamped.
inline constexpr std::string_view kOwnPrefix = "leeward-";
inline constexpr std::string_view kVersion2019 = "2019.11.21";
inline constexpr std::string_view kVersion2017 = "2017.11.29";

// An item of leeward-global-tables.
struct GlobalTable {
  std::string name;
  std::vector<std::string> replicas;  // Leeward region names, this one among them
  std::string version;                // kVersion2019 or kVersion2017
  std::string created;                // RFC 3339
  std::string ttl_attribute;          // empty: none

  friend bool operator==(const GlobalTable&, const GlobalTable&) = default;

  [[nodiscard]] bool has(std::string_view region) const;
};

[[nodiscard]] boost::json::object to_item(const GlobalTable& table);
// Nothing: not an item of that form.
[[nodiscard]] std::optional<GlobalTable> from_item(const boost::json::object& item);

struct Snapshot final : rewrite::TableLookup {
  [[nodiscard]] const rewrite::ReplicatedTable* find(
      std::string_view table_name_or_arn) const override;
  [[nodiscard]] const GlobalTable* global(std::string_view name) const;

  std::map<std::string, GlobalTable, std::less<>> globals;
  std::map<std::string, rewrite::ReplicatedTable, std::less<>> replicated;
};

class Registry {
 public:
  [[nodiscard]] std::shared_ptr<const Snapshot> get() const;

  // Nothing can be passed on before the first look at the store: what is replicated is not known.
  [[nodiscard]] bool ready() const;

  // A look at the store takes a ticket when it begins; one that ended after a later one is not
  // taken over.
  [[nodiscard]] std::uint64_t ticket();
  void install(std::uint64_t ticket, std::shared_ptr<const Snapshot> snapshot);

  // Regions whose copy of a table is not there yet, as (table, region): DescribeTable says
  // CREATING.
  void set_creating(const std::string& table, const std::string& region, bool creating);
  [[nodiscard]] bool is_creating(const std::string& table, const std::string& region) const;
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> creating() const;

  // One change of a global table at a time. False: another one is under way.
  [[nodiscard]] bool begin_change(const std::string& table);
  void end_change(const std::string& table);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_ = std::make_shared<const Snapshot>();
  std::uint64_t last_ticket_ = 0;
  std::uint64_t installed_ = 0;
  std::set<std::pair<std::string, std::string>> creating_;
  std::set<std::string> changing_;
};

}  // namespace leeward::gateway
