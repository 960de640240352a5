// SPDX-License-Identifier: Apache-2.0
//
// Any answer to GetRecords: parsed and planned, or refused.
#include <cstddef>
#include <cstdint>

#include <boost/json/parse.hpp>

#include "base/check.h"
#include "replica/page.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  boost::system::error_code bad;
  const boost::json::value answer =
      boost::json::parse(boost::json::string_view(reinterpret_cast<const char*>(data), size), bad);
  if (bad) {
    return 0;
  }
  auto page = leeward::replica::parse_stream_page(answer);
  if (page) {
    const std::size_t records = page->records.size();
    const auto plan = leeward::replica::plan_page(std::move(page->records),
                                                  leeward::RegionId("GRA11"), leeward::WallTime{});
    LEEWARD_CHECK(
        plan.ship.size() + plan.foreign + plan.removals + plan.refused.size() + plan.superseded ==
            records,
        "every record is accounted for");
  }
  return 0;
}
