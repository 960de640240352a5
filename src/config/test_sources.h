// SPDX-License-Identifier: Apache-2.0
//
// Files and variables for tests, without a file system.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "config/parse.h"

namespace leeward::config {

inline const std::map<std::string, std::string>& test_files() {
  static const std::map<std::string, std::string> files = {
      {"alice.token", "alice-token-0123456789\n"},
      {"good.token", "shared-token-0123456789\r\n"},
      {"empty.token", "\n"},
      {"short.token", "too-short"},
      {"huge.token", std::string(5000, 'x')},
      {"spaces.token", "this has spaces in it"},
      {"cookie.secret", "e5e973e5a6b2a43f48e7dc849e37bfcf\n"},
      {"tsig.secret", "c2VjcmV0LXNlY3JldC1zZWNyZXQ=\n"},
  };
  return files;
}

inline Sources test_sources() {
  return {
      .read_file = [](const std::string& path) -> Result<std::string> {
        const auto found = test_files().find(path);
        if (found == test_files().end()) {
          return fail(ErrorCode::kNotFound, "cannot read '" + path + "': no such file");
        }
        return found->second;
      },
      .get_env = [](const std::string& name) -> std::optional<std::string> {
        if (name == "BOB_TOKEN") {
          return "bobs-token-0123456789";
        }
        return name == "GOOD_TOKEN" ? std::optional<std::string>("shared-token-0123456789")
                                    : std::nullopt;
      },
  };
}

}  // namespace leeward::config
