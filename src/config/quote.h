// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leeward::config {

// What a user wrote, for a message: 'http'. One line, at most 60 bytes of it, control bytes as
// \xNN, so that hostile text can neither forge a log line nor flood a terminal.
[[nodiscard]] std::string quote(std::string_view text);

// " (did you mean 'interval'?)" where a candidate is close to `text`, else "".
[[nodiscard]] std::string did_you_mean(std::string_view text,
                                       const std::vector<std::string>& candidates);

}  // namespace leeward::config
