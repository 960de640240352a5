// SPDX-License-Identifier: Apache-2.0
#include "plan/predict.h"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include "plan/clients.h"
#include "plan/report.h"
#include "plan/trials.h"

namespace leeward::plan {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Application shop() {
  Application application;
  application.id = ApplicationId("shop");
  application.failover.confirm_window = seconds(2);
  for (const char* region : {"gra", "sbg"}) {
    ApplicationRegion each;
    each.region = RegionId(region);
    application.regions.push_back(each);
  }
  return application;
}

Options quick() {
  Options options;
  options.trials = 160;
  options.life = minutes(60);
  return options;
}

std::vector<ApplicationPlan> predicted(const Application& application, const Options& options) {
  return predict(std::span(&application, 1), options, {});
}

TEST(Predict, depends_on_the_seed_and_not_on_the_threads) {
  Options options = quick();
  const std::string one = as_json(predicted(shop(), options), options);
  options.jobs = 4;
  EXPECT_EQ(as_json(predicted(shop(), options), options), one);
  options.seed = 2;
  EXPECT_NE(as_json(predicted(shop(), options), options), one);
}

TEST(Predict, times_lie_where_the_timing_says) {
  const ApplicationPlan plan = predicted(shop(), quick()).front();
  const LossPlan& calm = plan.losses.front();
  ASSERT_EQ(calm.silent.size(), 160U);
  // One timeout and a burst after the next probe, then the window.
  EXPECT_GE(calm.silent.quantile(0), milliseconds(2000 + 500 + 150 - 30));
  EXPECT_LE(calm.silent.max(), milliseconds(2000 + 500 + 150 + 1100));
  // The closed connection is noticed at once, so it does not wait for the next probe.
  EXPECT_LE(calm.killed.max(), milliseconds(2000 + 200));
  EXPECT_EQ(calm.actions, 0U);
  EXPECT_GT(calm.actions_per_year_at_most, 0);
  // Clients add what they cache, at most TTL + 60 s.
  for (const ClientPlan& client : plan.clients) {
    EXPECT_GE(client.silent.quantile(0.5), calm.silent.quantile(0.01));
  }
  EXPECT_LE(plan.clients[2].silent.max(), calm.silent.max() + kPublish + seconds(65));
}

TEST(Predict, more_loss_means_more_mistakes_and_a_window_means_fewer) {
  Application nervous = shop();
  nervous.regions.front().check.fresh_connection = true;
  nervous.regions.front().check.timing.failure_threshold = 2;
  nervous.failover.confirm_window = seconds(0);
  const ApplicationPlan plan = predicted(nervous, quick()).front();
  const auto actions = [](const ApplicationPlan& of, double share) {
    return std::ranges::find_if(of.losses,
                                [&](const LossPlan& each) {
                                  return each.loss.share == share &&
                                         each.loss.kind == LossKind::kIndependent;
                                })
        ->actions;
  };
  EXPECT_GT(actions(plan, 0.20), actions(plan, 0.01));
  nervous.failover.confirm_window = seconds(30);
  EXPECT_LT(actions(predicted(nervous, quick()).front(), 0.20), actions(plan, 0.20));
}

TEST(Predict, says_why_there_is_nothing_to_predict) {
  Application alone = shop();
  alone.regions.pop_back();
  EXPECT_NE(predicted(alone, quick()).front().note, "");
  Application blind = shop();
  blind.regions.front().check.disabled = true;
  EXPECT_NE(predicted(blind, quick()).front().note, "");
}

TEST(Predict, leases_hold_writes_back) {
  Application fenced = shop();
  fenced.failover.fencing.mode = FencingMode::kLease;
  const ApplicationPlan plan = predicted(fenced, quick()).front();
  ASSERT_TRUE(plan.writes);
  EXPECT_GE(plan.writes->quantile(0), plan.losses.front().silent.quantile(0) + seconds(3));
  EXPECT_FALSE(predicted(shop(), quick()).front().writes);
}

TEST(Report, every_format_holds_every_application) {
  const Options options = quick();
  Application odd = shop();
  odd.id = ApplicationId("<b>&odd");
  const auto plans = predicted(odd, options);
  const auto parsed = boost::json::parse(as_json(plans, options));
  const auto& application = parsed.at("applications").at(0);
  EXPECT_EQ(application.at("application").as_string(), "<b>&odd");
  EXPECT_EQ(application.at("losses").as_array().size(), 7U);
  EXPECT_NE(as_text(plans, options).find("<b>&odd"), std::string::npos);
  const std::string html = as_html(plans, options);
  EXPECT_EQ(html.find("<b>&odd"), std::string::npos);
  EXPECT_NE(html.find("&lt;b&gt;&amp;odd"), std::string::npos);
  EXPECT_EQ(html.find("http"), std::string::npos);  // nothing is fetched
  EXPECT_NE(html.find("<polyline"), std::string::npos);
}

// The published table: TTL 5 s gives 2.5/5, 18/33 and 33/63 s; 83 % of a mix with TTL 20 s have
// moved after 60 s.
TEST(Clients, stay_as_long_as_the_published_model_says) {
  Rng rng(1);
  const auto quantiles = [&](const ClientClass& client) {
    std::vector<Duration> samples;
    for (int i = 0; i < 20'000; ++i) {
      samples.push_back(staleness(client, seconds(5), rng));
    }
    const Distribution times(std::move(samples));
    return std::pair(to_milliseconds(times.quantile(0.5)) / 1000,
                     to_milliseconds(times.quantile(0.99)) / 1000);
  };
  EXPECT_NEAR(quantiles(kClientClasses[0]).first, 2.5, 0.2);
  EXPECT_NEAR(quantiles(kClientClasses[1]).second, 33, 1);
  EXPECT_NEAR(quantiles(kClientClasses[2]).first, 33, 1);
  int moved = 0;
  for (int i = 0; i < 20'000; ++i) {
    moved += staleness_of_mix(seconds(20), rng) <= seconds(60) ? 1 : 0;
  }
  EXPECT_NEAR(moved / 20'000.0, 0.83, 0.03);
}

TEST(Poisson, upper_bound) {
  EXPECT_NEAR(poisson_upper(0), 3.00, 0.01);
  EXPECT_NEAR(poisson_upper(1), 4.74, 0.05);
  EXPECT_NEAR(poisson_upper(10), 16.96, 0.1);
}

}  // namespace
}  // namespace leeward::plan
