// SPDX-License-Identifier: Apache-2.0
//
// Any JSON as an answer of a store: read, planned from, and shown, without harm.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <boost/json/parse.hpp>

#include "base/check.h"
#include "tables/plan.h"
#include "tables/status.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leeward;          // NOLINT(google-build-using-namespace)
  using namespace leeward::tables;  // NOLINT(google-build-using-namespace)
  boost::system::error_code bad;
  const boost::json::value answer = boost::json::parse(
      std::string_view(reinterpret_cast<const char*>(data), size), bad, {}, {.max_depth = 160});
  if (bad) {
    return 0;
  }
  TableSpec spec;
  spec.name = "orders";
  spec.key = {{"pk", KeyType::kString}, {}};
  spec.ttl_attribute = "expires";
  spec.indexes = {{"by-day", IndexScope::kGlobal, {{"day", KeyType::kString}, {}}, {}, {}}};
  std::vector<ObservedRegion> regions(2);
  regions[0].region = RegionId("A");
  regions[0].dynamodb_region = "eu-west-3";
  regions[1].region = RegionId("B");
  regions[1].dynamodb_region = "eu-central-1";
  if (auto table = parse_describe_table(answer)) {
    static_cast<void>(parse_describe_time_to_live(answer, *table));
    regions[0].table = *table;
  }
  if (auto global = parse_describe_global_table(answer)) {
    regions[0].global_table = *global;
  }
  for (const GlobalTables calls :
       {GlobalTables::kCurrent, GlobalTables::kLegacy, GlobalTables::kNone}) {
    spec.global_tables = calls;
    const Plan made = plan(spec, regions);
    LEEWARD_CHECK(made.problems.empty() || made.steps.empty(), "problems stop everything");
    for (const Step& step : made.steps) {
      static_cast<void>(check(step.until, regions[0]));
    }
  }
  static_cast<void>(status("orders", &spec, regions, WallTime(std::chrono::hours(500'000))));
  return 0;
}
