// SPDX-License-Identifier: Apache-2.0
//
// Zones of the API: what they answer, and what is left out of them.
#include <array>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/answer.h"
#include "dns/client_message.h"
#include "dns/compile.h"
#include "dns/octal.h"

namespace leeward::dns {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

ResourceRecordSet record(const std::string& name, const std::string& type,
                         std::vector<std::string> values, std::uint32_t ttl = 60) {
  ResourceRecordSet set;
  set.name = name;
  set.type = type;
  set.ttl_seconds = ttl;
  set.values = std::move(values);
  return set;
}

ResourceRecordSet alias(const std::string& name, const std::string& target, bool evaluate = true,
                        const std::string& type = "A") {
  ResourceRecordSet set;
  set.name = name;
  set.type = type;
  set.alias = AliasTarget{"Z1", target, evaluate};
  return set;
}

// Hosted zone z.test and whatever else a test adds.
struct World {
  World() {
    zone.id = "Z1";
    zone.name = "z.test.";
    add(record("z.test.", "SOA", {"ns1.z.test. h.z.test. 1 7200 900 1209600 300"}, 900));
    add(record("z.test.", "NS", {"ns1.z.test.", "ns2.elsewhere."}, 172'800));
    add(record("ns1.z.test.", "A", {"192.0.2.53"}));
  }
  void add(ResourceRecordSet set) { zone.records.insert_or_assign(std::move(set)); }
  void compile_all() {
    input.hosted_zones.insert(input.hosted_zones.begin(), zone);
    input.layout = routing::BoardLayout(input.applications, checks);
    auto result = compile(input);
    ASSERT_TRUE(result) << format_problem(result.error().front());
    tables = *std::move(result);
    board = std::make_unique<HealthBoard>(input.layout.size());
  }
  void set(const std::string& check, Health health) {
    board->store(*input.layout.check(HealthCheckId(check)), BoardWord::of(health));
  }
  ParsedResponse ask(const std::string& name, const std::string& type = "A",
                     std::uint64_t random = 1) {
    const auto query = *build_query(name, type, {});
    std::vector<std::uint8_t> out(kUdpBufferBytesMin);
    out.resize(answer(tables, *board, {query, Transport::kUdp, random}, out));
    return *parse_response(out);
  }
  std::vector<std::string> data(const std::string& name, const std::string& type = "A",
                                std::uint64_t random = 1) {
    std::vector<std::string> values;
    for (const ResponseRecord& each : ask(name, type, random).answers) {
      values.push_back(each.data);
    }
    return values;
  }
  [[nodiscard]] std::string notes() const {
    return fmt::format("{}", fmt::join(tables.notes(), "\n"));
  }

  HostedZone zone;
  CompileInput input;
  std::vector<HealthCheckId> checks;
  Tables tables;
  std::unique_ptr<HealthBoard> board;
};

TEST(HostedZone, AnswersSimpleRecordSetsOfEveryType) {
  const std::map<std::string, std::string> values{
      {"A", "192.0.2.1"},
      {"AAAA", "2001:db8::1"},
      {"MX", "10 mail.z.test."},
      {"PTR", "host.z.test."},
      {"SRV", "1 2 443 host.z.test."},
      {"TXT", "\"one\" \"two\""},
      {"SPF", "\"v=spf1 -all\""},
      {"CAA", "0 issue \"ca.test\""},
      {"NAPTR", "100 50 \"u\" \"sip+E2U\" \"!^.*$!sip:info@z.test!\" ."},
      {"DS",
       "12345 13 2 "
       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
      {"TLSA", "3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
      {"SSHFP", "4 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
      {"HTTPS", "1 . alpn=h2 ipv4hint=192.0.2.1"},
      {"SVCB", "1 svc.z.test. port=8443"}};
  World world;
  for (const auto& [type, value] : values) {
    world.add(record("all.z.test.", type, {value}));
  }
  world.compile_all();
  EXPECT_EQ(world.notes(), "");
  for (const auto& [type, value] : values) {
    const ParsedResponse response = world.ask("all.z.test", type);
    ASSERT_EQ(response.answers.size(), 1U) << type;
    EXPECT_EQ(response.answers[0].type, type);
  }
  EXPECT_THAT(world.data("all.z.test", "TXT"), ElementsAre("\"one\" \"two\""));
  EXPECT_EQ(world.ask("z.test", "SOA").answers[0].ttl_seconds, 900U);
}

TEST(HostedZone, EscapesAreOctal) {
  EXPECT_EQ(octal_to_decimal(R"(\052.a\\052 "x\101\"")"), R"(\042.a\\052 "x\065\"")");
  EXPECT_EQ(route53_text(*Name::parse("*.A b.test")), "\\052.a\\040b.test.");
  EXPECT_EQ(parse_route53_name("\\052.Z.test")->wire(), Name::parse("*.z.test")->wire());
  World world;
  world.add(record("\\052.w.z.test.", "TXT", {R"("a\101b\"c")"}));
  world.compile_all();
  EXPECT_THAT(world.data("any.w.z.test", "TXT"), ElementsAre(R"("aAb\"c")"));
}

TEST(HostedZone, FailoverFollowsTheBoard) {
  World world;
  world.checks = {HealthCheckId("hc-1")};
  ResourceRecordSet secondary = record("f.z.test.", "A", {"192.0.2.2"}, 30);
  secondary.set_identifier = "a-secondary";
  secondary.failover = FailoverRole::kSecondary;
  ResourceRecordSet primary = record("f.z.test.", "A", {"192.0.2.1"}, 60);
  primary.set_identifier = "b-primary";
  primary.failover = FailoverRole::kPrimary;
  primary.health_check_id = "hc-1";
  world.add(secondary);
  world.add(primary);
  world.compile_all();
  EXPECT_THAT(world.data("f.z.test"), ElementsAre("192.0.2.1"));
  EXPECT_EQ(world.ask("f.z.test").answers[0].ttl_seconds, 60U);
  world.set("hc-1", Health::kUnhealthy);
  EXPECT_THAT(world.data("f.z.test"), ElementsAre("192.0.2.2"));
  EXPECT_EQ(world.ask("f.z.test").answers[0].ttl_seconds, 30U) << "each member has its own";
}

TEST(HostedZone, WeightedCnamesAreFollowed) {
  World world;
  for (const std::string target : {"one", "two"}) {
    ResourceRecordSet set = record("w.z.test.", "CNAME", {target + ".z.test."});
    set.set_identifier = target;
    set.weight = target == "one" ? 0 : 5;
    world.add(set);
  }
  world.add(record("two.z.test.", "A", {"192.0.2.2"}));
  world.compile_all();
  EXPECT_EQ(world.notes(), "");
  EXPECT_THAT(world.data("w.z.test"), ElementsAre("two.z.test.", "192.0.2.2"));
}

TEST(HostedZone, AliasesAnswerWithTheirTargetsRecordsAtTheApexToo) {
  World world;
  world.add(alias("z.test.", "www.z.test."));
  world.add(record("www.z.test.", "A", {"192.0.2.80", "192.0.2.81"}, 20));
  world.compile_all();
  const ParsedResponse response = world.ask("Z.test");
  ASSERT_EQ(response.answers.size(), 2U);
  EXPECT_EQ(response.answers[0].name, "Z.test");
  EXPECT_EQ(response.answers[0].ttl_seconds, 20U);
}

TEST(HostedZone, AliasesReachOtherZonesAndApplications) {
  World world;
  HostedZone other;
  other.id = "Z2";
  other.name = "other.test.";
  other.records.insert_or_assign(
      record("other.test.", "SOA", {"ns.other.test. h.other.test. 1 2 3 4 5"}));
  other.records.insert_or_assign(record("\\052.other.test.", "A", {"192.0.2.99"}));
  world.input.hosted_zones.push_back(other);
  Application shop;
  shop.id = ApplicationId("shop");
  shop.hostnames = {"shop.z.test"};
  shop.regions.resize(2);
  shop.regions[0].region = RegionId("GRA11");
  shop.regions[0].addresses = {"192.0.2.10"};
  shop.regions[0].check.id = HealthCheckId("shop/GRA11");
  shop.regions[1].region = RegionId("RBX-A");
  shop.regions[1].addresses = {"192.0.2.20"};
  shop.regions[1].check.id = HealthCheckId("shop/RBX-A");
  world.input.applications = {shop};
  world.add(alias("a.z.test.", "x.other.test."));
  world.add(alias("b.z.test.", "shop.z.test."));
  world.compile_all();
  EXPECT_THAT(world.data("a.z.test"), ElementsAre("192.0.2.99"));
  EXPECT_THAT(world.data("b.z.test"), ElementsAre("192.0.2.10"));
  world.board->store(*world.input.layout.application(shop.id), BoardWord::of_region_index(1));
  EXPECT_THAT(world.data("b.z.test"), ElementsAre("192.0.2.20"));
}

TEST(HostedZone, AliasesThatLeadNowhereOrInCirclesAreLeftOut) {
  World world;
  world.add(alias("a.z.test.", "b.z.test."));
  world.add(alias("b.z.test.", "a.z.test."));
  world.add(alias("self.z.test.", "self.z.test."));
  world.add(alias("elb.z.test.", "lb.eu-west-3.elb.example."));
  world.compile_all();
  EXPECT_THAT(world.notes(), HasSubstr("leads back to itself"));
  EXPECT_THAT(world.notes(), HasSubstr("is not served here"));
  for (const char* name : {"a.z.test", "b.z.test", "self.z.test", "elb.z.test"}) {
    EXPECT_THAT(world.data(name), IsEmpty()) << name;
    EXPECT_EQ(world.ask(name).rcode, 0) << name;
  }
}

TEST(HostedZone, AChainOfAliasesIsAsDeepAsThePoliciesWalk) {
  World world;
  world.add(record("n0.z.test.", "A", {"192.0.2.7"}));
  for (int i = 1; i < 40; ++i) {
    world.add(alias(fmt::format("n{}.z.test.", i), fmt::format("n{}.z.test.", i - 1)));
  }
  world.compile_all();
  EXPECT_THAT(world.data("n10.z.test"), ElementsAre("192.0.2.7"));
  EXPECT_THAT(world.data("n39.z.test"), IsEmpty());
  EXPECT_THAT(world.notes(), HasSubstr("too deep"));
}

TEST(HostedZone, WhatIsWrongIsLeftOutAndTheRestAnswers) {
  World world;
  world.add(record("bad.z.test.", "A", {"not-an-address"}));
  world.add(record("outside.test.", "A", {"192.0.2.1"}));
  world.add(record("z.test.", "CNAME", {"www.z.test."}));
  world.add(record("both.z.test.", "A", {"192.0.2.1"}));
  world.add(record("both.z.test.", "CNAME", {"www.z.test."}));
  world.add(record("ghost.z.test.", "TYPE0X", {"1"}));
  world.add(record("good.z.test.", "A", {"192.0.2.1"}));
  world.compile_all();
  EXPECT_EQ(world.tables.notes().size(), 5U) << world.notes();
  EXPECT_THAT(world.data("good.z.test"), ElementsAre("192.0.2.1"));
  EXPECT_THAT(world.data("bad.z.test"), IsEmpty());
}

TEST(HostedZone, TheConfigGoesBeforeTheApi) {
  World world;
  world.input.zones.push_back({"z.test.zone",
                               "$TTL 60\n@ SOA ns.x. h.x. 1 2 3 4 5\n@ NS ns.x.\n"
                               "www A 198.51.100.1\n"});
  world.add(record("www.z.test.", "A", {"192.0.2.1"}));
  world.compile_all();
  EXPECT_THAT(world.data("www.z.test"), ElementsAre("198.51.100.1"));
  EXPECT_THAT(world.notes(), HasSubstr("already served from z.test.zone"));
}

TEST(HostedZone, GeolocationAndCidrWithoutAMatchAreNodata) {
  World world;
  ResourceRecordSet france = record("g.z.test.", "A", {"192.0.2.1"});
  france.set_identifier = "fr";
  france.geo_location = GeoLocation{"", "FR", ""};
  world.add(france);
  ResourceRecordSet block = record("c.z.test.", "A", {"192.0.2.2"});
  block.set_identifier = "here";
  block.cidr = CidrRouting{"collection-1", "here"};
  world.add(block);
  block.name = "d.z.test.";
  block.cidr = CidrRouting{"collection-2", "here"};
  world.add(block);
  world.input.cidr_collections = {{"collection-1", "offices", {{"here", {"203.0.113.0/24"}}}}};
  world.compile_all();
  for (const char* name : {"g.z.test", "c.z.test", "d.z.test"}) {
    const ParsedResponse response = world.ask(name);
    EXPECT_EQ(response.rcode, 0);
    EXPECT_THAT(response.answers, IsEmpty());
    EXPECT_EQ(response.authority.size(), 1U) << "the SOA";
  }
  EXPECT_THAT(world.notes(), HasSubstr("no CIDR collection collection-2"));
}

}  // namespace
}  // namespace leeward::dns
