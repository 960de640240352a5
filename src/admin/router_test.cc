// SPDX-License-Identifier: Apache-2.0
#include "admin/router.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/fake_control_plane.h"
#include "admin/move_body.h"

namespace leeward::admin {
namespace {

using config::Role;
using ::testing::HasSubstr;

std::vector<config::Token> tokens() {
  return {{"vera", Role::kViewer, {}, Secret("viewer-token")},
          {"otto", Role::kOperator, {}, Secret("operator-token")},
          {"ada", Role::kAdmin, {}, Secret("admin-token")}};
}

class RouterTest : public ::testing::Test {
 protected:
  Response ask(Request request) {
    std::optional<Response> answer;
    router.handle(request, [&](Response response) {
      EXPECT_FALSE(answer) << "answered twice";
      answer = std::move(response);
    });
    EXPECT_TRUE(answer) << "not answered: " << request.method << ' ' << request.target;
    return answer.value_or(Response{});
  }

  Response get(std::string target) {
    return ask({.method = "GET", .target = std::move(target), .host = "127.0.0.1:8053"});
  }

  Response post(std::string target, std::string body) {
    return ask({.method = "POST",
                .target = std::move(target),
                .host = "localhost",
                .content_type = "application/json; charset=utf-8",
                .body = std::move(body)});
  }

  static std::string header(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) {
        return value;
      }
    }
    return "";
  }

  static boost::json::object object_of(const Response& response) {
    return boost::json::parse(response.body).as_object();
  }

  FakeControlPlane control;
  Router router{control, {}};
};

TEST_F(RouterTest, ShowsAnApplicationWithItsRegionsAndItsLastDecision) {
  const Response response = get("/v1/applications/shop");
  ASSERT_EQ(response.status, 200) << response.body;
  const auto shop = object_of(response);
  EXPECT_EQ(shop.at("assignment").at("epoch"), 2);
  EXPECT_EQ(shop.at("assignment").at("region"), "RBX-A");
  EXPECT_EQ(shop.at("ttl_now_seconds"), 5.0);
  EXPECT_EQ(shop.at("failover").at("hold_down"), "30s");
  const auto& gra = shop.at("regions").at(0);
  EXPECT_EQ(gra.at("region"), "GRA11");
  EXPECT_EQ(gra.at("health"), "unhealthy");
  EXPECT_EQ(gra.at("active"), false);
  EXPECT_EQ(gra.at("age_seconds"), 90.0);
  EXPECT_EQ(gra.at("since"), "2026-11-23T11:58:30.000Z");
  EXPECT_EQ(gra.at("votes").at(0).at("evidence").at("observations").at(2).at("outcome"), "refused");
  EXPECT_EQ(shop.at("last_decision").at("outcome"), "refused");
}

TEST_F(RouterTest, DecisionTimesArePlacedAroundTheDecisionAndMeasured) {
  const auto decision = object_of(get("/v1/decisions/1"));
  EXPECT_EQ(decision.at("durations").at("detection_ms"), 104.0);
  EXPECT_EQ(decision.at("durations").at("total_ms"), 109.0);
  EXPECT_EQ(decision.at("times").at("verdict"), "2026-11-23T11:58:30.000Z");
  EXPECT_EQ(decision.at("times").at("verdict_mono_ns"), 35'910'000'000'000);
  EXPECT_EQ(decision.at("decided_at"), "2026-11-23T11:58:30.001Z");
  EXPECT_TRUE(object_of(get("/v1/decisions/2")).at("times").at("published").is_null());
}

TEST_F(RouterTest, ADecisionIsTextForWhoeverAcceptsText) {
  const Response response = ask(
      {.method = "GET", .target = "/v1/decisions/1", .host = "[::1]:8053", .accept = "text/plain"});
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.content_type, HasSubstr("text/plain"));
  EXPECT_THAT(response.body, HasSubstr("why: GRA11 is unhealthy"));
}

TEST_F(RouterTest, ACheckIsNamedByItsEncodedId) {
  const auto history = object_of(get("/v1/checks/shop%2FGRA11/history"));
  EXPECT_EQ(history.at("id"), "shop/GRA11");
  EXPECT_EQ(history.at("observations").as_array().size(), 3U);
  EXPECT_EQ(get("/v1/checks/shop/GRA11").status, 404);
  EXPECT_EQ(get("/v1/checks/shop%2FNOWHERE").status, 404);
}

TEST_F(RouterTest, ChecksAreFiltered) {
  EXPECT_EQ(object_of(get("/v1/checks")).at("checks").as_array().size(), 2U);
  EXPECT_EQ(object_of(get("/v1/checks?health=healthy")).at("checks").as_array().size(), 1U);
  EXPECT_EQ(
      object_of(get("/v1/checks?application=shop&region=RBX-A")).at("checks").as_array().size(),
      1U);
  EXPECT_EQ(get("/v1/checks?health=fine").status, 400);
}

TEST_F(RouterTest, JournalPagesSayWhereToGoOn) {
  const Response first = get("/v1/journal?limit=5");
  EXPECT_EQ(first.content_type, "application/x-ndjson");
  EXPECT_EQ(header(first, "Leeward-Next-Sequence"), "6");
  const Response second = get("/v1/journal?limit=5&from=6");
  EXPECT_EQ(second.body, "{\"sequence\":6}\n{\"sequence\":7}\n");
  EXPECT_EQ(header(second, "Leeward-Next-Sequence"), "");
}

TEST_F(RouterTest, AMoveCarriesWhatWasAskedAndByWhom) {
  const Response response =
      post("/v1/applications/shop/failover",
           R"({"to":"RBX-A","dry_run":true,"accept_data_loss":"12s","reason":"maintenance"})");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(object_of(response).at("outcome"), "planned");
  ASSERT_EQ(control.moves.size(), 1U);
  const MoveCommand& command = control.moves[0];
  EXPECT_EQ(command.kind, MoveKind::kFailover);
  EXPECT_EQ(command.application, ApplicationId("shop"));
  EXPECT_EQ(command.to, RegionId("RBX-A"));
  EXPECT_TRUE(command.dry_run);
  EXPECT_EQ(command.accept_data_loss, std::chrono::seconds(12));
  EXPECT_EQ(command.reason, "maintenance");
  EXPECT_EQ(command.requested_by, "local");
}

TEST_F(RouterTest, AHoldIsHeldReleasedAndSaysByWhom) {
  const Response held = post("/v1/applications/shop/hold", R"({"reason":"maintenance"})");
  ASSERT_EQ(held.status, 200) << held.body;
  EXPECT_EQ(object_of(held).at("hold").at("requested_by"), "local");
  EXPECT_EQ(object_of(held).at("hold").at("reason"), "maintenance");
  EXPECT_EQ(object_of(get("/v1/applications/shop")).at("hold").at("reason"), "maintenance");
  const Response released = post("/v1/applications/shop/release", "");
  EXPECT_TRUE(object_of(released).at("hold").is_null());
  control.standing.locked_out = true;
  EXPECT_EQ(object_of(post("/v1/applications/shop/acknowledge", "{}")).at("locked_out"), false);
  EXPECT_EQ(post("/v1/applications/mail/hold", "").status, 404);
  EXPECT_EQ(post("/v1/applications/shop/hold", R"({"why":"x"})").status, 400);
  EXPECT_EQ(control.standing_changes.size(), 4U);
}

TEST_F(RouterTest, ARefusedMoveIsAConflictThatNamesTheGuard) {
  const Response response = post("/v1/applications/shop/failback", "");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(response.content_type, "application/problem+json");
  const auto body = object_of(response);
  EXPECT_THAT(std::string(body.at("detail").as_string()), HasSubstr("guard target-healthy"));
  EXPECT_EQ(body.at("decision").at("outcome"), "refused");
  EXPECT_EQ(body.at("type"), "urn:leeward:problem:failed-precondition");
}

TEST_F(RouterTest, AMoveThatTheStoreCannotTakeIsUnavailable) {
  control.move_error = Error{ErrorCode::kUnavailable, "the disk is full"};
  const Response response = post("/v1/applications/shop/switchover", R"({"to":"RBX-A"})");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(object_of(response).at("detail"), "the disk is full");
}

TEST_F(RouterTest, WrongBodiesSayWhatWouldBeRight) {
  const struct {
    std::string body;
    std::string detail;
  } cases[] = {
      {"", "'to' is missing"},
      {"{", "not JSON"},
      {"[]", "must be a JSON object"},
      {R"({"region":"RBX-A"})", "known: to, dry_run, accept_data_loss, reason"},
      {R"({"to":7})", "'to' must be a string"},
      {R"({"to":""})", "must name a region"},
      {R"({"to":"RBX-A","dry_run":"yes"})", "true or false"},
      {R"({"to":"RBX-A","accept_data_loss":"12"})", "accept_data_loss"},
      {R"({"to":"RBX-A","reason":"two\nlines"})", "one line"},
      {R"({"to":"RBX-A","reason":")" + std::string(501, 'x') + "\"}", "longer than 500"},
      {std::string(9, '[') + std::string(9, ']'), "not JSON"},
  };
  for (const auto& c : cases) {
    const Response response = post("/v1/applications/shop/failover", c.body);
    EXPECT_EQ(response.status, 400) << c.body;
    EXPECT_THAT(response.body, HasSubstr(c.detail)) << c.body;
  }
  EXPECT_TRUE(control.moves.empty());
}

TEST_F(RouterTest, ABodyMustSayThatItIsJson) {
  Request request{.method = "POST",
                  .target = "/v1/applications/shop/failover",
                  .host = "127.0.0.1",
                  .content_type = "text/plain",
                  .body = R"({"to":"RBX-A"})"};
  EXPECT_EQ(ask(request).status, 415);
  request.content_type = "";
  EXPECT_EQ(ask(request).status, 415);
  request.content_type = "Application/JSON";
  EXPECT_EQ(ask(request).status, 200);
}

TEST_F(RouterTest, WrongTargetsAndParameters) {
  EXPECT_EQ(get("/v1/nothing").status, 404);
  EXPECT_EQ(get("/v1/status/").status, 404);
  EXPECT_EQ(get("/v1/applications//failover").status, 404);
  EXPECT_EQ(get("*").status, 400);
  EXPECT_EQ(get("/v1/checks/%zz").status, 400);
  EXPECT_EQ(get("/v1/checks/%2").status, 400);
  EXPECT_EQ(get("/v1/checks/%00").status, 400);
  EXPECT_EQ(get("/" + std::string(3000, 'a')).status, 400);
  EXPECT_EQ(get("/v1/decisions?limit=0").status, 400);
  EXPECT_EQ(get("/v1/decisions?limit=1001").status, 400);
  EXPECT_EQ(get("/v1/decisions?limit=-1").status, 400);
  EXPECT_EQ(get("/v1/decisions/first").status, 400);
  EXPECT_EQ(get("/v1/decisions/99").status, 404);
  EXPECT_EQ(get("/v1/decisions?application=ghost").status, 404);
  const Response unknown = get("/v1/decisions?lmit=3");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_THAT(unknown.body, HasSubstr("known here: application limit"));
}

TEST_F(RouterTest, AWrongMethodIsToldTheRightOnes) {
  const Response response = ask({.method = "DELETE", .target = "/v1/status", .host = "localhost"});
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(header(response, "Allow"), "GET, HEAD");
  EXPECT_EQ(header(get("/v1/applications/shop/failover"), "Allow"), "POST");
  EXPECT_EQ(ask({.method = "HEAD", .target = "/v1/status", .host = "localhost"}).status, 200);
  EXPECT_EQ(ask({.method = "get", .target = "/v1/status", .host = "localhost"}).status, 405);
}

TEST_F(RouterTest, EveryRouteAsksForItsRole) {
  router.set_tokens(tokens());
  for (const RouteInfo& route : routes()) {
    std::string target = route.path;
    for (std::size_t at = target.find("{id}"); at != std::string::npos; at = target.find("{id}")) {
      target.replace(at, 4, route.path.contains("decisions") ? "1" : "shop");
    }
    const auto status_with = [&](const std::string& authorization) {
      return ask({.method = route.method,
                  .target = target,
                  .host = "leeward.example",
                  .authorization = authorization,
                  .content_type = "application/json"})
          .status;
    };
    SCOPED_TRACE(route.method + " " + route.path);
    if (!route.role) {
      EXPECT_EQ(status_with(""), 200);
      continue;
    }
    EXPECT_EQ(status_with(""), 401);
    EXPECT_EQ(status_with("Bearer wrong"), 401);
    EXPECT_EQ(status_with("Basic viewer-token"), 401);
    EXPECT_EQ(status_with("Bearer "), 401);
    EXPECT_EQ(status_with("viewer-token"), 401);
    EXPECT_EQ(status_with("Bearer viewer-token") == 403, *route.role > Role::kViewer);
    EXPECT_EQ(status_with("Bearer operator-token") == 403, *route.role > Role::kOperator);
    EXPECT_THAT(status_with("bearer  admin-token"), ::testing::Not(::testing::AnyOf(401, 403)));
  }
}

TEST_F(RouterTest, StrangersDoNotLearnWhatExists) {
  router.set_tokens(tokens());
  const Response response = get("/v1/nothing");
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(header(response, "WWW-Authenticate"), "Bearer realm=\"leeward\"");
  EXPECT_THAT(response.body, ::testing::Not(HasSubstr("viewer-token")));
}

TEST_F(RouterTest, TheTokensNameIsWhoAsked) {
  router.set_tokens(tokens());
  ask({.method = "POST",
       .target = "/v1/applications/shop/failover",
       .host = "leeward.example",
       .authorization = "Bearer operator-token",
       .content_type = "application/json",
       .body = R"({"to":"RBX-A"})"});
  ASSERT_EQ(control.moves.size(), 1U);
  EXPECT_EQ(control.moves[0].requested_by, "otto");
  ask({.method = "POST",
       .target = "/v1/reload",
       .host = "leeward.example",
       .authorization = "Bearer admin-token"});
  EXPECT_EQ(control.reloads, std::vector<std::string>{"ada"});
}

TEST_F(RouterTest, WithoutTokensAWebPageCannotCommand) {
  const auto status_of = [&](std::optional<std::string> host, std::optional<std::string> origin) {
    return ask({.method = "POST", .target = "/v1/reload", .host = host, .origin = origin}).status;
  };
  EXPECT_EQ(status_of("127.0.0.1:8053", {}), 200);
  EXPECT_EQ(status_of("localhost:8053", "http://localhost:8053"), 200);
  EXPECT_EQ(status_of("api.localhost", {}), 200);
  EXPECT_EQ(status_of("[::1]:8053", {}), 200);
  EXPECT_EQ(status_of(std::nullopt, {}), 200);
  EXPECT_EQ(status_of("rebound.example:8053", {}), 403);  // DNS rebinding
  EXPECT_EQ(status_of("localhost.example", {}), 403);
  EXPECT_EQ(status_of("127.0.0.1:8053", "https://page.example"), 403);  // across origins
  EXPECT_EQ(status_of("127.0.0.1:8053", "null"), 403);                  // a sandboxed frame
  EXPECT_EQ(status_of("127.0.0.1:8053", "http://127.0.0.1:9999"), 403);
  EXPECT_EQ(control.reloads.size(), 5U);
  EXPECT_EQ(ask({.method = "GET", .target = "/healthz", .host = "rebound.example"}).status, 200);
}

TEST_F(RouterTest, ReadinessIsAnswersBeingServed) {
  EXPECT_EQ(get("/readyz").status, 200);
  control.readiness = {.ready = false, .reasons = {"127.0.0.1:5353 is not bound"}};
  const Response response = get("/readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(object_of(response).at("reasons").at(0), "127.0.0.1:5353 is not bound");
  EXPECT_EQ(get("/healthz").status, 200);
}

TEST_F(RouterTest, AReloadThatFailsListsTheProblems) {
  control.reload_error =
      Error{ErrorCode::kFailedPrecondition, "leeward.yaml:3:1: ttl: expected a duration"};
  const Response response = post("/v1/reload", "{}");
  EXPECT_EQ(response.status, 409);
  EXPECT_THAT(response.body, HasSubstr("leeward.yaml:3:1"));
  EXPECT_EQ(post("/v1/reload", R"({"file":"/etc/passwd"})").status, 400);
}

TEST_F(RouterTest, HostileTextStaysValidJson) {
  control.hostile_text = "\xFF\xC0\xAF\xED\xA0\x80 \x01 \"quoted\" \n";
  const auto shop = object_of(get("/v1/applications/shop"));
  const std::string reason(shop.at("last_decision").at("reason").as_string());
  EXPECT_THAT(reason, HasSubstr("\xEF\xBF\xBD"));
  EXPECT_THAT(reason, HasSubstr("\"quoted\" \n"));
}

TEST_F(RouterTest, EventsAreFollowedFromTheLastOneSeen) {
  const Response response =
      ask({.method = "GET", .target = "/v1/events", .host = "localhost", .last_event_id = "run-7"});
  EXPECT_TRUE(response.follow_events);
  EXPECT_EQ(response.last_event_id, "run-7");
  EXPECT_FALSE(ask({.method = "HEAD", .target = "/v1/events", .host = "localhost"}).follow_events);
}

TEST(MoveBody, AFailbackNeedsNoRegion) {
  const auto command = parse_move_body(MoveKind::kFailback, " {} ");
  ASSERT_TRUE(command);
  EXPECT_FALSE(command->to);
}

class ControlPanelsTest : public RouterTest {
 protected:
  Response put(std::string target, std::string body = "") {
    return ask({.method = "PUT",
                .target = std::move(target),
                .host = "localhost",
                .content_type = "application/json",
                .body = std::move(body)});
  }
  Response remove(std::string target) {
    return ask({.method = "DELETE", .target = std::move(target), .host = "localhost"});
  }
  void make_shop() {
    ASSERT_EQ(put("/v1/control-panels/shop").status, 200);
    ASSERT_EQ(put("/v1/control-panels/shop/controls/gra").status, 200);
    ASSERT_EQ(put("/v1/control-panels/shop/controls/rbx").status, 200);
    ASSERT_EQ(set(R"({"control":"shop/gra","state":"On"})").status, 200);
    ASSERT_EQ(put("/v1/control-panels/shop/rules/one",
                  R"({"kind":"assertion","asserted_controls":["gra","rbx"],)"
                  R"("rule_config":{"type":"ATLEAST","threshold":1}})")
                  .status,
              200);
  }
  Response set(const std::string& changes, const std::string& overridden = "") {
    return post("/v1/control-states",
                R"({"changes":[)" + changes + R"(],"override":[)" + overridden + "]}");
  }
};

TEST_F(ControlPanelsTest, ShowPanelsThatFollowApplications) {
  const boost::json::object body = object_of(get("/v1/control-panels/application.shop"));
  EXPECT_EQ(body.at("managed"), true);
  EXPECT_EQ(body.at("routing_controls").as_array().size(), 2U);
}

TEST_F(ControlPanelsTest, SwitchControlsUnderTheirRules) {
  make_shop();
  const Response refused = set(R"({"control":"shop/gra","state":"Off"})");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("shop/one"));
  EXPECT_EQ(
      set(R"({"control":"shop/gra","state":"Off"},{"control":"shop/rbx","state":"On"})").status,
      200);
  const boost::json::object forced =
      object_of(set(R"({"control":"shop/rbx","state":"Off"})", R"("shop/one")"));
  const boost::json::object panel = forced.at("control_panels").as_array().at(0).as_object();
  EXPECT_EQ(panel.at("safety_rules").as_array().at(0).as_object().at("condition_holds"), false);
}

TEST_F(ControlPanelsTest, AreDeletedFromTheInsideOut) {
  make_shop();
  EXPECT_EQ(remove("/v1/control-panels/shop").status, 409);
  EXPECT_EQ(remove("/v1/control-panels/shop/controls/gra").status, 409);
  EXPECT_EQ(remove("/v1/control-panels/shop/rules/one").status, 200);
  EXPECT_EQ(remove("/v1/control-panels/shop/controls/gra").status, 200);
  EXPECT_EQ(remove("/v1/control-panels/shop/controls/rbx").status, 200);
  EXPECT_EQ(remove("/v1/control-panels/shop").status, 204);
  EXPECT_EQ(get("/v1/control-panels/shop").status, 404);
}

TEST_F(ControlPanelsTest, RefuseWhatMakesNoSense) {
  make_shop();
  EXPECT_EQ(set("").status, 400);
  EXPECT_EQ(set(R"({"control":"shop/gra"})").status, 400);
  EXPECT_EQ(set(R"({"control":"shop/gra","state":"on"})").status, 400);
  EXPECT_EQ(set(R"({"control":"shop/none","state":"On"})").status, 404);
  EXPECT_EQ(post("/v1/control-states", R"({"change":[]})").status, 400);
  EXPECT_EQ(set(R"({"control":"application.shop/GRA11","state":"On"})").status, 409);
  EXPECT_EQ(put("/v1/control-panels/application.x").status, 409);
  EXPECT_EQ(put("/v1/control-panels/shop").status, 409) << "exists";
  EXPECT_EQ(put("/v1/control-panels/none/controls/a").status, 404);
  EXPECT_EQ(put("/v1/control-panels/shop/rules/two", R"({"kind":"x"})").status, 400);
  EXPECT_EQ(put("/v1/control-panels/shop/controls/new", R"({"state":"On"})").status, 400);
  control.panels_error = Error{ErrorCode::kUnavailable, "the disk is full"};
  EXPECT_EQ(set(R"({"control":"shop/rbx","state":"On"})").status, 503);
}

}  // namespace
}  // namespace leeward::admin
