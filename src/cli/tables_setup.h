// SPDX-License-Identifier: Apache-2.0
//
// What every `leeward tables` command begins with: the config, the endpoints, the credentials.
//
// Thread-safety: none.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/tables_commands.h"
#include "config/config.h"
#include "dynamodb/client.h"
#include "model/table.h"
#include "table_manager/manager.h"

namespace leeward::cli {

// A table that is to be looked at.
struct NamedTable {
  std::string name;
  const TableSpec* spec = nullptr;  // null: an application names it, and no spec says how it is
  std::vector<RegionId> regions;
};

class TablesSetup {
 public:
  // On failure the reason is printed already; the code to exit with.
  static std::expected<std::unique_ptr<TablesSetup>, int> make(const TablesOptions& options);

  [[nodiscard]] const config::Config& config() const { return config_; }
  [[nodiscard]] const std::vector<NamedTable>& tables() const { return tables_; }
  // Regions that name a DynamoDB region, in the config's order.
  [[nodiscard]] const std::vector<table_manager::RegionTarget>& targets() const { return targets_; }
  [[nodiscard]] dynamodb::ClientPool& pool() { return *pool_; }
  [[nodiscard]] table_manager::Manager manager();

 private:
  TablesSetup() = default;

  Status name_tables(const std::vector<std::string>& only);
  Status resolve_targets();

  config::Config config_;
  std::vector<NamedTable> tables_;
  std::vector<table_manager::RegionTarget> targets_;
  std::unique_ptr<dynamodb::ClientPool> pool_;
};

}  // namespace leeward::cli
