// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "dynamodb/credentials_answers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace leeward::dynamodb;  // NOLINT(google-build-using-namespace)
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(sts_error(text));
  for (const auto& parsed : {parse_assume_role_answer(text), parse_metadata_answer(text)}) {
    if (parsed) {
      LEEWARD_CHECK(!parsed->credentials.access_key_id.empty() &&
                        parsed->credentials.access_key_id.find('\n') == std::string::npos,
                    "what goes into a header is one line");
    }
  }
  return 0;
}
