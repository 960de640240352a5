// SPDX-License-Identifier: Apache-2.0
//
// What a stranger can send before anything about them is known: an Authorization header with its
// date and signed headers, a target, ARNs, and the faults of the control listener. First line: the
// Authorization header; second: X-Amz-Date; third: X-Amz-Target; the rest: the body.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "gateway/arn.h"
#include "gateway/faults.h"
#include "gateway/operation.h"
#include "gateway/signature.h"

namespace {

using namespace leeward::gateway;

Verifier make_verifier() {
  KeyBook keys;
  keys.emplace("AKID", leeward::Secret("secret"));
  return {std::move(keys), "eu-west-3"};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Verifier verifier = make_verifier();
  static const leeward::WallTime kNow = *leeward::parse_rfc3339("2026-11-23T12:00:00Z");
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::array<std::string_view, 3> lines;
  for (std::string_view& line : lines) {
    const std::size_t end = rest.find('\n');
    line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  const ReceivedRequest request{"POST",
                                "/",
                                "",
                                {{"host", "h"},
                                 {"authorization", lines[0]},
                                 {"x-amz-date", lines[1]},
                                 {"x-amz-target", lines[2]}},
                                rest};
  LEEWARD_CHECK(verifier.check(request, kNow).has_value(),
                "nobody signs with this secret without knowing it");
  if (const auto operation = find_operation(lines[2])) {
    LEEWARD_CHECK(operation_name(operation->index) == operation->name, "an index is of its name");
  }
  ArnMap arns("eu-west-3");
  const std::string shown = arns.to_client(rest);
  LEEWARD_CHECK(arns.to_client(arns.to_store(shown)) == shown, "there and back is the same");
  static_cast<void>(table_of(rest));
  if (const auto plan = parse_faults(rest)) {
    static_cast<void>(effect_on(*plan, lines[0], 0.5));
  }
  static_cast<void>(parse_keys(rest));
  return 0;
}
