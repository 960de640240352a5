// SPDX-License-Identifier: Apache-2.0
#include "routing/latency_text.h"

#include <limits>
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

}  // namespace leeward::routing
