// SPDX-License-Identifier: Apache-2.0
//
// What a person sees of the fake world. The JSON comes from the API's own functions, so a change of
// its shape that the CLI does not know shows here.
#include "cli/render.h"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/fake_control_plane.h"
#include "admin/json.h"
#include "cli/completion.h"

namespace leeward::cli {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::Not;

class RenderTest : public ::testing::Test {
 protected:
  json::value applications() {
    json::array array;
    for (const auto& application : control.applications()) {
      array.emplace_back(admin::to_json(application, control.now()));
    }
    return json::object{{"applications", array}};
  }
  json::value status() { return admin::to_json(control.status(), control.ready(), control.now()); }

  admin::FakeControlPlane control;
};

TEST_F(RenderTest, Status) {
  EXPECT_EQ(render_status(status(), applications(), {}),
            R"(gra-1 in GRA11  version 0.1.0  up 2h  config generation 1  ready
DNS on 127.0.0.1:5353, [::1]:5353

shop  app.example.test  active-passive
  active RBX-A  epoch 2  phase steady  ttl 5s
  REGION          HEALTH     FOR    ADDRESSES      EVIDENCE
  GRA11           unhealthy  1m30s  198.51.100.10  3 of 3 probes refused
  RBX-A   active  healthy    1h     198.51.100.20  3 of 3 probes succeeded
  writes: allowed in RBX-A under epoch 2; not fenced: GRA11
  replication GRA11 -> RBX-A: ok, p50 5.0 ms, p99 9.0 ms, newest seen 300.0 ms old
  last decision: 2 failback RBX-A -> GRA11 refused at 2026-11-23T11:59:30.000Z
)");
}

TEST_F(RenderTest, AGrayRegionIsHealthyAndSaysWhatIsAmiss) {
  control.gray.suspect = true;
  control.gray.reason = "70.0 % of 120 requests were good";
  EXPECT_THAT(render_status(status(), applications(), {}),
              HasSubstr("RBX-A   active  healthy, gray  1h     198.51.100.20  70.0 % of 120"));
  const json::value event = admin::to_json(
      admin::Event(admin::GrayEvent{HealthCheckId("shop/RBX-A"), ApplicationId("shop"),
                                    RegionId("RBX-A"), control.gray}),
      control.now());
  EXPECT_EQ(render_event("gray", event, {}),
            "2026-11-23T12:00:00.000Z  shop/RBX-A  gray  70.0 % of 120 requests were good\n");
}

TEST_F(RenderTest, StatusSaysWhatStandsInTheWayOfAutomaticMoves) {
  control.standing = {Hold{"ann", "maintenance", control.now().wall}, true, {}};
  control.ramp = admin::RampView{RegionId("GRA11"), 10, control.now().mono};
  const std::string page = render_status(status(), applications(), {});
  EXPECT_NE(page.find("  HELD by ann since 2026-11-23T12:00:00.000Z: maintenance\n"),
            std::string::npos)
      << page;
  EXPECT_NE(
      page.find("  LOCKED OUT: it moved by itself too often; `leeward acknowledge` ends it\n"),
      std::string::npos)
      << page;
  EXPECT_NE(page.find("  users follow: 10 % here, the others in GRA11\n"), std::string::npos)
      << page;
  const std::string lines = render_standing("shop", admin::to_json(control.standing), {});
  EXPECT_TRUE(lines.starts_with("shop: does not move by itself\n  HELD by ann")) << lines;
  EXPECT_EQ(render_standing("shop", admin::to_json(Standing{}), {}),
            "shop: may move by itself, as its config says\n");
}

TEST_F(RenderTest, StatusOfANodeThatIsNotReadySaysWhy) {
  control.readiness = {.ready = false, .reasons = {"127.0.0.1:5353 is not bound"}};
  EXPECT_THAT(render_status(status(), applications(), {}),
              HasSubstr("not ready\n  127.0.0.1:5353 is not bound\n"));
}

TEST_F(RenderTest, Checks) {
  json::array array;
  for (const auto& check : control.checks({})) {
    array.emplace_back(admin::to_json(check, control.now()));
  }
  EXPECT_EQ(render_checks(json::object{{"checks", array}}, {}),
            R"(CHECK       TYPE  TARGET                   HEALTH     FOR    INTERVAL  EVIDENCE
shop/GRA11  HTTP  198.51.100.10 port 8080  unhealthy  1m30s  1s        3 of 3 probes refused
shop/RBX-A  HTTP  198.51.100.20 port 8080  healthy    1h     1s        3 of 3 probes succeeded
)");
}

TEST_F(RenderTest, History) {
  const auto check = control.check(HealthCheckId("shop/GRA11"));
  EXPECT_EQ(render_history(admin::history_json(*check, control.now()), {}),
            R"(shop/GRA11: unhealthy for 1m30s (3 of 3 probes refused)
PROBE  STARTED                   OUTCOME  LATENCY  DETAIL
41     2026-11-23T11:58:29.850Z  refused  2.0 ms   connection refused
42     2026-11-23T11:58:29.900Z  refused  2.0 ms   connection refused
43     2026-11-23T11:58:29.950Z  refused  2.0 ms   connection refused
)");
}

TEST_F(RenderTest, Decision) {
  EXPECT_EQ(render_decision(admin::to_json(*control.decision(1)), {}),
            R"(shop: decision 1 failover GRA11 -> RBX-A published at 2026-11-23T11:58:30.001Z
  because GRA11 is unhealthy: 3 of 3 probes refused
  guard target-healthy   passed         RBX-A is healthy for 1h
  guard replication-lag  not-evaluated  no limit is configured
)");
}

TEST_F(RenderTest, Events) {
  const json::value event =
      admin::to_json(admin::Event(admin::HealthEvent{HealthCheckId("shop/GRA11"),
                                                     ApplicationId("shop"),
                                                     RegionId("GRA11"),
                                                     {},
                                                     control.checks({})[0].status}),
                     control.now());
  EXPECT_EQ(render_event("health", event, {}),
            "2026-11-23T12:00:00.000Z  shop/GRA11  unknown -> unhealthy  3 of 3 probes refused\n");
}

TEST_F(RenderTest, ColourOnlyWhereAsked) {
  EXPECT_THAT(render_status(status(), applications(), {.colour = true}),
              HasSubstr("\x1b[31munhealthy\x1b[0m  1m30s"));
  EXPECT_THAT(render_status(status(), applications(), {}), Not(HasSubstr("\x1b")));
}

TEST_F(RenderTest, HostileAnswersNeitherFailNorReachTheTerminal) {
  for (const char* const text :
       {"null", "[]", "{}", R"({"applications":7})", R"({"applications":[1,null,"x",{}]})",
        R"({"applications":[{"id":"a\u001b[2Jb","regions":{"x":1},"assignment":[]}]})"}) {
    const json::value value = json::parse(text);
    EXPECT_THAT(render_status(value, value, {}), Not(HasSubstr("\x1b"))) << text;
    static_cast<void>(render_checks(value, {}));
    static_cast<void>(render_history(value, {}));
    static_cast<void>(render_decision(value, {}));
    static_cast<void>(render_reload(value));
    static_cast<void>(render_event("decision", value, {}));
  }
}

TEST(Render, Ages) {
  EXPECT_EQ(render_age(0.25), "250ms");
  EXPECT_EQ(render_age(1.5), "1.5s");
  EXPECT_EQ(render_age(59.9), "59s");
  EXPECT_EQ(render_age(60), "1m");
  EXPECT_EQ(render_age(3661), "1h1m");
  EXPECT_EQ(render_age(90'000), "1d1h");
  EXPECT_EQ(render_age(-1), "-");
}

}  // namespace
}  // namespace leeward::cli
