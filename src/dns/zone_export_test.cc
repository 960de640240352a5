// SPDX-License-Identifier: Apache-2.0
#include "dns/zone_export.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"

namespace leeward::dns {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

ResourceRecordSet record(std::string name, std::string type, std::vector<std::string> values,
                         std::uint32_t ttl = 60) {
  ResourceRecordSet set;
  set.name = std::move(name);
  set.type = std::move(type);
  set.ttl_seconds = ttl;
  set.values = std::move(values);
  return set;
}

ResourceRecordSet member(const std::string& identifier, const std::string& name = "p.z.test.") {
  ResourceRecordSet set = record(name, "A", {"192.0.2.1"});
  set.set_identifier = identifier;
  return set;
}

HostedZone zone_of(const std::vector<ResourceRecordSet>& sets) {
  HostedZone zone{"Z1", "z.test.", {}};
  zone.records.insert_or_assign(
      record("z.test.", "SOA", {"ns1.z.test. h.z.test. 1 7200 900 1209600 300"}, 900));
  for (const ResourceRecordSet& set : sets) {
    zone.records.insert_or_assign(set);
  }
  return zone;
}

std::vector<ResourceRecordSet> sets_of(const HostedZone& zone) {
  std::vector<ResourceRecordSet> sets;
  zone.records.visit_all([&](const ResourceRecordSet& set) {
    sets.push_back(set);
    return true;
  });
  return sets;
}

// Export, import, compare.
void expect_lossless(const HostedZone& zone) {
  const std::string text = zone_export(zone);
  const auto imported = zone_import({"z.zone", text});
  ASSERT_TRUE(imported) << format_problem(imported.error().front()) << "\n" << text;
  EXPECT_THAT(imported->notes, IsEmpty());
  EXPECT_EQ(imported->zone.id, zone.id);
  EXPECT_EQ(imported->zone.name, zone.name);
  EXPECT_EQ(sets_of(imported->zone), sets_of(zone)) << text;
}

std::vector<std::string> problems_of(const std::string& text) {
  const auto imported = zone_import({"z.zone", text});
  std::vector<std::string> problems;
  if (!imported) {
    for (const Problem& problem : imported.error()) {
      problems.push_back(format_problem(problem));
    }
  }
  return problems;
}

TEST(ZoneExport, SimpleRecordSetsAreOrdinaryLines) {
  const HostedZone zone = zone_of({
      record("z.test.", "NS", {"ns1.z.test.", "ns2.elsewhere."}, 172'800),
      record("\\052.w.z.test.", "A", {"192.0.2.1", "192.0.2.2"}),
      record("t.z.test.", "TXT", {"\"one\" \"two\""}),
  });
  EXPECT_EQ(zone_export(zone),
            ";@leeward zone {\"Id\":\"Z1\",\"Name\":\"z.test.\"}\n"
            "z.test. 900 IN SOA ns1.z.test. h.z.test. 1 7200 900 1209600 300\n"
            "z.test. 172800 IN NS ns1.z.test.\n"
            "z.test. 172800 IN NS ns2.elsewhere.\n"
            "t.z.test. 60 IN TXT \"one\" \"two\"\n"
            "*.w.z.test. 60 IN A 192.0.2.1\n"
            "*.w.z.test. 60 IN A 192.0.2.2\n");
  expect_lossless(zone);
}

TEST(ZoneExport, WhatAMasterFileHasNoWordsForIsAComment) {
  ResourceRecordSet weighted = member("eu");
  weighted.weight = 10;
  weighted.health_check_id = "11111111-2222-3333-4444-555555555555";
  ResourceRecordSet alias;
  alias.name = "z.test.";
  alias.type = "A";
  alias.alias = AliasTarget{"Z1", "p.z.test.", true};
  const HostedZone zone = zone_of({weighted, alias});
  const std::string text = zone_export(zone);
  EXPECT_THAT(text, HasSubstr(R"(;@leeward record {"Name":"p.z.test.","Type":"A",)"
                              R"("SetIdentifier":"eu","Weight":10,"TTL":60,)"
                              R"("ResourceRecords":[{"Value":"192.0.2.1"}],)"
                              R"("HealthCheckId":"11111111-2222-3333-4444-555555555555"})"));
  EXPECT_THAT(text, Not(HasSubstr("\np.z.test. 60")));
  expect_lossless(zone);
}

TEST(ZoneExport, ValuesKeepTheWayTheyWereWritten) {
  const HostedZone zone = zone_of({
      record("a.z.test.", "CNAME", {"WWW.Example.COM"}),
      record("b.z.test.", "AAAA", {"2001:DB8:0:0::1"}),
      record("c.z.test.", "TXT", {R"("caf\303\251 \"quoted\" ; ( @")", "\"\""}),
      record("d.z.test.", "MX", {"10   mail.z.test."}),
      record("e.z.test.", "A", {"not an address"}),
  });
  const std::string text = zone_export(zone);
  EXPECT_THAT(text, HasSubstr("a.z.test. 60 IN CNAME ")) << "for other programs";
  EXPECT_THAT(text, HasSubstr("b.z.test. 60 IN AAAA 2001:db8::1\n"));
  EXPECT_THAT(text, Not(HasSubstr("e.z.test. 60 IN A")));
  expect_lossless(zone);
}

TEST(ZoneExport, EveryPolicyAndMemberGoesThere) {
  std::vector<ResourceRecordSet> sets;
  const auto add = [&](const std::string& name) -> ResourceRecordSet& {
    sets.push_back(member("id of " + name, name + ".z.test."));
    return sets.back();
  };
  add("weighted").weight = 0;
  add("latency").region = "eu-west-3";
  add("geo").geo_location = GeoLocation{"", "US", "CA"};
  add("continent").geo_location = GeoLocation{"EU", "", ""};
  add("everywhere").geo_location = GeoLocation{"", "*", ""};
  add("primary").failover = FailoverRole::kPrimary;
  add("secondary").failover = FailoverRole::kSecondary;
  add("multivalue").multivalue_answer = true;
  add("cidr").cidr = CidrRouting{"c-1", "*"};
  add("near").geo_proximity = GeoProximityLocation{"us-east-1", "", std::nullopt, -30};
  add("zone").geo_proximity = GeoProximityLocation{"", "us-east-1-bos-1", std::nullopt, {}};
  add("here").geo_proximity = GeoProximityLocation{"", "", Coordinates{"48.86", "2.35"}, 0};
  add("made").traffic_policy_instance_id = "t-1";
  add("quote\\042d").set_identifier = "a \"name\"\n\x01 \xC3\xA9 \xFF";
  expect_lossless(zone_of(sets));
}

// Random zones of anything that a hosted zone can hold.
TEST(ZoneExport, IsLossless) {
  Rng rng(20'261'123);
  const auto text = [&](std::size_t size_max) {
    std::string bytes;
    for (std::size_t size = rng.below(size_max); size > 0; --size) {
      bytes.push_back(static_cast<char>(rng.below(4) == 0 ? rng.below(256) : 'a' + rng.below(26)));
    }
    return bytes;
  };
  const std::vector<std::string> names{"z.test.",
                                       "a.z.test.",
                                       "\\052.a.z.test.",
                                       "_x._y.z.test.",
                                       "\\000\\377\\056.z.test.",
                                       "\\100.z.test.",
                                       "\\044ttl.z.test."};
  const std::vector<std::string> types{"A",     "AAAA", "CAA", "CNAME", "DS",  "HTTPS",
                                       "MX",    "NS",   "PTR", "NAPTR", "SPF", "SRV",
                                       "SSHFP", "SVCB", "TXT", "TLSA"};
  const std::vector<std::string> values{"192.0.2.1",     "::1",         "0 issue \"ca.test\"",
                                        "h.test.",       "10 m.test.",  "\"t\\\"\\134;\\101\"",
                                        "1 2 3 h.test.", "1 . alpn=h2", "12345 13 2 aabb",
                                        "3 1 1 aabb",    "4 2 aabb",    "@",
                                        "\\# 1 00",      "( ;"};
  const auto pick = [&](const std::vector<std::string>& from) {
    return from[rng.below(from.size())];
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<ResourceRecordSet> sets;
    for (std::size_t count = rng.below(12); count > 0; --count) {
      ResourceRecordSet set = record(pick(names), pick(types), {},
                                     static_cast<std::uint32_t>(rng.next() >> rng.below(64)));
      for (std::size_t n = rng.below(4); n > 0; --n) {
        set.values.push_back(rng.below(4) == 0 ? text(20) : pick(values));
      }
      if (rng.below(2) == 0) {
        set.set_identifier = "x" + text(20);
        set.weight = static_cast<std::uint32_t>(rng.below(256));
      }
      if (rng.below(4) == 0) {
        set.health_check_id = text(40);
      }
      if (rng.below(4) == 0) {
        set.alias = AliasTarget{text(20), text(20), rng.below(2) == 0};
        set.ttl_seconds.reset();
      }
      sets.push_back(set);
    }
    expect_lossless(zone_of(sets));
    if (testing::Test::HasFailure()) {
      return;
    }
  }
}

TEST(ZoneImport, ReadsAZoneFileOfOtherPrograms) {
  const auto imported = zone_import({"db.z.test",
                                     "$TTL 1h\n"
                                     "@ IN SOA ns1 hostmaster (\n"
                                     "    2026112301 ; serial\n"
                                     "    2h 15m 2w 5m )\n"
                                     "  NS ns1\n"
                                     "ns1 300 A 192.0.2.53\n"
                                     "www A 192.0.2.1\n"
                                     "    A 192.0.2.2\n"
                                     "*.w 5 TXT \"a;b\" c\n"
                                     "@ DNSKEY 257 3 13 AAAA\n"
                                     "old DNAME new\n"});
  ASSERT_TRUE(imported) << format_problem(imported.error().front());
  EXPECT_EQ(imported->zone.name, "z.test.");
  EXPECT_EQ(imported->zone.id, "");
  const RecordTable& records = imported->zone.records;
  EXPECT_EQ(records.size(), 5U);
  const ResourceRecordSet* www = records.find(RecordKey::of("www.z.test.", "A"));
  ASSERT_NE(www, nullptr);
  EXPECT_EQ(*www, record("www.z.test.", "A", {"192.0.2.1", "192.0.2.2"}, 3600));
  ASSERT_NE(records.find(RecordKey::of("\\052.w.z.test.", "TXT")), nullptr);
  EXPECT_THAT(imported->notes, ElementsAre(HasSubstr("old.z.test DNAME is left out"),
                                           HasSubstr("1 DNSSEC records are left out")));
}

TEST(ZoneImport, DifferentTtlsBecomeTheLeast) {
  const auto imported = zone_import({"z.test.zone",
                                     "@ 60 SOA a b 1 2 3 4 5\n"
                                     "w 60 A 192.0.2.1\n"
                                     "w 30 A 192.0.2.2\n"});
  ASSERT_TRUE(imported);
  EXPECT_EQ(imported->zone.records.find(RecordKey::of("w.z.test.", "A"))->ttl_seconds, 30U);
  EXPECT_THAT(imported->notes, ElementsAre(HasSubstr("z.test.zone:3: w.z.test A has different")));
}

// Fuzzing starts from these: a seed that is refused teaches it nothing.
TEST(ZoneImport, ReadsTheFuzzTargetsSeeds) {
  int seeds = 0;
  for (const char* target : {"hosted_zone", "zone_import"}) {
    const std::string directory = std::string(LEEWARD_SOURCE_DIR) + "/tests/fuzz/corpus/" + target;
    for (const auto& seed : std::filesystem::directory_iterator(directory)) {
      std::stringstream text;
      text << std::ifstream(seed.path()).rdbuf();
      EXPECT_THAT(problems_of(text.str()), IsEmpty()) << seed.path();
      ++seeds;
    }
  }
  EXPECT_GE(seeds, 10);
}

TEST(ZoneImport, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(problems_of("w.z.test. 60 A 192.0.2.1\n"),
              ElementsAre("z.zone: no SOA record: not a zone file"));
  EXPECT_THAT(
      problems_of("; a comment\n"
                  ";@leeward zone {\"Id\":\"Z1\",\"Name\":\"z.test.\"}\n"
                  ";@leeward zone {\"Id\":\"Z1\",\"Name\":\"z.test.\"}\n"
                  ";@leeward zone []\n"
                  ";@leeward record {\"Name\":\"a.z.test.\",\"Type\":\"A\",\"Wieght\":1}\n"
                  ";@leeward record {\"Name\":\"a.z.test.\",\"Type\":\"A\",\"TTL\":-1}\n"
                  ";@leeward record {\"Name\":\"a.z.test.\",\"Type\":\"A\",\"TTL\":1\n"
                  ";@leeward record {\"Name\":\"a.test.\",\"Type\":\"A\"}\n"
                  ";@leeward record {\"Name\":\"b.z.test.\",\"Type\":\"A\"}\n"
                  ";@leeward record {\"Name\":\"b.z.test.\",\"Type\":\"A\"}\n"
                  ";@leeward hosted\n"
                  "a.test. 60 A 192.0.2.1\n"),
      ElementsAre(HasSubstr("z.zone:3: there is a second zone"),
                  HasSubstr("z.zone:4: expected a JSON object"),
                  HasSubstr("z.zone:5: unknown member in the record set"),
                  HasSubstr("z.zone:6: TTL must be"), HasSubstr("z.zone:7: expected a JSON object"),
                  HasSubstr("z.zone:11: a ;@leeward comment is"),
                  HasSubstr("z.zone:12: a.test is outside the zone z.test"),
                  HasSubstr("z.zone:8: a.test. A is no record set of the zone"),
                  HasSubstr("z.zone:10: b.z.test. A  is there twice")));
}

}  // namespace
}  // namespace leeward::dns
