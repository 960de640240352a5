// SPDX-License-Identifier: Apache-2.0
#include "dns/client_message.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "dns/name.h"
#include "dns/rdata.h"

namespace leeward::dns {
namespace {

std::vector<std::uint8_t> bytes_of(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  std::string digits;
  for (const char c : hex) {
    if (c != ' ') {
      digits += c;
    }
  }
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

TEST(ClientMessage, AQueryReadsBackAsItWasAsked) {
  QueryOptions options;
  options.id = 0x1234;
  options.recursion_desired = true;
  options.dnssec_ok = true;
  options.udp_size = 4096;
  const auto query = build_query("wWw.example.test.", "aaaa", options);
  ASSERT_TRUE(query.has_value());
  const auto parsed = parse_response(*query);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->id, 0x1234);
  EXPECT_FALSE(parsed->is_response);
  EXPECT_TRUE(parsed->recursion_desired);
  EXPECT_EQ(parsed->question_name, "wWw.example.test");
  EXPECT_EQ(parsed->question_type, "AAAA");
  ASSERT_TRUE(parsed->edns.has_value());
  EXPECT_EQ(parsed->edns->udp_size, 4096);
  EXPECT_TRUE(parsed->edns->dnssec_ok);
}

TEST(ClientMessage, ClientSubnetIsRfc7871) {
  QueryOptions options;
  options.client_address = "198.51.100.7";
  const auto query = build_query(".", "A", options);
  ASSERT_TRUE(query.has_value());
  EXPECT_EQ(*query, bytes_of("0000 0000 0001 0000 0000 0001 00 0001 0001"
                             "00 0029 04d0 00000000 000c 0008 0008 0001 20 00 c6336407"));
  options.client_address = "2001:db8::1";
  EXPECT_EQ(build_query(".", "A", options)->size(), query->size() + 12);
  options.client_address = "nonsense";
  EXPECT_FALSE(build_query(".", "A", options).has_value());
  options.client_address = "198.51.100.7";
  options.edns = false;
  EXPECT_FALSE(build_query(".", "A", options).has_value());
}

TEST(ClientMessage, RefusesWhatCannotBeAsked) {
  EXPECT_FALSE(build_query("a..b", "A", {}).has_value());
  EXPECT_FALSE(build_query("", "A", {}).has_value());
  EXPECT_FALSE(build_query("a", "NONSENSE", {}).has_value());
  EXPECT_FALSE(build_query("a", "TYPE65536", {}).has_value());
  EXPECT_TRUE(build_query("a", "TYPE65535", {}).has_value());
}

TEST(ClientMessage, ReadsCompressedNamesAndExtendedCodes) {
  const auto parsed = parse_response(
      bytes_of("0001 8403 0001 0001 0001 0001 01 61 01 74 00 000f 0001"  // a.t MX
               "c00c 000f 0001 0000003c 0007 000a 02 6d78 c00e"          // MX 10 mx.t
               "c00e 0006 0001 0000003c 001a c00c 016d c00e 00000001 00000002 00000003 00000004"
               "00000005"
               "00 0029 04d0 01 00 8000 0008 0008 0004 0001 20 18"));
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->rcode, 19);
  EXPECT_EQ(parsed->rcode_text, "RCODE19");
  ASSERT_EQ(parsed->answers.size(), 1U);
  EXPECT_EQ(parsed->answers[0], (ResponseRecord{"a.t", 60, "IN", "MX", "10 mx.t."}));
  EXPECT_EQ(parsed->authority[0].data, "a.t. m.t. 1 2 3 4 5");
  EXPECT_EQ(parsed->edns->client_subnet_scope, 0x18);
}

TEST(ClientMessage, HostileMessagesAreErrors) {
  const char* const hostile[] = {
      "",
      "0001 8400 0001",
      "0001 8400 0002 0000 0000 0000",                                  // two questions
      "0001 8400 0001 0000 0000 0000 c00c 0001 0001",                   // points at itself
      "0001 8400 0001 0000 0000 0000 c00e c00c 0001 0001",              // forwards
      "0001 8400 0001 0000 0000 0000 01 61 c00c 0001 0001",             // into itself
      "0001 8400 0001 0000 0000 0000 41 00 0001 0001",                  // label type
      "0001 8400 0001 0000 0000 0000 00 0001 0001 00",                  // stray byte
      "0001 8400 0000 0001 0000 0000 00 0001 0001 00000000 0004 0102",  // cut off
      "0001 8400 0000 0001 0000 0000 00 0002 0001 00000000 0003 016100 00",
      "0001 8400 0000 0001 0000 0000 00 000f 0001 00000000 0001 00",  // MX of one byte
      "0001 8400 0000 0000 0000 0002 00 0029 0200 00000000 0000 00 0029 0200 00000000 0000",
  };
  for (const char* const message : hostile) {
    EXPECT_FALSE(parse_response(bytes_of(message)).has_value()) << message;
  }
}

TEST(ClientMessage, RandomBytesNeverCrash) {
  Rng rng(77);
  for (int round = 0; round < 30'000; ++round) {
    std::vector<std::uint8_t> message(12 + rng.below(120));
    for (std::uint8_t& byte : message) {
      byte = static_cast<std::uint8_t>(rng.below(4) == 0 ? rng.next() : rng.below(3));
    }
    message[4] = message[6] = message[8] = message[10] = 0;
    (void)parse_response(message);
  }
}

TEST(Name, TextAndWire) {
  EXPECT_EQ(Name::parse("WWW.Example.test.")->lowered().text(), "www.example.test");
  EXPECT_EQ(Name::parse(".")->text(), ".");
  EXPECT_EQ(Name::parse("a", *Name::parse("b.c"))->text(), "a.b.c");
  EXPECT_EQ(Name::parse("a.", *Name::parse("b.c"))->text(), "a");
  EXPECT_EQ(Name::parse(R"(a\.b.c\032d)")->text(), R"(a\.b.c\032d)");
  EXPECT_EQ(Name::parse(R"(a\.b.c\032d)")->label_count(), 2U);
  for (const char* const bad : {"", "..", ".a", "a..b", "\\", "a\\", "\\256", "\\12", "\\1a2"}) {
    EXPECT_FALSE(Name::parse(bad).has_value()) << bad;
  }
  EXPECT_TRUE(Name::parse("*.a")->is_wildcard());
  EXPECT_FALSE(Name::parse("*a.a")->is_wildcard());
  EXPECT_TRUE(Name::parse("a.b.c")->is_within(*Name::parse("b.c")));
  EXPECT_TRUE(Name::parse("b.c")->is_within(Name()));
  EXPECT_FALSE(Name::parse("ab.c")->is_within(*Name::parse("b.c")));
  EXPECT_EQ(Name().parent(), Name());
}

TEST(Rdata, WhatLdnsCannotPrintIsStillPrinted) {
  const std::vector<std::uint8_t> odd{1, 2, 3};
  EXPECT_EQ(rdata_to_text(1, odd), "\\# 3 010203");
  EXPECT_EQ(rdata_to_text(65'280, {}), "\\# 0");
}

}  // namespace
}  // namespace leeward::dns
