// SPDX-License-Identifier: Apache-2.0
//
// The scenarios of tests/scenario/sim, for tests.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sim/scenario.h"

namespace leeward::sim {

inline const std::vector<std::pair<std::string, Scenario>>& written_worlds() {
  static const auto worlds = [] {
    std::vector<std::pair<std::string, Scenario>> found;
    const auto folder = std::filesystem::path(LEEWARD_SOURCE_DIR) / "tests/scenario/sim";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      std::ostringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      auto scenario = parse_scenario(text.str());
      EXPECT_TRUE(scenario) << entry.path() << ": " << scenario.error().message;
      if (scenario) {
        found.emplace_back(entry.path().stem().string(), std::move(*scenario));
      }
    }
    std::ranges::sort(found, {}, [](const auto& world) { return world.first; });
    return found;
  }();
  return worlds;
}

}  // namespace leeward::sim
