// SPDX-License-Identifier: Apache-2.0
//
// Any text as a file of networks and as one of latencies: read, or refused with the lines that are
// wrong; what is read can be asked.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "routing/latency_text.h"
#include "routing/networks.h"

using namespace leeward::routing;  // NOLINT(google-build-using-namespace)

namespace {

constexpr std::string_view kClients[] = {"0.0.0.0", "192.0.2.1", "255.255.255.255", "2001:db8::1"};

void expect_explained(const leeward::Error& error) {
  if (!error.message.starts_with("f:")) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto networks = Networks::parse("f", text);
  const auto latencies = parse_latency_text("f", text);
  if (!networks) {
    expect_explained(networks.error());
  }
  if (!latencies) {
    expect_explained(latencies.error());
  }
  for (const std::string_view client : kClients) {
    const ClientNetwork network = *parse_network(client);
    if (networks && (*networks)->locate(network).scope_bits > network.prefix_bits) {
      std::abort();
    }
    if (latencies) {
      const PrefixMap::Found found = latencies->table.rows.find(network);
      if (found.value != PrefixMap::kNone &&
          (found.value + 1) * latencies->table.regions > latencies->table.milliseconds.size()) {
        std::abort();
      }
    }
  }
  return 0;
}
