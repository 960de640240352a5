// SPDX-License-Identifier: Apache-2.0
//
// The AWS SDKs' shared files, ~/.aws/credentials and ~/.aws/config (AWS SDKs and Tools Reference
// Guide, "Shared config and credentials files"): sections with `key = value`, comments after '#' or
// ';' at the start of a line or after a space. Indented lines are nested settings, which Leeward
// has no use for, and are passed over.
//
// Thread-safety: values; pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leeward::dynamodb {

using IniSection = std::map<std::string, std::string, std::less<>>;  // keys in lower case
using IniFile = std::map<std::string, IniSection, std::less<>>;      // "default", "profile dev"

inline constexpr std::size_t kIniBytesMax = 1U << 20U;

// kDataCorrupt with the line's number where a line is none of the above. A section that stands
// twice is one; of a key that stands twice the last counts.
Result<IniFile> parse_ini(std::string_view text);

// A profile's settings: what the credentials file says, and besides that the config file. Empty: no
// such profile.
[[nodiscard]] IniSection find_profile(const IniFile& credentials, const IniFile& config,
                                      std::string_view name);

}  // namespace leeward::dynamodb
