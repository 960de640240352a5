// SPDX-License-Identifier: Apache-2.0
//
// Any text as a zone file: compiles or says why not. What compiles answers for every name in it.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "dns/answer.h"
#include "dns/client_message.h"
#include "dns/compile.h"
#include "dns/layout.h"

namespace {

using namespace leeward;       // NOLINT(google-build-using-namespace)
using namespace leeward::dns;  // NOLINT(google-build-using-namespace)

constexpr std::size_t kNodesAsked = 20;
constexpr std::uint8_t kTypesAsked[] = {1, 2, 5, 6, 15, 16, 43, 255};

void ask_all(const Tables& tables) {
  const HealthBoard board(0);
  std::vector<std::uint8_t> out(kTcpBufferBytesMin);
  std::size_t asked = 0;
  for (const Node& node : tables.layout().nodes) {
    if (++asked > kNodesAsked) {
      return;
    }
    for (const std::uint8_t type : kTypesAsked) {
      std::vector<std::uint8_t> query{0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
      const auto name = tables.layout().name_of(node);
      query.insert(query.end(), name.begin(), name.end());
      query.insert(query.end(), {0, type, 0, 1});
      const std::size_t size = answer(tables, board, {query, Transport::kTcp, 1}, out);
      if (size == 0 || !parse_response(std::span(out).first(size))) {
        std::fprintf(stderr, "unreadable answer\n");
        std::abort();
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  CompileInput input;
  input.zones.push_back({"t.zone", std::string(data, data + size)});
  const auto tables = compile(input);
  if (!tables) {
    if (tables.error().empty()) {
      std::abort();
    }
    for (const Problem& problem : tables.error()) {
      (void)format_problem(problem);
    }
    return 0;
  }
  ask_all(*tables);
  return 0;
}
