// SPDX-License-Identifier: Apache-2.0
//
// Any text as a zone to import: refused with the reason, or a zone that survives its own export.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "dns/zone_export.h"

namespace {

using namespace leeward;       // NOLINT(google-build-using-namespace)
using namespace leeward::dns;  // NOLINT(google-build-using-namespace)

bool equal(const HostedZone& a, const HostedZone& b) {
  if (a.id != b.id || a.name != b.name || a.records.size() != b.records.size()) {
    return false;
  }
  bool same = true;
  a.records.visit_all([&](const ResourceRecordSet& set) {
    const ResourceRecordSet* other = b.records.find(RecordKey::of(set));
    same = other != nullptr && *other == set;
    return same;
  });
  return same;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto imported = zone_import({"t.zone", std::string(data, data + size)});
  if (!imported) {
    if (imported.error().empty()) {
      std::abort();
    }
    return 0;
  }
  const std::string text = zone_export(imported->zone);
  const auto again = zone_import({"", text});
  if (!again || !equal(again->zone, imported->zone)) {
    std::fprintf(stderr, "lost in:\n%s\n", text.c_str());
    std::abort();
  }
  return 0;
}
