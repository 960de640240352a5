// SPDX-License-Identifier: Apache-2.0
//
// From files to something that can run: reads the config and its zone files, validates both, and
// compiles the tables. The daemon's start, its reload and `leeward config check` all go through
// here, so what the check accepts is what the daemon runs.
//
// Thread-safety: functions may be called from any thread; they read files and the environment.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "config/parse.h"
#include "dns/compile.h"
#include "dns/tables.h"
#include "routing/board_layout.h"

namespace leeward::load {

struct Loaded {
  config::Config config;
  routing::BoardLayout layout;
  dns::Tables tables;
  dns::CompileInput input;  // what `tables` was compiled from, for compiling again with more
  std::shared_ptr<const routing::Locator> locator;  // where clients are; null: not known
  std::vector<std::string> warnings;                // one line each; none of them stops anything
};

// Every problem of the config or, when it has none, of its zones, in order. Only reads.
std::expected<Loaded, std::vector<config::Problem>> load(const std::string& config_file);

// One problem per line.
[[nodiscard]] Error as_error(const std::vector<config::Problem>& problems);

// The whole file; refused beyond `bytes_max`, and where it is a directory or a device.
Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

// Real files and the real environment.
[[nodiscard]] config::Sources system_sources();

inline constexpr std::size_t kConfigBytesMax = 4U << 20;
inline constexpr std::size_t kZoneBytesMax = 1U << 30;
inline constexpr std::size_t kSecretBytesMax = 64U << 10;

}  // namespace leeward::load
