// SPDX-License-Identifier: Apache-2.0
#include "routing/latency_text.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "routing/text_lines.h"

namespace leeward::routing {
namespace {

// More than there are; a table is rows times regions.
constexpr std::size_t kRegionsMax = 256;
constexpr std::size_t kRegionBytesMax = 64;
constexpr float kMillisecondsMax = 60'000;

class LatencyReader {
 public:
  LatencyReader(std::string_view file_name, std::string_view text) : lines_(file_name, text) {}

  // By network; valid after read().
  [[nodiscard]] const std::vector<PrefixMap::Entry>& entries() const { return entries_; }

  Result<LatencyMeasurements> read() {
    const auto header = lines_.next();
    if (!header || !read_regions(*header)) {
      RETURN_IF_ERROR(lines_.status());
      return LatencyMeasurements{};
    }
    result_.table.regions = result_.regions.size();
    while (const auto values = lines_.next()) {
      read_row(*values);
    }
    RETURN_IF_ERROR(lines_.status());
    result_.table.rows = PrefixMap(entries_);
    return std::move(result_);
  }

 private:
  bool read_regions(std::span<const std::string_view> values) {
    if (values.size() < 2 || values[0] != "network" || values.size() - 1 > kRegionsMax) {
      lines_.report(fmt::format(
          "expected 'network' and the names of the regions, at most {}, in the first line",
          kRegionsMax));
      return false;
    }
    std::set<std::string_view> seen;
    for (const std::string_view region : values.subspan(1)) {
      if (region.empty() || region.size() > kRegionBytesMax || !seen.insert(region).second) {
        lines_.report(fmt::format("region '{}' is named twice, empty or longer than {} bytes",
                                  shown(region), kRegionBytesMax));
        return false;
      }
      result_.regions.emplace_back(region);
    }
    return true;
  }

  void read_row(std::span<const std::string_view> values) {
    const std::optional<ClientNetwork> network = parse_network(values[0]);
    if (!network) {
      lines_.report(fmt::format("'{}' is not a network like 192.0.2.0/24 or 2001:db8::/32",
                                shown(values[0])));
      return;
    }
    if (values.size() - 1 > result_.regions.size()) {
      lines_.report(
          fmt::format("{} latencies for {} regions", values.size() - 1, result_.regions.size()));
      return;
    }
    std::vector<float>& cells = result_.table.milliseconds;
    const std::size_t row = cells.size();
    cells.resize(row + result_.regions.size(), std::numeric_limits<float>::quiet_NaN());
    for (std::size_t i = 1; i < values.size(); ++i) {
      if (values[i].empty()) {
        continue;
      }
      const std::optional<float> milliseconds = parse_number(values[i]);
      if (!milliseconds || *milliseconds < 0 || *milliseconds > kMillisecondsMax) {
        lines_.report(fmt::format("latency '{}' of {} is not a number of milliseconds up to {}",
                                  shown(values[i]), result_.regions[i - 1], kMillisecondsMax));
        return;
      }
      cells[row + i - 1] = *milliseconds;
    }
    entries_.push_back({*network, static_cast<std::uint32_t>(row / result_.regions.size())});
  }

  TextLines lines_;
  LatencyMeasurements result_;
  std::vector<PrefixMap::Entry> entries_;
};

}  // namespace

Result<LatencyMeasurements> parse_latency_text(std::string_view file_name, std::string_view text) {
  return LatencyReader(file_name, text).read();
}

namespace {

using Rows = std::map<ClientNetwork, std::vector<float>>;

std::string to_text(const std::vector<std::string>& regions, const Rows& rows) {
  std::string text = "network";
  for (const std::string& region : regions) {
    text += ", " + region;
  }
  text += '\n';
  for (const auto& [network, cells] : rows) {
    text += to_string(network);
    std::size_t last = cells.size();
    while (last > 0 && std::isnan(cells[last - 1])) {
      --last;
    }
    for (std::size_t i = 0; i < last; ++i) {
      text += std::isnan(cells[i]) ? "," : fmt::format(", {:.1f}", cells[i]);
    }
    text += '\n';
  }
  return text;
}

}  // namespace

Result<std::string> merge_latencies(std::string_view file_name, std::string_view text,
                                    const std::string& region,
                                    std::span<const LatencyMeasurement> measured) {
  if (region.empty() || region.size() > kRegionBytesMax ||
      region.find_first_of(",# \t\r\n") != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("region '{}': 1 to {} characters, no comma, blank or #", shown(region),
                            kRegionBytesMax));
  }
  LatencyReader reader(file_name, text);
  ASSIGN_OR_RETURN(LatencyMeasurements before, reader.read());
  const std::size_t columns = before.regions.size();
  auto column = std::ranges::find(before.regions, region);
  if (column == before.regions.end()) {
    if (columns == kRegionsMax) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: it has {} regions already", file_name, kRegionsMax));
    }
    column = before.regions.insert(column, region);
  }
  const auto index = static_cast<std::size_t>(column - before.regions.begin());
  const std::vector<float> nothing(before.regions.size(), std::numeric_limits<float>::quiet_NaN());
  Rows rows;
  for (const PrefixMap::Entry& entry : reader.entries()) {
    std::vector<float>& cells = rows[entry.network] = nothing;
    std::copy_n(
        before.table.milliseconds.begin() + static_cast<std::ptrdiff_t>(entry.value * columns),
        columns, cells.begin());
  }
  for (const LatencyMeasurement& each : measured) {
    rows.try_emplace(each.network, nothing).first->second[index] = each.milliseconds;
  }
  return to_text(before.regions, rows);
}

}  // namespace leeward::routing
