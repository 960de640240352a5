// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/exit_code.h"
#include "cli/tables_render.h"
#include "cli/tables_setup.h"
#include "tables/status.h"

namespace leeward::cli {
namespace {

namespace json = boost::json;
using tables::RegionStatus;
using tables::TableStatus;

WallTime wall_now() {
  return WallTime(
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
}

json::array texts(const std::vector<std::string>& list) {
  json::array result;
  for (const std::string& text : list) {
    result.emplace_back(printable(text));
  }
  return result;
}

json::object to_json(const TableStatus& status) {
  json::array regions;
  for (const RegionStatus& row : status.regions) {
    regions.push_back(json::object{{"region", row.region.str()},
                                   {"dynamodb_region", row.dynamodb_region},
                                   {"table", printable(row.table)},
                                   {"replica", printable(row.replica)},
                                   {"stream", printable(row.stream)},
                                   {"items", row.item_count},
                                   {"drift", texts(row.drift)},
                                   {"alarms", texts(row.alarms)}});
  }
  return {{"table", status.name},
          {"global_tables", printable(status.global)},
          {"consistency", status.strong ? "strong" : "eventual"},
          {"regions", std::move(regions)},
          {"drift", texts(status.drift)}};
}

int exit_code_of(const TableStatus& status) {
  int code = status.drift.empty() ? kOk : kNegative;
  for (const RegionStatus& row : status.regions) {
    if (row.table == "unreachable") {
      return kUnreachable;
    }
    if (!row.drift.empty() || !row.alarms.empty()) {
      code = kNegative;
    }
  }
  return code;
}

}  // namespace

int show_tables(const Context& context, const TablesOptions& options) {
  auto setup = TablesSetup::make(options);
  if (!setup) {
    return setup.error();
  }
  table_manager::Manager manager = (*setup)->manager();
  json::array list;
  int exit_code = kOk;
  for (const NamedTable& table : (*setup)->tables()) {
    const GlobalTables calls =
        table.spec == nullptr ? GlobalTables::kCurrent : table.spec->global_tables;
    const TableStatus status = tables::status(
        table.name, table.spec, manager.observe(table.name, table.regions, calls), wall_now());
    exit_code = std::max(exit_code, exit_code_of(status));
    if (context.json) {
      list.emplace_back(to_json(status));
    } else {
      print(render_table_status(status, context.style));
    }
  }
  if (context.json) {
    print(json::serialize(json::object{{"tables", std::move(list)}}) + "\n");
  } else if ((*setup)->tables().empty()) {
    print("no tables: neither 'tables' nor an application names one\n");
  }
  return exit_code;
}

}  // namespace leeward::cli
