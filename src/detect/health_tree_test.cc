// SPDX-License-Identifier: Apache-2.0
//
// The developer guide's sentences, one test each.
#include "detect/health_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace leeward::detect {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

HealthCheckId id(const std::string& name) {
  return HealthCheckId(name);
}

HealthNode probe(bool inverted = false, bool disabled = false) {
  HealthNode node;
  node.inverted = inverted;
  node.disabled = disabled;
  return node;
}

HealthNode calculated(int threshold, const std::vector<std::string>& children) {
  HealthNode node;
  node.kind = HealthNode::Kind::kCalculated;
  node.threshold = threshold;
  for (const std::string& child : children) {
    node.children.push_back(id(child));
  }
  return node;
}

HealthNode control(const std::string& name) {
  HealthNode node;
  node.kind = HealthNode::Kind::kControl;
  node.control = name;
  return node;
}

TEST(HealthTree, NewChecksAreHealthyUntilThereIsDataInvertedOnesUnhealthy) {
  HealthTree tree;
  tree.define({{id("a"), probe()}, {id("b"), probe(true)}});
  EXPECT_EQ(tree.health(id("a")), Health::kHealthy);
  EXPECT_EQ(tree.probed(id("a")), Health::kUnknown);
  EXPECT_EQ(tree.health(id("b")), Health::kUnhealthy);
}

TEST(HealthTree, AnInvertedCheckIsHealthyWhenItsProbeIsNot) {
  HealthTree tree;
  tree.define({{id("b"), probe(true)}});
  EXPECT_THAT(tree.set_probe(id("b"), Health::kUnhealthy), ElementsAre(id("b")));
  EXPECT_EQ(tree.health(id("b")), Health::kHealthy);
}

TEST(HealthTree, ADisabledCheckCountsAsHealthyAndAnInvertedOneAsUnhealthy) {
  HealthTree tree;
  tree.define({{id("a"), probe(false, true)}, {id("b"), probe(true, true)}});
  EXPECT_THAT(tree.set_probe(id("a"), Health::kUnhealthy), IsEmpty());
  EXPECT_EQ(tree.health(id("a")), Health::kHealthy);
  EXPECT_EQ(tree.health(id("b")), Health::kUnhealthy);
}

TEST(HealthTree, CalculatedIsHealthyWhenAtLeastThresholdChildrenAre) {
  HealthTree tree;
  tree.define({{id("a"), probe()},
               {id("b"), probe()},
               {id("c"), probe()},
               {id("two"), calculated(2, {"a", "b", "c"})}});
  EXPECT_THAT(tree.set_probe(id("a"), Health::kUnhealthy), ElementsAre(id("a")));
  EXPECT_EQ(tree.health(id("two")), Health::kHealthy);
  EXPECT_THAT(tree.set_probe(id("b"), Health::kUnhealthy), ElementsAre(id("b"), id("two")));
  EXPECT_EQ(tree.health(id("two")), Health::kUnhealthy);
  EXPECT_THAT(tree.set_probe(id("a"), Health::kHealthy), ElementsAre(id("a"), id("two")));
}

TEST(HealthTree, AThresholdOfZeroIsAlwaysHealthyMoreThanItsChildrenNever) {
  HealthTree tree;
  tree.define({{id("a"), probe()},
               {id("none"), calculated(0, {"a"})},
               {id("too-many"), calculated(2, {"a"})}});
  tree.set_probe(id("a"), Health::kUnhealthy);
  EXPECT_EQ(tree.health(id("none")), Health::kHealthy);
  tree.set_probe(id("a"), Health::kHealthy);
  EXPECT_EQ(tree.health(id("too-many")), Health::kUnhealthy);
}

TEST(HealthTree, CalculatedChecksNest) {
  HealthTree tree;
  HealthNode inverted = calculated(1, {"one"});
  inverted.inverted = true;
  tree.define({{id("a"), probe()}, {id("one"), calculated(1, {"a"})}, {id("z"), inverted}});
  EXPECT_EQ(tree.health(id("z")), Health::kUnhealthy);
  EXPECT_THAT(tree.set_probe(id("a"), Health::kUnhealthy),
              ElementsAre(id("a"), id("one"), id("z")));
  EXPECT_EQ(tree.health(id("z")), Health::kHealthy);
}

TEST(HealthTree, ARecoveryControlCheckFollowsItsControl) {
  HealthTree tree;
  tree.define({{id("r"), control("shop/gra")}, {id("up"), calculated(1, {"r"})}});
  EXPECT_EQ(tree.health(id("r")), Health::kHealthy) << "a control that is not there";
  EXPECT_THAT(tree.set_control("shop/gra", false), ElementsAre(id("r"), id("up")));
  EXPECT_THAT(tree.set_control("shop/gra", true), ElementsAre(id("r"), id("up")));
  EXPECT_THAT(tree.set_control("shop/other", false), IsEmpty());
}

TEST(HealthTree, KeepsWhatItKnowsWhenItIsDefinedAnew) {
  HealthTree tree;
  tree.define({{id("a"), probe()}, {id("r"), control("shop/gra")}});
  tree.set_probe(id("a"), Health::kUnhealthy);
  tree.set_control("shop/gra", false);
  tree.define({{id("a"), probe(true)}, {id("r"), control("shop/gra")}, {id("n"), probe()}});
  EXPECT_EQ(tree.health(id("a")), Health::kHealthy);
  EXPECT_EQ(tree.health(id("r")), Health::kUnhealthy);
  EXPECT_EQ(tree.health(id("n")), Health::kHealthy);
}

}  // namespace
}  // namespace leeward::detect
