// SPDX-License-Identifier: Apache-2.0
//
// Limits, and agreement with a slow twin; the behaviours themselves are the stories in
// tests/scenario/dns.
#include "dns/answer.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "dns/client_message.h"
#include "dns/compile.h"

namespace leeward::dns {
namespace {

Tables compile_zone(const std::string& text) {
  CompileInput input;
  input.zones.push_back({"t.zone", text});
  auto tables = compile(input);
  if (!tables) {
    ADD_FAILURE() << format_problem(tables.error().front()) << "\n" << text;
    return {};
  }
  return *std::move(tables);
}

constexpr const char* kHead = "$TTL 300\n@ SOA ns.x. h.x. 1 3600 600 604800 60\n@ NS ns.x.\n";

// A heap buffer of exactly the bytes, so that AddressSanitizer sees one byte too many.
std::vector<std::uint8_t> ask(const Tables& tables, const std::vector<std::uint8_t>& query,
                              Transport transport) {
  const HealthBoard board(0);
  const auto bytes = std::make_unique<std::uint8_t[]>(query.size());
  std::copy(query.begin(), query.end(), bytes.get());
  const std::size_t room = transport == Transport::kUdp ? kUdpBufferBytesMin : kTcpBufferBytesMin;
  const auto out = std::make_unique<std::uint8_t[]>(room);
  const std::size_t size =
      answer(tables, board, {{bytes.get(), query.size()}, transport, 1}, {out.get(), room});
  EXPECT_LE(size, room);
  return {out.get(), out.get() + size};
}

std::vector<std::uint8_t> ask(const Tables& tables, const std::string& name,
                              const std::string& type, const QueryOptions& options,
                              Transport transport = Transport::kUdp) {
  return ask(tables, *build_query(name, type, options), transport);
}

// A TXT set at x.t whose whole response has this size: header 12, question 5+4, record 12 + text.
std::string text_record_of(std::size_t response_bytes, std::size_t opt_bytes) {
  std::size_t rdata = response_bytes - opt_bytes - 12 - 9 - 12;
  std::string text = "x TXT";
  while (rdata > 0) {
    const std::size_t part = std::min<std::size_t>(256, rdata == 257 ? 200 : rdata);
    text += " \"" + std::string(part - 1, 'y') + "\"";
    rdata -= part;
  }
  return text + "\n";
}

TEST(AnswerLimits, PlainUdpIs512Bytes) {
  for (const std::size_t size : {511U, 512U, 513U}) {
    const Tables tables = compile_zone(kHead + text_record_of(size, 0));
    QueryOptions options;
    options.edns = false;
    const auto response = ask(tables, "x.t", "TXT", options);
    EXPECT_EQ(response.size(), size <= 512 ? size : 21U);
    EXPECT_EQ(parse_response(response)->truncated, size > 512);
    EXPECT_EQ(parse_response(response)->answers.size(), size <= 512 ? 1U : 0U);
    EXPECT_EQ(ask(tables, "x.t", "TXT", options, Transport::kTcp).size(), size);
  }
}

TEST(AnswerLimits, EdnsGoesUpToWhatTheClientSaysAndNeverAbove1232) {
  struct Case {
    std::uint16_t client;
    std::size_t limit;
  };
  for (const Case& limit : {Case{0, 512}, Case{511, 512}, Case{512, 512}, Case{600, 600},
                            Case{1232, 1232}, Case{1233, 1232}, Case{65'535, 1232}}) {
    for (const std::size_t size : {limit.limit - 1, limit.limit, limit.limit + 1}) {
      const Tables tables = compile_zone(kHead + text_record_of(size, 11));
      QueryOptions options;
      options.udp_size = limit.client;
      const auto response = ask(tables, "x.t", "TXT", options);
      EXPECT_EQ(response.size(), size <= limit.limit ? size : 32U) << limit.client;
      EXPECT_EQ(parse_response(response)->truncated, size > limit.limit);
      EXPECT_TRUE(parse_response(response)->edns.has_value());
    }
  }
}

TEST(AnswerLimits, TcpCarriesAlmost64Kilobytes) {
  const Tables tables = compile_zone(kHead + text_record_of(58'000, 0));
  const auto response = ask(tables, "x.t", "TXT", {}, Transport::kTcp);
  EXPECT_EQ(response.size(), 58'011U);
  EXPECT_FALSE(parse_response(response)->truncated);
}

// Compression pointers reach 16,383 bytes; names beyond are written in full.
TEST(AnswerLimits, NamesBeyondThePointersReachAreStillRight) {
  std::string text = kHead;
  for (int i = 0; i < 1300; ++i) {
    text += fmt::format("x MX {} mail-{}.some-longer-name\n", i, i);
  }
  const auto response = ask(compile_zone(text), "x.t", "MX", {}, Transport::kTcp);
  EXPECT_GT(response.size(), 0x4000U);
  const auto parsed = parse_response(response);
  ASSERT_TRUE(parsed.has_value());
  ASSERT_EQ(parsed->answers.size(), 1300U);
  for (std::size_t i = 0; i < 1300; ++i) {
    ASSERT_EQ(parsed->answers[i].data, fmt::format("{0} mail-{0}.some-longer-name.t.", i));
  }
}

TEST(ZoneLimits, OverlongRecordsAreRefusedWhereverTheyEnd) {
  for (const std::string end : {"", "\n", " ; comment\n", "\nns2 A 192.0.2.1\n"}) {
    CompileInput input;
    input.zones.push_back(
        {"t.zone", std::string(kHead) + "x TXT " + std::string(100'000, 'y') + end});
    const auto tables = compile(input);
    ASSERT_FALSE(tables.has_value());
    ASSERT_EQ(tables.error().size(), 1U);
    EXPECT_EQ(tables.error()[0].line, 4);
    EXPECT_NE(tables.error()[0].message.find("longer than 60000 bytes"), std::string::npos);
  }
}

TEST(ZoneLimits, CommentsMayBeAsLongAsTheyLike) {
  const std::string comment = " ; " + std::string(100'000, 'y');
  const Tables tables = compile_zone(std::string(kHead) + "x A" + " (" + comment + "\n192.0.2.1" +
                                     comment + "\n)" + comment);
  EXPECT_EQ(parse_response(ask(tables, "x.t", "A", {}))->answers.size(), 1U);
}

TEST(ZoneLimits, ProblemsAreBounded) {
  CompileInput input;
  std::string text;
  for (int i = 0; i < 10'000; ++i) {
    text += "a..b A\n";
  }
  input.zones.push_back({"t.zone", text});
  const auto tables = compile(input);
  ASSERT_FALSE(tables.has_value());
  EXPECT_EQ(tables.error().size(), kProblemsMax);
}

TEST(AnswerLimits, SetsThatNoMessageCanCarryDoNotCompile) {
  CompileInput input;
  std::string text = kHead;
  for (int i = 0; i < 300; ++i) {
    text += fmt::format("x TXT \"{}\"\n", std::string(200, 'y') + std::to_string(i));
  }
  input.zones.push_back({"t.zone", text});
  const auto tables = compile(input);
  ASSERT_FALSE(tables.has_value());
  EXPECT_EQ(tables.error().front().line, 4);
  EXPECT_NE(tables.error().front().message.find("no DNS message could carry"), std::string::npos);
}

// RFC 9471: a referral without the glue from below its own cut is truncated; other addresses may
// be left out.
TEST(AnswerLimits, MissingGlueTruncates) {
  std::string text = kHead;
  for (int i = 0; i < 12; ++i) {
    text +=
        fmt::format("sub NS ns{0}.sub\nns{0}.sub A 192.0.2.{0}\nns{0}.sub AAAA 2001:db8::{0}\n", i);
    text += fmt::format(
        "other NS ns{0}.elsewhere\nns{0}.elsewhere A 192.0.2.{0}\n"
        "ns{0}.elsewhere AAAA 2001:db8::{0}\n",
        i);
  }
  const Tables tables = compile_zone(text);
  QueryOptions options;
  options.edns = false;
  EXPECT_TRUE(parse_response(ask(tables, "www.sub.t", "A", options))->truncated);
  const auto other = parse_response(ask(tables, "www.other.t", "A", options));
  EXPECT_FALSE(other->truncated);
  EXPECT_EQ(other->authority.size(), 12U);
  EXPECT_FALSE(other->additional.empty());
  options.edns = true;
  EXPECT_EQ(parse_response(ask(tables, "www.sub.t", "A", options))->additional.size(), 24U);
}

TEST(AnswerLimits, LabelsOf63AndNamesOf255Bytes) {
  const std::string label(63, 'a');
  const std::string longest = fmt::format("{0}.{0}.{0}.{1}.t", label, std::string(59, 'b'));
  const Tables tables = compile_zone(fmt::format("{}{} A 192.0.2.1\n", kHead, longest + "."));
  const auto response = ask(tables, longest, "A", {});
  EXPECT_EQ(parse_response(response)->answers.size(), 1U);
  EXPECT_FALSE(build_query(longest + "t", "A", {}).has_value());
  EXPECT_FALSE(build_query(label + "a.t", "A", {}).has_value());
  // The most labels that a name can have.
  std::string deep;
  for (int i = 0; i < 126; ++i) {
    deep += "a.";
  }
  EXPECT_EQ(parse_response(ask(tables, deep + "t", "A", {}))->rcode_text, "NXDOMAIN");
}

// Found by fuzzing: the name's own labels, not yet ended, were taken for a name to point at, and
// with an old zero behind them the pointer pointed at itself.
TEST(Answer, ANameThatRepeatsALabelIsNotCompressedIntoItself) {
  const Tables tables = compile_zone(std::string(kHead) + "a NS ns.com.com.\nb NS x.b.b.b.\n");
  for (const char* name : {"a.t", "b.t"}) {
    const auto response = parse_response(ask(tables, name, "NS", {}));
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->authority.at(0).data, name[0] == 'a' ? "ns.com.com." : "x.b.b.b.");
  }
}

// Whatever arrives: no crash (under sanitizers: no stray byte), no response to a response, nothing
// above the limits.
TEST(AnswerHostile, MutatedQueriesNeverCrashNorAmplify) {
  const Tables tables = compile_zone(std::string(kHead) +
                                     "a A 192.0.2.1\nb CNAME a\n*.w MX 10 a\ns NS n.s\n"
                                     "n.s A 192.0.2.2\nd DNAME w\nbig TXT " +
                                     std::string(200, 'x') + "\n");
  const char* const names[] = {"a.t", "b.t", "x.w.t", "q.s.t", "x.d.t", "big.t", "none.t", "."};
  const char* const types[] = {"A", "MX", "ANY", "DS", "TXT", "SOA"};
  Rng rng(4711);
  for (int round = 0; round < 60'000; ++round) {
    QueryOptions options;
    options.edns = rng.below(2) == 0;
    options.client_address = options.edns && rng.below(2) == 0 ? "192.0.2.7" : "";
    std::vector<std::uint8_t> query =
        *build_query(names[rng.below(8)], types[rng.below(6)], options);
    for (std::uint64_t i = rng.below(5); i > 0; --i) {
      query[rng.below(query.size())] = static_cast<std::uint8_t>(rng.next());
    }
    if (rng.below(4) == 0) {
      query.resize(rng.below(query.size() + 1));
    }
    const bool udp = rng.below(4) != 0;
    const auto response = ask(tables, query, udp ? Transport::kUdp : Transport::kTcp);
    if (query.size() < 12 || (query[2] & 0x80) != 0) {
      ASSERT_TRUE(response.empty());
      continue;
    }
    ASSERT_GE(response.size(), 12U);
    ASSERT_LE(response.size(), udp ? kUdpResponseBytesMax : kTcpBufferBytesMin);
    const auto parsed = parse_response(response);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
    ASSERT_TRUE(parsed->is_response);
    ASSERT_EQ(parsed->id, (query[0] << 8) | query[1]);
    ASSERT_TRUE(parsed->edns || response.size() <= 512 || !udp);
  }
}

// --- The twin: RFC 1034 section 4.3.2 and RFC 4592, over a plain map, as slowly as it reads. ---

using Labels = std::vector<std::string>;  // from the root: {"t", "b", "a"} is a.b.t
using Records = std::map<Labels, std::map<std::string, std::string>>;

struct Says {
  std::string rcode;
  bool authoritative = true;
  std::vector<std::string> answer;  // "type data"

  bool operator==(const Says&) const = default;
};

bool exists(const Records& records, const Labels& name) {
  for (const auto& [owner, sets] : records) {
    if (owner.size() >= name.size() && std::equal(name.begin(), name.end(), owner.begin())) {
      return true;
    }
  }
  return false;
}

Labels to_labels(const std::string& text) {
  Labels labels;
  std::string label;
  for (const char c : text + ".") {
    if (c == '.') {
      labels.insert(labels.begin(), label);
      label.clear();
    } else {
      label += c;
    }
  }
  return labels;
}

Says slow_answer(const Records& records, Labels name, const std::string& type) {
  Says says{"NOERROR", true, {}};
  std::set<Labels> seen;
  while (seen.insert(name).second) {
    for (std::size_t depth = 2; depth <= name.size(); ++depth) {
      const auto at = records.find(Labels(name.begin(), name.begin() + static_cast<long>(depth)));
      if (at != records.end() && at->second.contains("NS") &&
          !(depth == name.size() && type == "DS")) {
        says.authoritative = !says.answer.empty();
        return says;
      }
    }
    Labels source = name;
    if (!exists(records, name)) {
      while (!exists(records, source)) {
        source.pop_back();
      }
      source.emplace_back("*");
      if (!exists(records, source)) {
        says.rcode = "NXDOMAIN";
        return says;
      }
    }
    const auto node = records.find(source);
    if (node == records.end()) {
      return says;
    }
    if (const auto set = node->second.find(type); set != node->second.end()) {
      says.answer.push_back(type + " " + set->second);
      return says;
    }
    const auto alias = node->second.find("CNAME");
    if (alias == node->second.end()) {
      return says;
    }
    says.answer.push_back("CNAME " + alias->second);
    name = to_labels(alias->second.substr(0, alias->second.size() - 1));
  }
  return says;
}

std::string random_name(Rng& rng, bool allow_star) {
  const char* const labels[] = {"a", "b", "c", "*"};
  std::string name;
  for (std::uint64_t depth = 1 + rng.below(4); depth > 0; --depth) {
    name += std::string(labels[rng.below(allow_star ? 4 : 3)]) + ".";
  }
  return name + "t";
}

struct RandomZone {
  std::string text = kHead;
  Records records;
};

RandomZone random_zone(Rng& rng) {
  RandomZone zone;
  zone.records[{"t"}] = {};
  for (std::uint64_t i = 1 + rng.below(7); i > 0; --i) {
    const std::string name = random_name(rng, true);
    auto& sets = zone.records[to_labels(name)];
    if (!sets.empty()) {
      continue;
    }
    const std::uint64_t kind = rng.below(10);
    if (kind == 0 && !name.starts_with("*.")) {
      sets["NS"] = "ns.x.";
    } else if (kind <= 3) {
      sets["CNAME"] = random_name(rng, false) + ".";
    } else {
      sets["A"] = fmt::format("192.0.2.{}", i);
    }
    zone.text += fmt::format("{}. {} {}\n", name, sets.begin()->first, sets.begin()->second);
  }
  return zone;
}

// The resolver does not follow an alias twice; its twin stops before asking again. Chains longer
// than the limit do not occur: a zone has at most seven records.
TEST(AnswerTwin, RandomZonesAnswerAsTheRfcReads) {
  Rng rng(1034);
  for (int round = 0; round < 4000; ++round) {
    const RandomZone zone = random_zone(rng);
    const Tables tables = compile_zone(zone.text);
    for (int question = 0; question < 12; ++question) {
      const std::string name = random_name(rng, rng.below(4) == 0);
      const std::string type = std::vector<std::string>{"A", "CNAME", "TXT", "DS"}[rng.below(4)];
      const auto response = parse_response(ask(tables, name, type, {}));
      Says actual{response->rcode_text, response->authoritative, {}};
      for (const ResponseRecord& record : response->answers) {
        actual.answer.push_back(record.type + " " + record.data);
      }
      const Says expected = slow_answer(zone.records, to_labels(name), type);
      ASSERT_EQ(actual, expected) << name << " " << type << "\n"
                                  << zone.text << "expected " << expected.rcode << " "
                                  << expected.answer.size() << " actual " << actual.rcode << " "
                                  << actual.answer.size();
    }
  }
}

// --- A million hostnames are cheap, and fail over together. ---

TEST(AnswerScale, HostnamesOfOneApplicationShareTheirRecords) {
  CompileInput input;
  Application application;
  application.id = ApplicationId("shop");
  application.regions.resize(2);
  application.regions[0].addresses = {"198.51.100.10", "2001:db8::10"};
  application.regions[1].addresses = {"198.51.100.20", "2001:db8::20"};
  input.zones.push_back({"t.zone", kHead});
  constexpr std::size_t kHostnames = 20'000;
  for (std::size_t i = 0; i < kHostnames; ++i) {
    application.hostnames.push_back(fmt::format("customer-{}.shop.t", i));
  }
  input.applications.push_back(application);
  input.layout = routing::BoardLayout(input.applications);
  const auto tables = compile(input);
  ASSERT_TRUE(tables.has_value());
  const MemoryReport memory = tables->memory();
  EXPECT_GE(memory.record_sets, 2 * kHostnames);
  EXPECT_LE(memory.bytes / memory.record_sets, 300U);
  HealthBoard board(input.layout.size());
  board.store(*input.layout.application(application.id), BoardWord::of_region_index(1));
  for (const std::size_t i : {std::size_t{0}, kHostnames / 2, kHostnames - 1}) {
    const auto views = tables->lookup(fmt::format("customer-{}.shop.t", i), board);
    ASSERT_EQ(views.size(), 2U);
    EXPECT_EQ(views[0].answers, std::vector<std::string>{"198.51.100.20"});
  }
}

}  // namespace
}  // namespace leeward::dns
