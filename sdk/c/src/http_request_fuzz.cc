// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>

#include "http_request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* text = reinterpret_cast<const char*>(data);
  lw_request request;
  int status = 0;
  const lw_parse result = lw_http_parse(text, size, &request, &status);
  if (result == LW_PARSE_DONE && (request.head_size > size || request.path < text ||
                                  request.path + request.path_size > text + size)) {
    std::abort();
  }
  if (result == LW_PARSE_ERROR && (status < 400 || status > 505)) {
    std::abort();
  }
  return 0;
}
