// SPDX-License-Identifier: Apache-2.0
#include "controls/controls.h"

#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controls/controls_json.h"

namespace leeward::controls {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

const WallTime kNow = WallTime(std::chrono::hours(500'000));

// Panel "shop" with controls gra, rbx, waw (gra on) and a switch "auto".
Panels shop(std::vector<std::pair<std::string, SafetyRule>> rules = {}) {
  ControlPanel panel;
  for (const char* name : {"gra", "rbx", "waw", "auto"}) {
    panel = *with_control(panel, name, kNow, "ann");
  }
  panel.controls["gra"].state = ControlState::kOn;
  for (auto& [name, rule] : rules) {
    panel = *with_rule(panel, name, std::move(rule));
  }
  return {{"shop", panel}};
}

SafetyRule at_least_one() {
  return {.kind = SafetyRule::Kind::kAssertion,
          .controls = {"gra", "rbx", "waw"},
          .targets = {},
          .config = {RuleConfig::Type::kAtLeast, 1, false},
          .wait_period = {},
          .last_passed = {}};
}

SafetyRule gate() {
  return {.kind = SafetyRule::Kind::kGating,
          .controls = {"auto"},
          .targets = {"gra", "rbx"},
          .config = {RuleConfig::Type::kOr, 1, false},
          .wait_period = {},
          .last_passed = {}};
}

StateUpdate set(std::vector<std::pair<std::string, ControlState>> changes,
                std::set<MemberId> overridden = {}) {
  StateUpdate update{{}, std::move(overridden), "bob"};
  for (auto& [name, state] : changes) {
    update.changes.push_back({{"shop", name}, state});
  }
  return update;
}

constexpr ControlState kOn = ControlState::kOn;
constexpr ControlState kOff = ControlState::kOff;

TEST(Controls, AreOffWhenTheyAreMade) {
  const Panels panels = shop();
  EXPECT_EQ(panels.at("shop").controls.at("rbx").state, kOff);
  EXPECT_EQ(panels.at("shop").controls.at("rbx").changed_by, "ann");
}

TEST(Controls, AnUpdateReturnsThePanelsThatChanged) {
  Panels panels = shop();
  panels.emplace("other", panels.at("shop"));
  const auto changed = update_states(panels, set({{"rbx", kOn}, {"gra", kOff}}), kNow + seconds(1));
  ASSERT_TRUE(changed);
  ASSERT_EQ(changed->size(), 1U);
  const ControlPanel& panel = changed->at("shop");
  EXPECT_EQ(panel.controls.at("rbx"), (RoutingControl{kOn, kNow + seconds(1), "bob"}));
  EXPECT_EQ(panel.controls.at("gra").state, kOff);
  EXPECT_EQ(panel.controls.at("waw").changed_by, "ann");
}

TEST(Controls, SettingWhatIsSetChangesNothing) {
  const auto changed = update_states(shop({{"one", at_least_one()}}), set({{"gra", kOn}}), kNow);
  ASSERT_TRUE(changed);
  EXPECT_TRUE(changed->empty());
}

TEST(AssertionRule, RefusesWhatWouldLeaveTooFewOn) {
  const Panels panels = shop({{"one", at_least_one()}});
  const auto refused = update_states(panels, set({{"gra", kOff}}), kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(refused.error().message, HasSubstr("shop/one"));
  EXPECT_THAT(refused.error().message, HasSubstr("at least 1"));
}

TEST(AssertionRule, LooksAtAllChangesOfTheRequestTogether) {
  const Panels panels = shop({{"one", at_least_one()}});
  EXPECT_TRUE(update_states(panels, set({{"gra", kOff}, {"rbx", kOn}}), kNow));
}

TEST(AssertionRule, CanBeOverriddenByName) {
  const Panels panels = shop({{"one", at_least_one()}});
  EXPECT_TRUE(update_states(panels, set({{"gra", kOff}}, {{"shop", "one"}}), kNow));
  const auto unknown = update_states(panels, set({{"gra", kOff}}, {{"shop", "two"}}), kNow);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
}

TEST(AssertionRule, IsNotAskedAboutOtherControls) {
  Panels panels = shop({{"one", at_least_one()}});
  panels["shop"].controls["gra"].state = kOff;  // violated already
  EXPECT_TRUE(update_states(panels, set({{"auto", kOn}}), kNow));
}

TEST(GatingRule, RefusesTargetsWhileTheGateIsShut) {
  const Panels panels = shop({{"gate", gate()}});
  const auto refused = update_states(panels, set({{"rbx", kOn}}), kNow);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("gating rule shop/gate"));
  EXPECT_TRUE(update_states(panels, set({{"waw", kOn}}), kNow)) << "not a target";
}

TEST(GatingRule, AnOpenGateLetsTargetsPass) {
  Panels panels = shop({{"gate", gate()}});
  panels["shop"].controls["auto"].state = kOn;
  EXPECT_TRUE(update_states(panels, set({{"rbx", kOn}}), kNow));
}

TEST(GatingRule, ARequestCannotOpenTheGateAndPassItAtOnce) {
  const Panels panels = shop({{"gate", gate()}});
  EXPECT_FALSE(update_states(panels, set({{"auto", kOn}, {"rbx", kOn}}), kNow));
}

TEST(WaitPeriod, RefusesFurtherChangesUntilItIsOver) {
  SafetyRule rule = at_least_one();
  rule.wait_period = seconds(5);
  Panels panels = shop({{"one", rule}});
  panels["shop"] = update_states(panels, set({{"rbx", kOn}}), kNow)->at("shop");
  const auto early = update_states(panels, set({{"waw", kOn}}), kNow + seconds(4));
  ASSERT_FALSE(early);
  EXPECT_THAT(early.error().message, HasSubstr("wait period of 5s"));
  EXPECT_TRUE(update_states(panels, set({{"waw", kOn}}), kNow + seconds(5)));
}

TEST(RuleConfig, TypesAndInversion) {
  const ControlPanel panel = shop().at("shop");  // gra alone is on
  const auto holds = [&](RuleConfig config) {
    SafetyRule rule = at_least_one();
    rule.config = config;
    return condition_holds(rule, panel);
  };
  using Type = RuleConfig::Type;
  EXPECT_TRUE(holds({Type::kAtLeast, 1, false}));
  EXPECT_FALSE(holds({Type::kAtLeast, 2, false}));
  EXPECT_TRUE(holds({Type::kAtLeast, 2, true}));
  EXPECT_FALSE(holds({Type::kAnd, 1, false}));
  EXPECT_TRUE(holds({Type::kOr, 1, false}));
  EXPECT_FALSE(holds({Type::kOr, 1, true}));
}

TEST(Panels, EditsThatMakeNoSenseAreRefused) {
  const ControlPanel panel = shop({{"one", at_least_one()}}).at("shop");
  EXPECT_EQ(with_control(panel, "gra", kNow, "x").error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(with_control(panel, "a/b", kNow, "x").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(without_control(panel, "none").error().code, ErrorCode::kNotFound);
  const auto used = without_control(panel, "rbx");
  ASSERT_FALSE(used);
  EXPECT_THAT(used.error().message, HasSubstr("safety rule 'one'"));
  EXPECT_TRUE(without_control(*without_rule(panel, "one"), "rbx"));

  SafetyRule rule = at_least_one();
  rule.config.threshold = 4;
  EXPECT_THAT(with_rule(panel, "two", rule).error().message, HasSubstr("'threshold'"));
  rule = at_least_one();
  rule.controls.emplace_back("gra");
  EXPECT_THAT(with_rule(panel, "two", rule).error().message, HasSubstr("twice"));
  rule.controls = {"nobody"};
  EXPECT_EQ(with_rule(panel, "two", rule).error().code, ErrorCode::kNotFound);
  rule = gate();
  rule.targets.clear();
  EXPECT_THAT(with_rule(panel, "two", rule).error().message, HasSubstr("target_controls"));
}

TEST(Panels, AreMadeOnceAndDeletedEmpty) {
  Panels panels = shop();
  EXPECT_EQ(create_panel(panels, "other")->put.size(), 1U);
  EXPECT_EQ(create_panel(panels, "shop").error().code, ErrorCode::kAlreadyExists);
  EXPECT_THAT(create_panel(panels, "application.shop").error().message, HasSubstr("applications"));
  EXPECT_EQ(delete_panel(panels, "shop").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(delete_panel(panels, "other").error().code, ErrorCode::kNotFound);
  panels["other"] = {};
  EXPECT_TRUE(delete_panel(panels, "other")->removed.contains("other"));
  for (std::size_t i = panels.size(); i < kPanelsMax; ++i) {
    panels["p" + std::to_string(i)] = {};
  }
  EXPECT_EQ(create_panel(panels, "more").error().code, ErrorCode::kResourceExhausted);
}

TEST(Updates, NameControlsThatExistOnceEach) {
  const Panels panels = shop();
  EXPECT_EQ(update_states(panels, set({}), kNow).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(update_states(panels, set({{"x", kOn}}), kNow).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(update_states(panels, set({{"rbx", kOn}, {"rbx", kOff}}), kNow).error().message,
              HasSubstr("set twice"));
}

TEST(MemberId, IsAPathOrAnArn) {
  const MemberId id{"shop", "gra"};
  EXPECT_EQ(parse_member_id("shop/gra").value(), id);
  EXPECT_EQ(parse_member_id(arn_of_control(id)).value(), id);
  for (const char* bad : {"", "shop", "shop/", "/gra", "a/b/c", "arn:aws:x", "arn:controlpanel/a",
                          "arn:aws:route53-recovery-control::1:controlpanel/shop/gra"}) {
    EXPECT_FALSE(parse_member_id(bad)) << bad;
  }
}

TEST(PanelJson, ReadsBack) {
  SafetyRule timed = at_least_one();
  timed.wait_period = std::chrono::milliseconds(1500);
  Panels panels = shop({{"one", timed}, {"gate", gate()}});
  panels["shop"].controls["auto"].state = kOn;
  panels["shop"] = update_states(panels, set({{"rbx", kOn}}), kNow)->at("shop");
  EXPECT_EQ(parse_panel(format_panel(panels["shop"])).value(), panels["shop"]);
  for (const char* bad : {"", "[]", "{}", R"({"controls":{"a":{}},"rules":{}})",
                          R"({"controls":{},"rules":{"a":{"kind":"x"}}})"}) {
    const auto parsed = parse_panel(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code, ErrorCode::kDataCorrupt);
  }
}

TEST(RuleJson, NamesTheKeyThatIsWrong) {
  const auto error = [](std::string_view text) {
    const auto rule = rule_from_json(boost::json::parse(text).as_object());
    return rule ? std::string("accepted") : rule.error().message;
  };
  EXPECT_THAT(error(R"({})"), HasSubstr("'kind'"));
  EXPECT_THAT(error(R"({"kind":"assertion","target_controls":[]})"), HasSubstr("target_controls"));
  EXPECT_THAT(error(R"({"kind":"gating","gating_controls":"a"})"), HasSubstr("gating_controls"));
  EXPECT_THAT(error(R"({"kind":"gating","wait_period":5})"), HasSubstr("wait_period"));
  EXPECT_THAT(error(R"({"kind":"gating","rule_config":{"type":"MOST"}})"), HasSubstr("ATLEAST"));
  EXPECT_THAT(error(R"({"kind":"gating","rule_config":{"x":1}})"), HasSubstr("'x'"));
}

}  // namespace
}  // namespace leeward::controls
