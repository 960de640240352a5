// SPDX-License-Identifier: Apache-2.0
//
// Runs tests/scenario/failover/*.scn: a header that says what the scenario proves, the script, and
// after "----" the story that must come out. LEEWARD_REWRITE=1 rewrites the stories; read the diff.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "failover/test_world.h"

namespace leeward::failover {
namespace {

const std::filesystem::path kFolder =
    std::filesystem::path(LEEWARD_SOURCE_DIR) / "tests/scenario/failover";
constexpr std::string_view kRuler = "----\n";

Duration duration_of(const std::string& text) {
  const auto parsed = parse_duration(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Duration(0));
}

std::vector<int> integers_of(const std::string& text) {
  std::vector<int> integers;
  std::istringstream words(text);
  for (std::string word; std::getline(words, word, ',');) {
    integers.push_back(std::stoi(word));
  }
  return integers;
}

// app NAME REGION[,REGION...] [setting=value ...]
Policy policy_of_line(std::istringstream& words) {
  std::string word;
  words >> word;
  Policy policy;
  policy.id = ApplicationId(word);
  words >> word;
  std::istringstream regions(word);
  for (std::string region; std::getline(regions, region, ',');) {
    policy.regions.emplace_back(region);
  }
  while (words >> word) {
    const std::string value = word.substr(word.find('=') + 1);
    const std::string key = word.substr(0, word.find('='));
    if (key == "confirm") {
      policy.failover.confirm_window = duration_of(value);
    } else if (key == "hold") {
      policy.failover.hold_down = duration_of(value);
    } else if (key == "quorum") {
      policy.failover.quorum_required = std::stoi(value);
    } else if (key == "automatic") {
      policy.failover.automatic = value == "true";
    } else if (key == "failback") {
      policy.failover.failback = Failback::kAutomatic;
      policy.failover.failback_after = duration_of(value);
    } else if (key == "fencing") {
      policy.failover.fencing.mode = *parse_fencing_mode(value);
    } else if (key == "tables") {
      policy.replicated = value == "true";
    } else if (key == "lag") {
      policy.failover.max_replication_lag = duration_of(value);
    } else if (key == "lockout") {  // moves/window
      policy.failover.lockout = {std::stoi(value), duration_of(value.substr(value.find('/') + 1))};
    } else if (key == "velocity") {  // percent/window
      policy.failover.velocity = {std::stoi(value), duration_of(value.substr(value.find('/') + 1))};
    } else if (key == "steps") {  // percent[,percent...]/every
      policy.failover.gradual_failback = {integers_of(value.substr(0, value.find('/'))),
                                          duration_of(value.substr(value.find('/') + 1))};
    } else if (key == "demand") {
      policy.demand = std::stoi(value);
    } else if (key == "capacities") {
      policy.capacities = integers_of(value);
    } else if (key == "mode") {
      policy.mode = ApplicationMode::kActiveActive;
    } else {
      ADD_FAILURE() << "unknown setting " << key;
    }
  }
  return policy;
}

void move(TestWorld& world, MoveKind kind, std::istringstream& words) {
  MoveCommand command{kind, {}, std::nullopt, false, std::nullopt, "ann", ""};
  std::string word;
  words >> word;
  command.application = ApplicationId(word);
  while (words >> word) {
    if (word == "dry-run") {
      command.dry_run = true;
    } else if (word.starts_with("accept=")) {
      command.accept_data_loss = duration_of(word.substr(7));
    } else {
      command.to = RegionId(word);
    }
  }
  world.move(std::move(command));
}

void run_line(TestWorld& world, const std::string& line) {
  std::istringstream words(line);
  std::string verb;
  std::string a;
  std::string b;
  words >> verb;
  if (verb == "app") {
    world.define(policy_of_line(words));
  } else if (verb == "wait") {
    words >> a;
    world.advance(duration_of(a));
  } else if (verb == "healthy" || verb == "unhealthy" || verb == "unknown") {
    int votes = 3;
    words >> a >> b >> votes;
    world.set_status(ApplicationId(a), RegionId(b), *parse_health(verb), words.fail() ? 3 : votes);
  } else if (verb == "store") {
    words >> a >> b;
    world.set_store(a == "works"         ? StoreMood::kTakes
                    : a == "unavailable" ? StoreMood::kUnavailable
                    : a == "crashes"     ? StoreMood::kHangs
                                         : StoreMood::kLostRace,
                    RegionId(b));
  } else if (verb == "fence") {  // fence unreachable|reachable REGION; fence at APP REGION EPOCH
    Epoch epoch = 0;
    words >> a >> b;
    if (a == "at") {
      const ApplicationId id(b);
      words >> b >> epoch;
      world.set_fence(id, RegionId(b), {epoch, false});
    } else {
      world.set_fence_reachable(RegionId(b), a == "reachable");
    }
  } else if (verb == "drain") {
    words >> a;
    world.set_drain_works(a == "works");
  } else if (verb == "replicated") {  // replicated APP FROM TO AGE|never
    std::string from;
    words >> a >> from >> b;
    std::string age;
    words >> age;
    world.set_replication(ApplicationId(a), RegionId(from), RegionId(b),
                          age == "never" ? std::nullopt : std::optional(duration_of(age)));
  } else if (verb == "restart") {
    world.restart();
  } else if (verb == "remove") {
    words >> a;
    world.remove(ApplicationId(a));
  } else if (const auto kind = parse_move_kind(verb)) {
    move(world, *kind, words);
  } else if (const auto change = parse_standing_change(verb)) {
    words >> a;
    world.standing(*change, ApplicationId(a));
  } else {
    ADD_FAILURE() << "unknown command " << line;
  }
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
  TestWorld world;
  std::istringstream script(text.substr(0, ruler));
  for (std::string line; std::getline(script, line);) {
    if (!line.empty() && line[0] != '#') {
      run_line(world, line);
    }
  }
  EXPECT_EQ(world.broken(), "");
  const auto report = replay(world.journal());
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->divergence) << *report->divergence;
  if (std::getenv("LEEWARD_REWRITE") != nullptr) {
    std::ofstream(path) << text.substr(0, ruler) << kRuler << world.story();
    return;
  }
  EXPECT_EQ(world.story(), text.substr(ruler + kRuler.size()))
      << "LEEWARD_REWRITE=1 accepts the new story";
}

std::vector<std::string> scenario_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Failover, Scenario, testing::ValuesIn(scenario_names()),
                         [](const auto& info) { return info.param; });

TEST(ScenarioFolder, HoldsTheWholeSet) {
  EXPECT_GE(scenario_names().size(), 35U);
}

}  // namespace
}  // namespace leeward::failover
