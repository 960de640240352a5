// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace leeward::config {

// One thing wrong with a config: where, and what would be right.
struct Problem {
  std::string file;
  int line = 0;          // from 1; 0: the whole file
  int column = 0;        // from 1
  std::string key_path;  // "applications.shop.regions[1].check.port"
  std::string message;   // "expected a port number from 1 to 65535, found 'http'"

  friend bool operator==(const Problem&, const Problem&) = default;
};

// "leeward.yaml:12:15: applications.shop.ttl: expected a duration ..."
[[nodiscard]] std::string format_problem(const Problem& problem);

// Where text outside the config comes from. The shell passes real files and the environment, tests
// pass maps: parsing itself touches neither.
struct Sources {
  std::function<Result<std::string>(const std::string& path)> read_file;       // for {file: ...}
  std::function<std::optional<std::string>(const std::string& name)> get_env;  // for {env: ...}
};

// Every problem at once, in file order. `file_name` is used in messages and, by its directory, to
// resolve relative paths. Zone files themselves are not read here; dns compiles them.
std::expected<Config, std::vector<Problem>> parse_config(std::string_view text,
                                                         const std::string& file_name,
                                                         const Sources& sources);

// The effective config as YAML, with defaults applied and paths resolved. parse_config reads it
// back to the same value where those paths are absolute (or `file_name` has no directory). Secrets
// are shown as where they are kept, {file: PATH} or {env: NAME}, never as their value.
[[nodiscard]] std::string format_config(const Config& config);

}  // namespace leeward::config
