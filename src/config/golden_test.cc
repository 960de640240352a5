// SPDX-License-Identifier: Apache-2.0
//
// tests/scenario/config/*.yaml against the .expected file beside each: the effective config with
// its warnings, or every problem. LEEWARD_REWRITE=1 writes the .expected files anew; review the
// difference as text.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/parse.h"
#include "config/reference.h"
#include "config/test_sources.h"
#include "config/warnings.h"

namespace leeward::config {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = LEEWARD_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

bool rewriting() {
  const char* value = std::getenv("LEEWARD_REWRITE");
  return value != nullptr && std::string_view(value) == "1";
}

void expect_text(const fs::path& path, const std::string& actual) {
  if (rewriting()) {
    std::ofstream(path, std::ios::binary) << actual;
    return;
  }
  EXPECT_EQ(actual, read(path)) << path << " is not up to date; if the new text is right, run with "
                                << "LEEWARD_REWRITE=1 and review the difference";
}

std::vector<fs::path> scenarios() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kSource / "tests/scenario/config")) {
    if (entry.path().extension() == ".yaml") {
      paths.push_back(entry.path());
    }
  }
  return paths;
}

std::string outcome(const fs::path& path) {
  const auto parsed = parse_config(read(path), path.filename(), test_sources());
  std::string text;
  if (!parsed) {
    for (const Problem& problem : parsed.error()) {
      text += format_problem(problem) + "\n";
    }
    return text;
  }
  text = "# effective\n" + format_config(*parsed);
  for (const std::string& warning : warnings(*parsed)) {
    text += "# warning: " + warning + "\n";
  }
  return text;
}

TEST(ConfigGolden, EveryScenarioGivesWhatStandsBesideIt) {
  const std::vector<fs::path> paths = scenarios();
  ASSERT_GE(paths.size(), 30U);
  for (const fs::path& path : paths) {
    fs::path expected = path;
    expect_text(expected.replace_extension(".expected"), outcome(path));
  }
}

TEST(ConfigGolden, BadOnesFailAndGoodOnesReadBackToThemselves) {
  for (const fs::path& path : scenarios()) {
    SCOPED_TRACE(path);
    const auto parsed = parse_config(read(path), path.filename(), test_sources());
    ASSERT_EQ(parsed.has_value(), !path.filename().string().starts_with("bad-"));
    if (parsed) {
      const auto again = parse_config(format_config(*parsed), "again.yaml", test_sources());
      ASSERT_TRUE(again) << format_problem(again.error().front());
      EXPECT_EQ(*again, *parsed);
    }
  }
}

TEST(ConfigGolden, TheExampleIsAWholeConfig) {
  const auto parsed = parse_config(read(kSource / "examples/leeward.yaml"), "leeward.yaml", {});
  ASSERT_TRUE(parsed) << format_problem(parsed.error().front());
  ASSERT_EQ(parsed->applications.size(), 1U);
  const Application& shop = parsed->applications[0];
  EXPECT_TRUE(shop.failover.automatic);
  EXPECT_EQ(shop.regions[1].check.id.str(), "shop/RBX-A");
  EXPECT_EQ(shop.regions[0].check.timing.interval, std::chrono::milliseconds(250));
}

TEST(ConfigGolden, TheReferenceIsUpToDate) {
  expect_text(kSource / "docs/reference/config.md", config_reference());
}

}  // namespace
}  // namespace leeward::config
