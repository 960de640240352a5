// SPDX-License-Identifier: Apache-2.0
//
// Any text is either refused with a reason, or replays; an entry that reads prints back to itself.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "failover/journal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace failover = leeward::failover;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto entry = failover::parse_entry(text)) {
    const auto again = failover::parse_entry(failover::format_entry(*entry));
    LEEWARD_CHECK(again && *again == *entry, "an entry reads back to itself");
  }
  const auto report = failover::replay(text);
  LEEWARD_CHECK(
      !report ? !report.error().message.empty() : !failover::format_report(*report).empty(),
      "a refusal says why");
  return 0;
}
