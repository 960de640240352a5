// SPDX-License-Identifier: Apache-2.0
//
// Text from outside that must be UTF-8 (RFC 3629) before it may go into JSON or XML.
#pragma once

#include <string>
#include <string_view>

namespace leeward {

// The text with every byte that is not part of valid UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string valid_utf8(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace leeward
