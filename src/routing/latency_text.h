// SPDX-License-Identifier: Apache-2.0
//
// Measured latency, from a text: a line per client network, a column per region.
//
//   network,       eu-west-3, us-east-1, GRA11
//   192.0.2.0/24,  9.5,       84,        12
//   2001:db8::/32, ,          7
//
// The first line names the regions, as record sets do; the others hold milliseconds, which may be
// empty, and left out at the end of a line, where nothing was measured: there, distances decide.
// The network that fits best counts; of two lines about the same network the later.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "routing/policy.h"

namespace leeward::routing {

struct LatencyMeasurements {
  std::vector<std::string> regions;  // the columns of `table`
  LatencyTable table;
};

// kInvalidArgument: up to twenty of the lines that are wrong, each with its place. `file_name` is
// for messages.
Result<LatencyMeasurements> parse_latency_text(std::string_view file_name, std::string_view text);

struct LatencyMeasurement {
  ClientNetwork network;
  float milliseconds = 0;
};

// The same file with what `region` measured in its column: other regions and networks stay as they
// are, the newer value counts, lines come in order, comments go. `text` may be empty.
// kInvalidArgument: as parse_latency_text(), or no room for one more region.
Result<std::string> merge_latencies(std::string_view file_name, std::string_view text,
                                    const std::string& region,
                                    std::span<const LatencyMeasurement> measured);

}  // namespace leeward::routing
