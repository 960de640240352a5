// SPDX-License-Identifier: Apache-2.0
//
// Hosted zones of a million record sets: how long compiling takes, what memory it needs meanwhile
// and after, what a failover costs; and how fast each routing policy answers.
// Run: build/release/bin/bench_hosted
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>

#include "base/rng.h"
#include "dns/answer.h"
#include "dns/client_message.h"
#include "dns/compile.h"
#include "routing/networks.h"

namespace leeward::dns {
namespace {

constexpr int kSets = 1'000'000;
constexpr int kNames = 10'000;  // of each policy, where answers are timed
constexpr std::size_t kQueries = 4096;

// Of /proc/self/status, in bytes.
double memory_of_process(const std::string& field) {
  double kib = 0;
  std::FILE* status = std::fopen("/proc/self/status", "r");
  std::array<char, 256> line{};
  while (status != nullptr && std::fgets(line.data(), line.size(), status) != nullptr) {
    if (std::string_view(line.data()).starts_with(field + ":")) {
      kib = std::strtod(line.data() + field.size() + 1, nullptr);
    }
  }
  if (status != nullptr) {
    std::fclose(status);
  }
  return kib * 1024;
}
void forget_peak() {
  ::malloc_trim(0);  // what is free is not what compiling needs
  if (std::FILE* clear = std::fopen("/proc/self/clear_refs", "w")) {
    std::fputs("5", clear);
    std::fclose(clear);
  }
}

ResourceRecordSet address(std::string name, int number) {
  ResourceRecordSet set;
  set.name = std::move(name);
  set.type = "A";
  set.ttl_seconds = 60;
  set.values = {fmt::format("192.0.{}.{}", number / 256 % 256, number % 256)};
  return set;
}

HostedZone empty_zone() {
  HostedZone zone{"Z1", "z.test.", {}};
  ResourceRecordSet soa = address("z.test.", 0);
  soa.type = "SOA";
  soa.values = {"ns1.z.test. h.z.test. 1 7200 900 1209600 300"};
  zone.records.insert_or_assign(soa);
  return zone;
}

void report_memory(benchmark::State& state, const Tables& tables, double before) {
  const MemoryReport memory = tables.memory();
  state.counters["record_sets"] = static_cast<double>(memory.record_sets);
  state.counters["bytes_per_set"] =
      static_cast<double>(memory.bytes) / static_cast<double>(memory.record_sets);
  state.counters["peak_mib"] = (memory_of_process("VmHWM") - before) / (1 << 20);
}

void compile_million(benchmark::State& state, const CompileInput& input) {
  Tables tables;
  double before = 0;
  for (auto _ : state) {
    state.PauseTiming();
    tables = Tables();
    forget_peak();
    before = memory_of_process("VmRSS");
    state.ResumeTiming();
    tables = compile(input).value();
  }
  report_memory(state, tables, before);
}

void compile_a_million_simple(benchmark::State& state) {
  CompileInput input;
  HostedZone zone = empty_zone();
  const double before = memory_of_process("VmRSS");
  for (int i = 0; i < kSets; ++i) {
    zone.records.insert_or_assign(address(fmt::format("host-{}.z.test.", i), i));
  }
  state.counters["catalog_mib"] = (memory_of_process("VmRSS") - before) / (1 << 20);
  input.hosted_zones.push_back(std::move(zone));
  compile_million(state, input);
}
BENCHMARK(compile_a_million_simple)->Unit(benchmark::kMillisecond)->Iterations(2);

// A hundred thousand small zones: SOA, NS, the apex's alias and its target.
void compile_many_zones(benchmark::State& state) {
  CompileInput input;
  for (int i = 0; i < 100'000; ++i) {
    const std::string name = fmt::format("zone-{}.test.", i);
    HostedZone zone{fmt::format("Z{}", i), name, {}};
    ResourceRecordSet soa = address(name, 0);
    soa.type = "SOA";
    soa.values = {"ns1.test. h.test. 1 7200 900 1209600 300"};
    zone.records.insert_or_assign(soa);
    ResourceRecordSet servers = address(name, 0);
    servers.type = "NS";
    servers.values = {"ns1.test.", "ns2.test."};
    zone.records.insert_or_assign(servers);
    zone.records.insert_or_assign(address("www." + name, i));
    ResourceRecordSet alias = address(name, 0);
    alias.ttl_seconds.reset();
    alias.values.clear();
    alias.alias = AliasTarget{zone.id, "www." + name, true};
    zone.records.insert_or_assign(alias);
    input.hosted_zones.push_back(std::move(zone));
  }
  compile_million(state, input);
}
BENCHMARK(compile_many_zones)->Unit(benchmark::kMillisecond)->Iterations(2);

// Primary and secondary of half a million names, all behind one health check.
CompileInput million_failovers() {
  CompileInput input;
  HostedZone zone = empty_zone();
  for (int i = 0; i < kSets / 2; ++i) {
    for (const FailoverRole role : {FailoverRole::kPrimary, FailoverRole::kSecondary}) {
      const bool is_primary = role == FailoverRole::kPrimary;
      ResourceRecordSet set = address(fmt::format("host-{}.z.test.", i), is_primary ? 1 : 2);
      set.failover = role;
      set.set_identifier = is_primary ? "primary" : "secondary";
      set.health_check_id = is_primary ? "check" : "";
      zone.records.insert_or_assign(set);
    }
  }
  input.hosted_zones.push_back(std::move(zone));
  const std::vector<HealthCheckId> checks{HealthCheckId("check")};
  input.layout = routing::BoardLayout({}, checks);
  return input;
}

void compile_a_million_failover(benchmark::State& state) {
  compile_million(state, million_failovers());
}
BENCHMARK(compile_a_million_failover)->Unit(benchmark::kMillisecond)->Iterations(2);

// One store, then an answer for one of the names: it has moved.
void fail_over_a_million(benchmark::State& state) {
  const CompileInput input = million_failovers();
  const Tables tables = compile(input).value();
  HealthBoard board(input.layout.size());
  QueryOptions options;
  options.edns = false;  // the address is the message's end
  const auto query = *build_query("host-4711.z.test", "A", options);
  std::vector<std::uint8_t> out(kUdpBufferBytesMin);
  bool healthy = true;
  for (auto _ : state) {
    healthy = !healthy;
    board.store(0, BoardWord::of(healthy ? Health::kHealthy : Health::kUnhealthy));
    const std::size_t size = answer(tables, board, {query, Transport::kUdp, 0}, out);
    if (out[size - 1] != (healthy ? 1 : 2)) {
      state.SkipWithError("the answer did not move");
      break;
    }
  }
}
BENCHMARK(fail_over_a_million);

// Every policy under one zone: "w.<n>", "lat.<n>" ... Three members each, two health checks.
struct PolicyWorld {
  CompileInput input;
  Tables tables;
  std::unique_ptr<HealthBoard> board;
  std::unique_ptr<const routing::Networks> networks;

  PolicyWorld() {
    std::string text;
    for (int i = 0; i < 65'536; ++i) {
      text += fmt::format("10.{}.{}.0/24,EU,{},,{},2\n", i / 256, i % 256, i % 2 == 0 ? "FR" : "DE",
                          i % 170 - 85);
    }
    networks = routing::Networks::parse("networks", text).value();
    HostedZone zone = empty_zone();
    for (int i = 0; i < kNames; ++i) {
      add_names(zone, i);
    }
    input.hosted_zones.push_back(std::move(zone));
    input.cidr_collections.push_back({"c", "c", {{"a", {"10.0.0.0/10"}}, {"b", {"10.64.0.0/10"}}}});
    const std::vector<HealthCheckId> checks{HealthCheckId("0"), HealthCheckId("1")};
    input.layout = routing::BoardLayout({}, checks);
    tables = compile(input).value();
    board = std::make_unique<HealthBoard>(input.layout.size());
  }

  static void add_names(HostedZone& zone, int i) {
    const auto add = [&](const std::string& kind, const auto& configure) {
      for (int m = 0; m < 3; ++m) {
        ResourceRecordSet set = address(fmt::format("{}-{}.z.test.", kind, i), m);
        set.set_identifier = std::to_string(m);
        set.health_check_id = m < 2 ? std::to_string(m) : "";
        configure(set, m);
        zone.records.insert_or_assign(set);
      }
    };
    zone.records.insert_or_assign(address(fmt::format("simple-{}.z.test.", i), i));
    add("weighted",
        [](ResourceRecordSet& set, int m) { set.weight = static_cast<std::uint32_t>(m + 1); });
    add("failover", [](ResourceRecordSet& set, int m) {
      set.failover = m == 0 ? FailoverRole::kPrimary : FailoverRole::kSecondary;
      set.set_identifier = m == 2 ? "1" : set.set_identifier;
    });
    add("latency", [](ResourceRecordSet& set, int m) {
      set.region = m == 0 ? "eu-west-3" : m == 1 ? "us-east-1" : "ap-south-1";
    });
    add("geolocation", [](ResourceRecordSet& set, int m) {
      set.geo_location = m == 0   ? GeoLocation{"", "FR", ""}
                         : m == 1 ? GeoLocation{"EU", "", ""}
                                  : GeoLocation{"", "*", ""};
    });
    add("geoproximity", [](ResourceRecordSet& set, int m) {
      set.geo_proximity.emplace();
      set.geo_proximity->aws_region = m == 0 ? "eu-west-3" : m == 1 ? "us-east-1" : "ap-south-1";
      set.geo_proximity->bias = m * 10;
    });
    add("multivalue", [](ResourceRecordSet& set, int) { set.multivalue_answer = true; });
    add("cidr", [](ResourceRecordSet& set, int m) {
      set.cidr = CidrRouting{"c", m == 0 ? "a" : m == 1 ? "b" : "*"};
    });
    // Latency over weighted over checks: the tree that the developer guide shows.
    add("tree", [&](ResourceRecordSet& set, int m) {
      set.region = m == 0 ? "eu-west-3" : m == 1 ? "us-east-1" : "ap-south-1";
      set.alias = AliasTarget{"Z1", fmt::format("weighted-{}.z.test.", (i + m) % kNames), true};
      set.values.clear();
      set.ttl_seconds.reset();
    });
  }
};

void answer_policy(benchmark::State& state, const std::string& kind) {
  static const PolicyWorld world;
  std::vector<std::vector<std::uint8_t>> queries;
  Rng rng(1);
  for (std::size_t i = 0; i < kQueries; ++i) {
    queries.push_back(*build_query(fmt::format("{}-{}.z.test", kind, rng.below(kNames)), "A", {}));
  }
  std::vector<std::uint8_t> out(kUdpBufferBytesMin);
  std::size_t i = 0;
  for (auto _ : state) {
    Query query{queries[i++ % kQueries], Transport::kUdp, i};
    const std::uint64_t client = rng.next();
    query.client = {
        4, 32, {10, static_cast<std::uint8_t>(client), static_cast<std::uint8_t>(client >> 8)}};
    const Context context{
        .tables = world.tables, .board = *world.board, .locator = world.networks.get()};
    benchmark::DoNotOptimize(answer(context, query, out));
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(answer_policy, simple, "simple");
BENCHMARK_CAPTURE(answer_policy, failover, "failover");
BENCHMARK_CAPTURE(answer_policy, weighted, "weighted");
BENCHMARK_CAPTURE(answer_policy, latency, "latency");
BENCHMARK_CAPTURE(answer_policy, geolocation, "geolocation");
BENCHMARK_CAPTURE(answer_policy, geoproximity, "geoproximity");
BENCHMARK_CAPTURE(answer_policy, multivalue, "multivalue");
BENCHMARK_CAPTURE(answer_policy, cidr, "cidr");
BENCHMARK_CAPTURE(answer_policy, tree, "tree");

}  // namespace
}  // namespace leeward::dns

BENCHMARK_MAIN();
