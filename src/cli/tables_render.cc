// SPDX-License-Identifier: Apache-2.0
#include "cli/tables_render.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace leeward::cli {
namespace {

using tables::RegionStatus;
using tables::TableStatus;

constexpr std::size_t kColumns = 6;
using Row = std::array<std::string, kColumns>;

// Columns as wide as their widest cell; no spaces at line ends.
std::string columns(const std::vector<Row>& rows) {
  std::array<std::size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string result;
  for (const Row& row : rows) {
    std::string line = " ";
    for (std::size_t i = 0; i < kColumns; ++i) {
      line += fmt::format(" {:<{}}", row[i], widths[i] + 1);
    }
    result += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return result;
}

std::string painted(std::string_view text, const char* code, Style style) {
  return style.colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

}  // namespace

std::string render_table_status(const TableStatus& status, Style style) {
  std::string text =
      fmt::format("{}  {}\n", painted(printable(status.name), "1", style),
                  status.global == "none"
                      ? std::string("no global table")
                      : fmt::format("global table {}, {} consistency", printable(status.global),
                                    status.strong ? "strong" : "eventual"));
  std::vector<Row> rows = {{"REGION", "DYNAMODB", "TABLE", "REPLICA", "STREAM", "ITEMS"}};
  for (const RegionStatus& row : status.regions) {
    rows.push_back({printable(row.region.str()), printable(row.dynamodb_region),
                    printable(row.table), printable(row.replica), printable(row.stream),
                    fmt::format("{}", row.item_count)});
  }
  text += columns(rows);
  for (const RegionStatus& row : status.regions) {
    for (const std::string& alarm : row.alarms) {
      text +=
          painted(fmt::format("  ALARM {}: {}", row.region, printable(alarm)), "31", style) + "\n";
    }
  }
  for (const std::string& difference : status.drift) {
    text += painted(fmt::format("  drift: {}", printable(difference)), "33", style) + "\n";
  }
  for (const RegionStatus& row : status.regions) {
    for (const std::string& difference : row.drift) {
      text += painted(fmt::format("  drift in {}: {}", row.region, printable(difference)), "33",
                      style) +
              "\n";
    }
  }
  return text;
}

}  // namespace leeward::cli
