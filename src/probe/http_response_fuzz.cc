// SPDX-License-Identifier: Apache-2.0
//
// The same bytes, fed at once and in the pieces that the input itself chooses, must end the same
// way, within the limits.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "probe/http_response.h"

namespace {

using leeward::probe::HttpResponse;

void check_limits(const HttpResponse& response, std::size_t fed) {
  LEEWARD_CHECK(response.body_window().size() <= HttpResponse::kBodyWindowMax, "window is bounded");
  LEEWARD_CHECK(response.body_bytes() <= fed, "a body is no longer than what arrived");
  LEEWARD_CHECK(response.body_window().size() <= response.body_bytes(), "window is of the body");
  LEEWARD_CHECK(response.error().size() < 200, "errors are short");
  const bool malformed = response.progress() == HttpResponse::Progress::kMalformed;
  LEEWARD_CHECK(malformed != response.error().empty(), "malformed says why");
  LEEWARD_CHECK(!response.headers_done() || (response.status() >= 101 && response.status() <= 599),
                "a final status is in range");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::size_t piece_max = data[0] + 1U;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);

  HttpResponse whole(HttpResponse::kBodyWindowMax);
  whole.feed(bytes);
  whole.finish();
  check_limits(whole, bytes.size());

  HttpResponse pieces(HttpResponse::kBodyWindowMax);
  for (std::size_t at = 0; at < bytes.size(); at += piece_max) {
    pieces.feed(bytes.substr(at, piece_max));
    check_limits(pieces, bytes.size());
  }
  pieces.finish();
  LEEWARD_CHECK(whole.progress() == pieces.progress(), "pieces do not matter: progress");
  LEEWARD_CHECK(whole.status() == pieces.status(), "pieces do not matter: status");
  LEEWARD_CHECK(whole.body_window() == pieces.body_window(), "pieces do not matter: body");
  LEEWARD_CHECK(whole.keep_alive() == pieces.keep_alive(), "pieces do not matter: keep-alive");
  return 0;
}
