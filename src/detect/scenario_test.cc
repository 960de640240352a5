// SPDX-License-Identifier: Apache-2.0
//
// Runs tests/scenario/detect/*.scn: each says in its header what it proves, then the script, then
// after "----" the story that must come out. LEEWARD_REWRITE=1 rewrites the stories; read the diff.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "detect/scenario_world.h"

namespace leeward::detect {
namespace {

const std::filesystem::path kFolder =
    std::filesystem::path(LEEWARD_SOURCE_DIR) / "tests/scenario/detect";
constexpr std::string_view kRuler = "----\n";

std::vector<std::string> scenario_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".scn") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Scenario : public testing::TestWithParam<std::string> {};

TEST_P(Scenario, TellsItsStory) {
  const auto path = kFolder / (GetParam() + ".scn");
  std::ostringstream read;
  read << std::ifstream(path).rdbuf();
  const std::string text = read.str();
  const std::size_t ruler = text.find(kRuler);
  ASSERT_TRUE(text.starts_with("# ")) << "the header says what the scenario proves";
  ASSERT_NE(ruler, std::string::npos);
  const std::string script = text.substr(0, ruler);
  const std::string story = run_scenario(script);
  EXPECT_FALSE(story.starts_with("error: ")) << story;
  EXPECT_EQ(story, run_scenario(script)) << "the same script tells the same story";
  if (std::getenv("LEEWARD_REWRITE") != nullptr) {
    std::ofstream(path) << script << kRuler << story;
    return;
  }
  EXPECT_EQ(story, text.substr(ruler + kRuler.size())) << "LEEWARD_REWRITE=1 accepts the new story";
}

INSTANTIATE_TEST_SUITE_P(Detect, Scenario, testing::ValuesIn(scenario_names()),
                         [](const auto& info) { return info.param; });

TEST(ScenarioFolder, HoldsTheWholeSet) {
  EXPECT_GE(scenario_names().size(), 14U);
}

TEST(ScenarioLanguage, RefusesWhatItDoesNotKnow) {
  EXPECT_TRUE(run_scenario("dance\n").starts_with("error: unknown command"));
  EXPECT_TRUE(run_scenario("check colour=blue\n").starts_with("error: unknown setting"));
}

}  // namespace
}  // namespace leeward::detect
