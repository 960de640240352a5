// SPDX-License-Identifier: Apache-2.0
//
// Any packet at the server, and the server's answer at the client; any packet at the client.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "dns/answer.h"
#include "dns/client_message.h"
#include "dns/compile.h"

namespace {

using namespace leeward;       // NOLINT(google-build-using-namespace)
using namespace leeward::dns;  // NOLINT(google-build-using-namespace)

// Every path of the lookup can be reached with short names.
constexpr const char* kZone = R"($TTL 300
@ SOA ns h 1 2 3 4 5
@ NS ns
ns A 192.0.2.1
a A 192.0.2.2
a AAAA 2001:db8::2
b CNAME a
c CNAME b
l CNAME l
*.w MX 10 a
*.w TXT "w"
s NS n.s
s NS ns
s DS 1 8 2 E2D3C916F6DEEAC73294E8268FB5885044A833FC5459588F4A9184CFC41A5766
n.s A 192.0.2.3
d DNAME w
x.e SRV 1 2 3 a
t TXT "0123456789012345678901234567890123456789012345678901234567890123456789"
)";

struct World {
  Tables tables;
  std::unique_ptr<HealthBoard> board;

  World() {
    CompileInput input;
    input.zones.push_back({"t.zone", kZone});
    for (const ApplicationMode mode :
         {ApplicationMode::kActivePassive, ApplicationMode::kActiveActive}) {
      Application application;
      application.mode = mode;
      application.id = ApplicationId(std::string(to_string(mode)));
      application.hostnames = {mode == ApplicationMode::kActivePassive ? "p.t" : "q"};
      application.regions.resize(2);
      application.regions[0].addresses = {"198.51.100.1", "2001:db8::3"};
      application.regions[0].check.id = HealthCheckId(application.id.str() + "/1");
      application.regions[1].addresses = {"198.51.100.2"};
      application.regions[1].check.id = HealthCheckId(application.id.str() + "/2");
      input.applications.push_back(application);
    }
    input.layout = routing::BoardLayout(input.applications);
    input.settings.version = "v";
    auto compiled = compile(input);
    if (!compiled) {
      std::abort();
    }
    tables = *std::move(compiled);
    board = std::make_unique<HealthBoard>(input.layout.size());
    board->store(0, BoardWord::of_region_index(1, 2));
  }
};

void require(bool condition, const char* what) {
  if (!condition) {
    std::fprintf(stderr, "violated: %s\n", what);
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const World world;
  (void)parse_response({data, size});
  for (const Transport transport : {Transport::kUdp, Transport::kTcp}) {
    const bool udp = transport == Transport::kUdp;
    std::vector<std::uint8_t> out(udp ? kUdpBufferBytesMin : kTcpBufferBytesMin);
    const std::size_t length =
        answer(world.tables, *world.board, {{data, size}, transport, size}, out);
    require(length == 0 || length >= 12, "a response has a header");
    require(!udp || length <= kUdpResponseBytesMax, "UDP responses stay within 1232 bytes");
    if (length == 0) {
      continue;
    }
    require(out[0] == data[0] && out[1] == data[1] && (out[2] & 0x80) != 0, "id and QR");
    const auto parsed = parse_response(std::span(out).first(length));
    require(parsed.has_value(), "our own client reads every answer");
    require(!udp || parsed->edns || length <= kResponseBytesPlain, "512 bytes without EDNS");
  }
  return 0;
}
