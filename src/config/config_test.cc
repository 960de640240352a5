// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "config/document.h"
#include "config/parse.h"
#include "config/quote.h"
#include "config/syntax.h"
#include "config/test_sources.h"
#include "config/warnings.h"

namespace leeward::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

std::string problems_of(const std::string& text, const Sources& sources = test_sources()) {
  const auto parsed = parse_config(text, "leeward.yaml", sources);
  std::string lines;
  if (!parsed) {
    for (const Problem& problem : parsed.error()) {
      lines += format_problem(problem) + "\n";
    }
  }
  return lines;
}

// ------------------------------------------------------------------ hostile documents

TEST(Document, RefusesTooLargeText) {
  const std::string text = "log: { level: info } #" + std::string(Limits::kTextBytesMax, 'x');
  EXPECT_THAT(problems_of(text), HasSubstr("more than the 4 MiB"));
}

TEST(Document, RefusesDeepNesting) {
  for (const int depth : {33, 400, 100'000}) {
    const std::string lists = std::string(static_cast<std::size_t>(depth), '[');
    EXPECT_NE(problems_of("dns: " + lists), "") << depth;
  }
  EXPECT_THAT(problems_of("a: " + std::string(33, '[') + std::string(33, ']')),
              HasSubstr("nested more than 32 levels deep"));
}

TEST(Document, RefusesDepthMadeByAliases) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 40; ++i) {
    text += fmt::format("a{}: &a{} [*a{}]\n", i, i, i - 1);
  }
  EXPECT_THAT(problems_of(text), HasSubstr("nested more than 32 levels deep"));
}

TEST(Document, RefusesABillionLaughs) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    std::string uses;
    for (int use = 0; use < 10; ++use) {
      uses += fmt::format("{}*a{}", use == 0 ? "" : ", ", i - 1);
    }
    text += fmt::format("a{}: &a{} [{}]\n", i, i, uses);
  }
  EXPECT_THAT(problems_of(text), HasSubstr("more than 1000000 values, aliases expanded"));
}

TEST(Document, SaysWhereBrokenYamlIsBroken) {
  const Document document = parse_document("dns:\n  listen: [a, b\nlog: {}\n");
  ASSERT_EQ(document.problems.size(), 1U);
  EXPECT_EQ(document.root, nullptr);
  EXPECT_GE(document.problems[0].position.line, 2);
  EXPECT_THAT(document.problems[0].message, HasSubstr("not valid YAML"));
}

TEST(Document, KeepsPositionsOfKeysAndValues) {
  const Document document = parse_document("log:\n  level:   info\n");
  ASSERT_NE(document.root, nullptr);
  const Node* log = document.root->find("log");
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(log->entries.at(0).key_position, (Position{2, 3}));
  EXPECT_EQ(log->entries.at(0).value->position, (Position{2, 12}));
}

TEST(Document, BinaryRubbishIsAProblemAndNothingWorse) {
  Rng rng(7);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (std::uint64_t i = rng.below(200); i > 0; --i) {
      text += static_cast<char>(rng.below(256));
    }
    EXPECT_NE(problems_of(text), "") << "round " << round;
  }
}

TEST(Document, AFloodOfProblemsIsBounded) {
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    text += fmt::format("key{}: 1\n", i);
  }
  const auto parsed = parse_config(text, "leeward.yaml", test_sources());
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().size(), 1001U);
  EXPECT_THAT(parsed.error().back().message, HasSubstr("and 2000 more problems"));
}

TEST(Problems, StandInFileOrderWhateverTheSchemasOrder) {
  const auto parsed = parse_config(
      "applications: {}\nlog: {level: x}\nregions: 3\nnode: {id: ' '}\nzzz: 1\n", "l.yaml", {});
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().size(), 4U);
  EXPECT_TRUE(std::is_sorted(parsed.error().begin(), parsed.error().end(),
                             [](const Problem& a, const Problem& b) { return a.line < b.line; }));
}

TEST(Problems, FormatIsFileLineColumnPathMessage) {
  EXPECT_EQ(format_problem({"leeward.yaml", 12, 15, "log.level", "bad"}),
            "leeward.yaml:12:15: log.level: bad");
  EXPECT_EQ(format_problem({"leeward.yaml", 0, 0, "", "bad"}), "leeward.yaml: bad");
}

TEST(Problems, SecretsAreNeverInThem) {
  const std::string lines = problems_of(
      "api: { tokens: { a: { role: admin, token: { env: GOOD_TOKEN } },\n"
      "                 b: { role: admin, token: { file: good.token } },\n"
      "                 c: { role: admin, token: plain-text-secret-1234 } } }\n");
  EXPECT_THAT(lines, HasSubstr("has the same value as the token of 'a'"));
  EXPECT_THAT(lines, HasSubstr("{file: PATH} or {env: NAME}"));
  EXPECT_EQ(lines.find("shared-token"), std::string::npos);
  EXPECT_EQ(lines.find("plain-text"), std::string::npos);
}

TEST(Problems, SourcesThatAreNotGivenAreAProblem) {
  EXPECT_THAT(problems_of("api: { tokens: { a: { role: admin, token: { file: x } } } }", {}),
              HasSubstr("files cannot be read here"));
  EXPECT_THAT(problems_of("api: { tokens: { a: { role: admin, token: { env: X } } } }", {}),
              HasSubstr("is not set"));
}

TEST(Parse, RelativePathsAreRelativeToTheFile) {
  const auto parsed = parse_config("state: {sqlite: state.db}\ndns: {zones: [a.zone, /b.zone]}",
                                   "/etc/leeward/leeward.yaml", {});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->state.sqlite_path, "/etc/leeward/state.db");
  EXPECT_EQ(parsed->dns.zone_files, (std::vector<std::string>{"/etc/leeward/a.zone", "/b.zone"}));
}

TEST(Parse, DefaultsAreThoseOfTheStructs) {
  const auto parsed = parse_config("log: {}", "leeward.yaml", {});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, Config{});
}

TEST(Format, ShowsWhereSecretsAreAndNeverTheirValue) {
  const auto parsed =
      parse_config("api: { tokens: { bob: { role: admin, token: { env: BOB_TOKEN } } } }", "l.yaml",
                   test_sources());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->api.tokens.at(0).value.reveal(), "bobs-token-0123456789");
  const std::string text = format_config(*parsed);
  EXPECT_THAT(text, HasSubstr("env: BOB_TOKEN"));
  EXPECT_EQ(text.find("bobs-token"), std::string::npos);
  Config without_source = *parsed;
  without_source.api.tokens[0].source = {};
  EXPECT_THAT(format_config(without_source), HasSubstr("token: \"***\""));
}

// ------------------------------------------------------------------ round trip

Duration between(Rng& rng, Duration min, Duration max) {
  const auto span = static_cast<std::uint64_t>((max - min) / milliseconds(1)) + 1;
  return min + milliseconds(rng.below(span));
}

std::string random_text(Rng& rng) {
  static constexpr std::string_view kAlphabet = "ab\"'\\:#{}[],&*!|>%@` -?0.~=\xC3\xA9";
  std::string text = "x";
  for (std::uint64_t i = rng.below(20); i > 0; --i) {
    const std::uint64_t at = rng.below(kAlphabet.size() - 1);
    text += at == kAlphabet.size() - 2 ? kAlphabet.substr(at) : kAlphabet.substr(at, 1);
  }
  return text;
}

CheckTiming random_timing(Rng& rng) {
  CheckTiming timing;
  timing.interval = between(rng, milliseconds(20), seconds(60));
  timing.timeout = between(rng, milliseconds(5), seconds(60));
  timing.timeout_floor = between(rng, milliseconds(5), timing.timeout);
  timing.jitter = rng.unit() / 2;
  timing.failure_threshold =
      rng.below(3) == 0 ? std::nullopt : std::optional(static_cast<int>(1 + rng.below(100)));
  timing.success_threshold = static_cast<int>(1 + rng.below(100));
  timing.confirm_spacing = between(rng, milliseconds(5), timing.interval);
  timing.recovery_hold_down_max = between(rng, seconds(0), seconds(600));
  timing.recovery_hold_down = between(rng, seconds(0), timing.recovery_hold_down_max);
  timing.flap_window = between(rng, seconds(1), seconds(600));
  timing.auto_alpha = 1e-12 + rng.unit() / 20;
  timing.auto_min = static_cast<int>(1 + rng.below(10));
  timing.auto_max = timing.auto_min + static_cast<int>(rng.below(80));
  timing.gray.action = static_cast<GrayAction>(rng.below(3));
  timing.gray.good_share = rng.unit();
  timing.gray.p_max = 1e-12 + rng.unit() / 20;
  timing.gray.window = between(rng, seconds(1), seconds(3600));
  timing.gray.hold = between(rng, seconds(0), seconds(600));
  if (rng.below(2) == 0) {
    timing.gray.slow_after = between(rng, milliseconds(1), seconds(60));
  }
  return timing;
}

HealthCheck random_check(Rng& rng, const std::string& id) {
  HealthCheck check;
  check.id = HealthCheckId(id);
  check.type = static_cast<CheckType>(rng.below(5));
  check.address = rng.below(2) == 0 ? "2001:db8::1" : "probe.example.test";
  check.port = static_cast<std::uint16_t>(1 + rng.below(65535));
  if (check.type != CheckType::kTcp) {
    check.path = "/" + std::to_string(rng.below(100)) + "?a=\"b\"&c={d}#e";
    check.host_name = rng.below(2) == 0 ? "" : "host.example.test";
  }
  if (is_string_match(check.type)) {
    check.search_string = random_text(rng);
  }
  if (is_tls(check.type)) {
    check.verify_certificate = rng.below(2) == 0;
    check.ca_file = rng.below(2) == 0 ? "" : "/etc/" + random_text(rng);
  }
  check.fresh_connection = rng.below(2) == 0;
  check.inverted = rng.below(2) == 0;
  check.disabled = rng.below(2) == 0;
  check.timing = random_timing(rng);
  return check;
}

Application random_application(Rng& rng, int index, const std::vector<Region>& regions) {
  Application application;
  application.id = ApplicationId(fmt::format("app-{}", index));
  application.hostnames = {fmt::format("a{}.example.test", index), fmt::format("{}.b", index)};
  application.mode = static_cast<ApplicationMode>(rng.below(2));
  application.ttl_floor = seconds(1 + rng.below(10));
  application.ttl = application.ttl_floor + seconds(rng.below(100));
  for (const Region& region : regions) {
    application.regions.push_back(
        {region.id,
         {"192.0.2.1", fmt::format("2001:db8::{:x}", 1 + rng.below(0xffff))},
         random_check(rng, application.id.str() + "/" + region.id.str())});
  }
  application.tables =
      rng.below(2) == 0 ? std::vector<std::string>{} : std::vector<std::string>{"t-1", "t.2"};
  FailoverPolicy& policy = application.failover;
  policy.automatic = rng.below(2) == 0;
  policy.confirm_window = between(rng, seconds(0), seconds(600));
  if (rng.below(2) == 0) {
    policy.max_replication_lag = between(rng, milliseconds(1), seconds(100));
  }
  policy.hold_down = between(rng, seconds(0), seconds(1000));
  policy.failback = static_cast<Failback>(rng.below(2));
  policy.failback_after = between(rng, seconds(0), seconds(1000));
  return application;
}

Config random_config(std::uint64_t seed) {
  Rng rng(seed);
  Config config;
  config.node.id = NodeId(fmt::format("node-{}", rng.below(100)));
  config.state = {"/var/lib/" + random_text(rng), 100 + rng.below(1000)};
  config.dns.listen = {{"127.0.0.1", static_cast<std::uint16_t>(1 + rng.below(60000))},
                       {"::", static_cast<std::uint16_t>(rng.below(60000))}};
  config.dns.workers = static_cast<int>(rng.below(257));
  config.dns.version = rng.below(2) == 0 ? "" : random_text(rng);
  if (rng.below(2) == 0) {
    config.api.tls = TlsFiles{"/a" + random_text(rng), "/b" + random_text(rng)};
  }
  config.log = {static_cast<LogFormat>(rng.below(2)), static_cast<LogLevel>(rng.below(4))};
  config.regions = {{RegionId("A"), "", ""}, {RegionId("b.1"), "eu-west-3", "http://[::1]:8101"}};
  config.node.region = config.regions[rng.below(2)].id;
  for (int i = 0; i < static_cast<int>(rng.below(4)); ++i) {
    config.applications.push_back(random_application(rng, i, config.regions));
  }
  return config;
}

TEST(Format, ReadsBackToTheSameValue) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Config config = random_config(seed);
    const std::string text = format_config(config);
    const auto parsed = parse_config(text, "leeward.yaml", {});
    ASSERT_TRUE(parsed) << "seed " << seed << "\n"
                        << format_problem(parsed.error().front()) << "\n"
                        << text;
    ASSERT_EQ(*parsed, config) << "seed " << seed << "\n" << text;
  }
}

// ------------------------------------------------------------------ words and forms

TEST(Quote, IsOneShortPrintableLine) {
  EXPECT_EQ(quote("a\nb\x1b[0m"), "'a\\x0ab\\x1b[0m'");
  EXPECT_EQ(quote(std::string(100, 'a')), "'" + std::string(60, 'a') + "...'");
  // "é" astride the limit is left out whole.
  EXPECT_EQ(quote(std::string(59, 'a') + "\xC3\xA9z"), "'" + std::string(59, 'a') + "...'");
}

TEST(DidYouMean, SuggestsOnlyWhatIsClose) {
  EXPECT_EQ(did_you_mean("intervall", {"timeout", "interval"}), " (did you mean 'interval'?)");
  EXPECT_EQ(did_you_mean("TTL", {"ttl", "tables"}), " (did you mean 'ttl'?)");
  EXPECT_EQ(did_you_mean("colour", {"ttl", "tables"}), "");
  EXPECT_EQ(did_you_mean(std::string(10'000, 'a'), {"ttl"}), "");
}

TEST(Syntax, EndpointsReadBack) {
  for (const char* text : {"127.0.0.1:53", "[::1]:0", "0.0.0.0:65535", "[2001:db8::1]:5353"}) {
    const auto endpoint = parse_endpoint(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(format_endpoint(*endpoint), text);
  }
}

TEST(Syntax, AddressesAreWholeAndCanonical) {
  EXPECT_EQ(parse_ip("2001:DB8:0:0::1").value(), "2001:db8::1");
  EXPECT_FALSE(parse_ip("192.0.2.1 "));
  EXPECT_FALSE(parse_ip("192.0.2"));
  EXPECT_FALSE(parse_ip("0300.0.2.1"));
  EXPECT_FALSE(parse_ip(std::string_view("192.0.2.1\0x", 11)));
  EXPECT_TRUE(is_loopback("127.9.9.9"));
  EXPECT_TRUE(is_loopback("::1"));
  EXPECT_FALSE(is_loopback("0.0.0.0"));
  EXPECT_FALSE(is_loopback("::"));
}

TEST(Syntax, HostnamesAreLoweredAndBounded) {
  EXPECT_EQ(parse_hostname("App.Example.TEST.").value(), "app.example.test");
  EXPECT_EQ(parse_hostname("_sip._tcp.a").value(), "_sip._tcp.a");
  std::string longest = std::string(63, 'a') + "." + std::string(63, 'a') + "." +
                        std::string(63, 'a') + "." + std::string(61, 'a');
  EXPECT_TRUE(parse_hostname(longest));
  EXPECT_FALSE(parse_hostname(longest + "a"));
  EXPECT_FALSE(parse_hostname("."));
  EXPECT_FALSE(parse_hostname("a..b"));
}

TEST(Warnings, NameWhatIsRiskyOrWithoutEffect) {
  Config config = random_config(3);
  config.applications.clear();
  config.api.listen = {"192.0.2.1", 8053};
  config.api.tls.reset();
  const auto notes = warnings(config);
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_THAT(notes[0], HasSubstr("every DNS query will be refused"));
  EXPECT_THAT(notes[1], HasSubstr("in the clear"));
}

}  // namespace
}  // namespace leeward::config
