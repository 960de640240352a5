// SPDX-License-Identifier: Apache-2.0
//
// Any record sets as a hosted zone of the API: what is unusable is left out, the rest compiles, and
// every name in it answers, whatever its policies and aliases are, for clients here and there.
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "dns/answer.h"
#include "dns/client_message.h"
#include "dns/compile.h"
#include "dns/layout.h"
#include "dns/name.h"
#include "dns/zone_export.h"
#include "routing/networks.h"

namespace {

using namespace leeward;       // NOLINT(google-build-using-namespace)
using namespace leeward::dns;  // NOLINT(google-build-using-namespace)

constexpr std::size_t kNodesAsked = 20;
constexpr std::uint8_t kTypesAsked[] = {1, 2, 5, 6, 15, 16, 28, 255};
constexpr std::string_view kClients[] = {"192.0.2.1", "2001:db8::1"};

const routing::Networks& networks() {
  static const auto parsed =
      routing::Networks::parse("n", "192.0.2.0/24,NA,US,CA,37,-122\n2001:db8::/32,EU,FR,,49,2\n");
  return **parsed;
}

std::vector<HealthCheckId> checks_of(const HostedZone& zone) {
  std::set<std::string> ids;
  zone.records.visit_all([&](const ResourceRecordSet& set) {
    if (!set.health_check_id.empty()) {
      ids.insert(set.health_check_id);
    }
    return true;
  });
  return {ids.begin(), ids.end()};
}

void ask(const Tables& tables, const HealthBoard& board, const Node& node, std::uint8_t type) {
  std::vector<std::uint8_t> query{0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  const auto name = tables.layout().name_of(node);
  query.insert(query.end(), name.begin(), name.end());
  query.insert(query.end(), {0, type, 0, 1});
  std::vector<std::uint8_t> out(kTcpBufferBytesMin);
  for (const std::string_view client : kClients) {
    const std::size_t size =
        answer(Context{.tables = tables, .board = board, .locator = &networks()},
               {query, Transport::kTcp, 1, *routing::parse_network(client)}, out);
    if (size == 0 || !parse_response(std::span(out).first(size))) {
      std::fprintf(stderr, "unreadable answer\n");
      std::abort();
    }
  }
}

void ask_all(const Tables& tables, const HealthBoard& board) {
  std::size_t asked = 0;
  for (const Node& node : tables.layout().nodes) {
    if (++asked > kNodesAsked) {
      return;
    }
    for (const std::uint8_t type : kTypesAsked) {
      ask(tables, board, node, type);
    }
    for (const RecordSetView& view :
         tables.lookup(Name::of_checked(tables.layout().name_of(node)).text(), board)) {
      for (const std::size_t chosen : view.chosen) {
        if (chosen >= view.members.size()) {
          std::abort();
        }
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto imported = zone_import({"t.zone", std::string(data, data + size)});
  if (!imported) {
    return 0;
  }
  CompileInput input;
  const std::vector<HealthCheckId> checks = checks_of(imported->zone);
  input.layout = routing::BoardLayout({}, checks);
  input.cidr_collections.push_back({"c", "c", {{"here", {"192.0.2.0/24"}}}});
  input.hosted_zones.push_back(std::move(imported->zone));
  const auto tables = compile(input);
  if (!tables) {
    std::fprintf(stderr, "a hosted zone stopped the others\n");
    std::abort();
  }
  HealthBoard board(input.layout.size());
  ask_all(*tables, board);
  for (BoardSlot slot = 0; slot < input.layout.size(); slot += 2) {
    board.store(slot, BoardWord::of(Health::kUnhealthy));
  }
  ask_all(*tables, board);
  return 0;
}
