// SPDX-License-Identifier: Apache-2.0
//
// Rules and round trips; the operations as clients see them are tests/conformance/route53_*.
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "route53/check_timing.h"
#include "route53/record_rules.h"
#include "route53/test_catalog.h"
#include "route53/traffic_document.h"

namespace leeward::route53 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Xml, HostileDocumentsAreRefused) {
  std::string deep;
  for (int i = 0; i < 100; ++i) {
    deep += "<a>";
  }
  for (int i = 0; i < 100; ++i) {
    deep += "</a>";
  }
  std::string wide = "<a>";
  for (int i = 0; i < 250'000; ++i) {
    wide += "<b/>";
  }
  wide += "</a>";
  for (const std::string& bad :
       {std::string("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
        std::string("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"), deep, wide, std::string("<a"),
        std::string("no xml"), std::string("<a></b>"), std::string(5U << 20, ' ') + "<a/>",
        std::string("<a>\x93</a>"), std::string("<a>&#xD800;</a>"), std::string("<a b='\xFF'/>")}) {
    const auto document = parse_xml(bad);
    ASSERT_FALSE(document) << bad.substr(0, 60);
    EXPECT_EQ(document.error().code, "MalformedInput");
  }
  EXPECT_TRUE(parse_xml(""));
  EXPECT_TRUE(parse_xml("<?xml version=\"1.0\"?><!-- hello --><a>&amp;</a>"));
}

TEST(Xml, WhatIsWrittenReadsBack) {
  XmlWriter xml("Root");
  xml.open("A").text("B", "<&\">\x01 end").close().number("N", 7).optional_text("Gone", "");
  const std::string text = xml.finish();
  const auto document = parse_xml(text);
  ASSERT_TRUE(document) << text;
  const pugi::xml_node root = document->document_element();
  EXPECT_EQ(text_of(child(root, "A"), "B"), "<&\">? end");
  EXPECT_EQ(*number_of(root, "N", 0, 9), 7);
  EXPECT_FALSE(number_of(root, "N", 0, 6));
  EXPECT_FALSE(child(root, "Gone"));
}

TEST(Routes, IdsMayBeWrittenWithTheirKindAndAnEscapedSlash) {
  bool known = false;
  const auto match = find_route("POST", "/2013-04-01/hostedzone/%2Fhostedzone%2FZ1/rrset/", known);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->route->name, "ChangeResourceRecordSets");
  EXPECT_EQ(bare_id(match->parameters[0]), "Z1");
  EXPECT_FALSE(find_route("PATCH", "/2013-04-01/hostedzone", known));
  EXPECT_TRUE(known);
  EXPECT_FALSE(find_route("GET", "/2013-04-01x/hostedzone", known));
  EXPECT_FALSE(known);
}

// Everything that can be stored is read back as it was, and gone when it is deleted.
TEST(Catalog, IsWhatTheStoreHas) {
  ZoneEntry zone;
  zone.zone.id = "Z1";
  zone.zone.name = "z.test.";
  zone.comment = "a/b %";
  zone.name_servers = {"ns1."};
  ResourceRecordSet set;
  set.name = "\\052.z.test.";
  set.type = "A";
  set.set_identifier = "a/b c%2F";
  set.ttl_seconds = 5;
  set.weight = 3;
  set.values = {"192.0.2.1"};
  HealthCheckEntry check;
  check.id = "hc";
  check.type = "CALCULATED";
  check.children = {"x"};
  check.health_threshold = 1;
  CidrEntry cidr;
  cidr.collection = {"c1", "offices", {{"paris", {"192.0.2.0/24"}}}};
  TrafficPolicyEntry policy{"p1", 12, "shop", "A", "{}", "text"};
  InstanceEntry instance;
  instance.id = "i1";
  KeyEntry key;
  key.zone_id = "Z1";
  key.name = "first";
  key.private_key = Secret("pem");
  const std::vector<Mutation> puts{put_zone(zone),
                                   put_record("Z1", set),
                                   put_change({"C1", "why", {}, false}),
                                   put_tags("healthcheck", "hc", {{"k", "v"}}),
                                   put_delegation_set({"N1", "ref", {"ns1."}}),
                                   put_query_logging({"q1", "Z1", "arn:x"}),
                                   put_key(key),
                                   put_health_check(check),
                                   put_cidr_collection(cidr),
                                   put_traffic_policy(policy),
                                   put_instance(instance)};
  Catalog catalog;
  for (const Mutation& put : puts) {
    ASSERT_TRUE(catalog.apply(put)) << put.key;
  }
  EXPECT_EQ(catalog.zone("/hostedzone/Z1")->comment, "a/b %");
  ASSERT_NE(catalog.zone("Z1")->zone.records.find(RecordKey::of(set)), nullptr);
  EXPECT_EQ(*catalog.zone("Z1")->zone.records.find(RecordKey::of(set)), set);
  EXPECT_EQ(catalog.health_checks.at("hc"), check);
  EXPECT_EQ(catalog.cidr_collections.at("c1").collection, cidr.collection);
  EXPECT_EQ(catalog.keys.at({"Z1", "first"}).private_key.reveal(), "pem");
  EXPECT_EQ(catalog.traffic_policies.at({"p1", 12}).comment, "text");
  zone.comment.reset();
  ASSERT_TRUE(catalog.apply(put_zone(zone)));
  EXPECT_EQ(catalog.zone("Z1")->zone.records.size(), 1U) << "a zone's record sets stay";
  EXPECT_FALSE(catalog.zone("Z1")->comment);
  for (const Mutation& gone :
       {delete_record("Z1", set), delete_change("C1"), put_tags("healthcheck", "hc", {}),
        delete_delegation_set("N1"), delete_query_logging("q1"), delete_key("Z1", "first"),
        delete_health_check("hc"), delete_cidr_collection("c1"), delete_traffic_policy("p1", 12),
        delete_instance("i1"), delete_zone("Z1")}) {
    ASSERT_TRUE(catalog.apply(gone)) << gone.key;
  }
  EXPECT_TRUE(catalog.zones.empty() && catalog.changes.empty() && catalog.tags.empty() &&
              catalog.keys.empty() && catalog.traffic_policies.empty());
}

TEST(Catalog, DamagedValuesNameTheirKey) {
  for (const char* value : {"", "[]", "{}", "{\"id\":5}"}) {
    Catalog catalog;
    const Status status = catalog.apply({"route53/zone/Z1", value});
    ASSERT_FALSE(status) << value;
    EXPECT_EQ(status.error().code, ErrorCode::kDataCorrupt);
    EXPECT_THAT(status.error().message, HasSubstr("route53/zone/Z1"));
  }
  Catalog catalog;
  EXPECT_FALSE(catalog.apply({"route53/ghost/x", "{}"}));
}

struct Rules : testing::Test {
  Rules() {
    zone.zone.id = "Z1";
    zone.zone.name = "z.test.";
    catalog.zones["Z1"] = zone;
    HealthCheckEntry check;
    check.id = "hc";
    catalog.health_checks["hc"] = check;
  }
  static ResourceRecordSet set(const std::string& type, std::vector<std::string> values) {
    ResourceRecordSet result;
    result.name = "a.z.test.";
    result.type = type;
    result.ttl_seconds = 60;
    result.values = std::move(values);
    return result;
  }
  std::vector<std::string> messages(const ResourceRecordSet& of) const {
    std::vector<std::string> found;
    check_record(catalog, zone, of, found);
    return found;
  }
  Catalog catalog;
  ZoneEntry zone;
};

TEST_F(Rules, ValuesOfEveryType) {
  const std::map<std::string, std::pair<std::string, std::string>> cases{
      {"A", {"192.0.2.1", "192.0.2"}},
      {"AAAA", {"2001:db8::1", "192.0.2.1"}},
      {"CNAME", {"b.test.", "a..b"}},
      {"MX", {"10 m.test.", "m.test."}},
      {"NS", {"ns.test.", ""}},
      {"PTR", {"p.test.", "a b"}},
      {"SRV", {"1 2 3 s.test.", "1 2 s.test."}},
      {"TXT", {"\"one\" \"two\\\"\"", "one"}},
      {"SPF", {"\"v=spf1 -all\"", "\"open"}},
      {"CAA", {"0 issue \"ca.test\"", "issue ca"}},
      {"NAPTR", {"1 2 \"u\" \"s\" \"!a!b!\" .", "1 2"}},
      {"DS", {"1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "1 13"}},
      {"TLSA", {"3 1 1 00112233", "3 1"}},
      {"SSHFP", {"4 2 00112233", "x"}},
      {"HTTPS", {"1 . alpn=h2", "h2"}},
      {"SVCB", {"1 s.test. port=8443", "s.test."}}};
  for (const auto& [type, values] : cases) {
    EXPECT_THAT(messages(set(type, {values.first})), IsEmpty()) << type;
    EXPECT_FALSE(messages(set(type, {values.second})).empty()) << type << " " << values.second;
  }
  EXPECT_FALSE(messages(set("HINFO", {"a b"})).empty());
  EXPECT_FALSE(messages(set("TXT", {"\"" + std::string(256, 'x') + "\""})).empty());
  EXPECT_THAT(messages(set("TXT", {"\"" + std::string(255, 'x') + "\" \"\\101\""})), IsEmpty());
}

TEST_F(Rules, PoliciesNeedTheirIdentifierAndHealthCheck) {
  ResourceRecordSet one = set("A", {"192.0.2.1"});
  one.failover = FailoverRole::kPrimary;
  EXPECT_EQ(messages(one).size(), 2U) << "no identifier, no health check";
  one.set_identifier = "p";
  one.health_check_id = "hc";
  EXPECT_THAT(messages(one), IsEmpty());
  one.weight = 1;
  EXPECT_THAT(messages(one), ElementsAre(HasSubstr("only one routing policy")));
  one = set("A", {"192.0.2.1"});
  one.set_identifier = "x";
  one.geo_location = GeoLocation{"EU", "FR", ""};
  EXPECT_FALSE(messages(one).empty());
  one.geo_location = GeoLocation{"", "US", "CA"};
  EXPECT_THAT(messages(one), IsEmpty());
  one.geo_location = std::nullopt;
  one.geo_proximity = GeoProximityLocation{"", "", Coordinates{"91", "0"}, {}};
  EXPECT_FALSE(messages(one).empty());
}

TEST_F(Rules, AnAliasHasNeitherTtlNorValues) {
  ResourceRecordSet one = set("A", {"192.0.2.1"});
  one.alias = AliasTarget{"Z1", "b.z.test.", true};
  EXPECT_THAT(messages(one), ElementsAre(HasSubstr("found more than one")));
  one.values.clear();
  one.ttl_seconds.reset();
  EXPECT_THAT(messages(one), IsEmpty());
  one.alias = std::nullopt;
  EXPECT_THAT(messages(one), ElementsAre(HasSubstr("Missing field 'TTL'")));
}

TEST(CheckTiming, TagsMakeHealthChecksFaster) {
  HealthCheckEntry entry;
  entry.id = "hc";
  entry.type = "HTTPS";
  entry.fqdn = "app.test";
  const auto plain = probe_of(entry, {});
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->timing.interval, std::chrono::seconds(30));
  EXPECT_EQ(plain->timing.timeout, std::chrono::seconds(4));
  EXPECT_EQ(plain->timing.confirm_spacing, plain->timing.interval) << "as Route 53 does";
  EXPECT_FALSE(plain->verify_certificate);
  EXPECT_EQ(plain->port, 443);
  const auto fast = probe_of(entry, {{"leeward:interval", "250ms"},
                                     {"leeward:timeout", "200ms"},
                                     {"leeward:confirm-probes", "5"},
                                     {"leeward:confirm-spacing", "20ms"}});
  EXPECT_EQ(fast->timing.interval, std::chrono::milliseconds(250));
  EXPECT_EQ(fast->timing.failure_threshold, 5);
  for (const auto& [name, value] : Tags{{"leeward:interval", "1ms"},
                                        {"leeward:timeout", "never"},
                                        {"leeward:confirm-probes", "0"},
                                        {"leeward:confirm-spacing", "1h"}}) {
    const auto timing = check_timing(entry, {{name, value}});
    ASSERT_FALSE(timing) << name;
    EXPECT_THAT(timing.error().message, HasSubstr(name));
  }
  entry.type = "CALCULATED";
  EXPECT_FALSE(probe_of(entry, {}));
}

TEST(TrafficDocument, SaysWhatIsWrong) {
  const auto wrong = [](const std::string& document) {
    const auto checked = check_document(document);
    return checked ? "good: " + *checked : checked.error();
  };
  const std::string head = R"({"AWSPolicyFormatVersion":"2015-10-01","RecordType":"A",)"
                           R"("Endpoints":{"a":{"Type":"value","Value":"192.0.2.1"}},)";
  EXPECT_EQ(wrong(head + R"("StartEndpoint":"a"})"), "good: A");
  EXPECT_THAT(wrong("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(wrong("{}"), HasSubstr("AWSPolicyFormatVersion"));
  EXPECT_THAT(wrong(head + R"("StartEndpoint":"b"})"), HasSubstr("names no endpoint"));
  EXPECT_THAT(wrong(head + R"("Rules":{"r":{"RuleType":"other"}},"StartRule":"r"})"),
              HasSubstr("RuleType"));
  EXPECT_THAT(
      wrong(
          head +
          R"("Rules":{"r":{"RuleType":"failover","Primary":{"RuleReference":"r"}}},"StartRule":"r"})"),
      HasSubstr("circle"));
  EXPECT_THAT(wrong(R"({"AWSPolicyFormatVersion":"2015-10-01","RecordType":"A","Endpoints":)"
                    R"({"a":{"Type":"elastic-load-balancer","Value":"x"}},"StartEndpoint":"a"})"),
              HasSubstr("must be value"));
}

TEST(Operations, AHealthCheckInUseStaysUnlessTheConfigSaysOtherwise) {
  TestApi api;
  ASSERT_TRUE(api.ask("POST", "/2013-04-01/healthcheck",
                      "<CreateHealthCheckRequest><CallerReference>1</CallerReference>"
                      "<HealthCheckConfig><IPAddress>192.0.2.1</IPAddress><Port>80</Port>"
                      "<Type>TCP</Type></HealthCheckConfig></CreateHealthCheckRequest>"));
  const std::string check = api.catalog.health_checks.begin()->first;
  ASSERT_TRUE(api.ask("POST", "/2013-04-01/hostedzone",
                      "<CreateHostedZoneRequest><Name>z.test</Name><CallerReference>1"
                      "</CallerReference></CreateHostedZoneRequest>"));
  const std::string records =
      "/2013-04-01/hostedzone/" + api.catalog.zones.begin()->first + "/rrset/";
  const auto batch = [&](const std::string& action) {
    return "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>" + action +
           "</Action><ResourceRecordSet><Name>w.z.test</Name><Type>A</Type><SetIdentifier>a"
           "</SetIdentifier><Weight>1</Weight><TTL>60</TTL><ResourceRecords><ResourceRecord>"
           "<Value>192.0.2.1</Value></ResourceRecord></ResourceRecords><HealthCheckId>" +
           check +
           "</HealthCheckId></ResourceRecordSet></Change></Changes></ChangeBatch>"
           "</ChangeResourceRecordSetsRequest>";
  };
  ASSERT_TRUE(api.ask("POST", records, batch("CREATE")));
  const auto refused = api.ask("DELETE", "/2013-04-01/healthcheck/" + check);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "HealthCheckInUse");
  EXPECT_EQ(api.catalog.health_checks.size(), 1U);
  api.delete_used_health_checks = true;
  ASSERT_TRUE(api.ask("DELETE", "/2013-04-01/healthcheck/" + check));
  EXPECT_TRUE(api.catalog.health_checks.empty());
  // What refers to nothing can still be deleted, and nothing new can refer to it.
  EXPECT_FALSE(api.ask("POST", records, batch("UPSERT")));
  EXPECT_TRUE(api.ask("POST", records, batch("DELETE")));
}

TEST(Operations, ABatchOfAThousandIsOneSetOfMutations) {
  TestApi api;
  ASSERT_TRUE(api.ask("POST", "/2013-04-01/hostedzone",
                      "<CreateHostedZoneRequest><Name>z.test</Name><CallerReference>1"
                      "</CallerReference></CreateHostedZoneRequest>"));
  const std::string zone = api.catalog.zones.begin()->first;
  std::string body = "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes>";
  for (int i = 0; i < 1000; ++i) {
    body += "<Change><Action>CREATE</Action><ResourceRecordSet><Name>n" + std::to_string(i) +
            ".z.test</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>"
            "192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>";
  }
  body += "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>";
  const auto result = api.ask("POST", "/2013-04-01/hostedzone/" + zone + "/rrset/", body);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->mutations.size(), 1001U);
  EXPECT_EQ(api.catalog.zone(zone)->zone.records.size(), 1002U);
  EXPECT_TRUE(api.last_status);
}

}  // namespace
}  // namespace leeward::route53
