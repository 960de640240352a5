// SPDX-License-Identifier: Apache-2.0
//
// What one core answers when sockets cost nothing, and what a failover of a million record sets
// costs. Run: build/release/bin/bench_dns
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/rng.h"
#include "dns/answer.h"
#include "dns/client_message.h"
#include "dns/compile.h"

namespace leeward::dns {
namespace {

constexpr int kNames = 100'000;      // of each kind; more than fits the caches
constexpr int kHostnames = 500'000;  // A and AAAA each: 1,000,000 record sets
constexpr std::size_t kQueries = 4096;

Application application_of(const std::string& id, ApplicationMode mode, int hostnames) {
  Application application;
  application.id = ApplicationId(id);
  application.mode = mode;
  for (int i = 0; i < hostnames; ++i) {
    application.hostnames.push_back(fmt::format("host-{}.{}.example.test", i, id));
  }
  application.regions.resize(3);
  for (int i = 0; i < 3; ++i) {
    application.regions[static_cast<std::size_t>(i)].addresses = {
        fmt::format("198.51.100.{}", i + 1), fmt::format("2001:db8::{}", i + 1)};
    application.regions[static_cast<std::size_t>(i)].check.id =
        HealthCheckId(fmt::format("{}/{}", id, i));
  }
  return application;
}

struct World {
  Tables tables;
  routing::BoardLayout layout;
  std::unique_ptr<HealthBoard> board;

  explicit World(std::vector<Application> applications, int simple_names) {
    CompileInput input;
    std::string text = "$TTL 300\n@ SOA ns1 h 1 3600 600 604800 60\n@ NS ns1\nns1 A 192.0.2.1\n";
    for (int i = 0; i < simple_names; ++i) {
      text += fmt::format("host-{} A 203.0.113.{}\n", i, i % 256);
    }
    input.zones.push_back({"example.test.zone", std::move(text)});
    input.applications = std::move(applications);
    input.layout = layout = routing::BoardLayout(input.applications);
    tables = compile(input).value();
    board = std::make_unique<HealthBoard>(layout.size());
  }
};

const World& small_world() {
  static const World world({application_of("assigned", ApplicationMode::kActivePassive, kNames),
                            application_of("multi", ApplicationMode::kActiveActive, kNames)},
                           kNames);
  return world;
}

std::vector<std::vector<std::uint8_t>> queries(const std::string& pattern, int names, bool edns) {
  std::vector<std::vector<std::uint8_t>> all;
  Rng rng(1);
  QueryOptions options;
  options.edns = edns;
  for (std::size_t i = 0; i < kQueries; ++i) {
    const auto number = rng.below(static_cast<std::uint64_t>(names));
    all.push_back(*build_query(fmt::format(fmt::runtime(pattern), number), "A", options));
  }
  return all;
}

void answer_all(benchmark::State& state, const World& world, const std::string& pattern, int names,
                bool edns) {
  const auto all = queries(pattern, names, edns);
  std::vector<std::uint8_t> out(kUdpBufferBytesMin);
  std::size_t i = 0;
  std::size_t bytes = 0;
  for (auto _ : state) {
    const Query query{all[i++ % kQueries], Transport::kUdp, i};
    bytes += answer(world.tables, *world.board, query, out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
  state.counters["bytes"] = static_cast<double>(bytes) / static_cast<double>(state.iterations());
}

void simple(benchmark::State& state) {
  answer_all(state, small_world(), "host-{}.example.test", kNames, false);
}
void simple_edns(benchmark::State& state) {
  answer_all(state, small_world(), "host-{}.example.test", kNames, true);
}
void assigned(benchmark::State& state) {
  answer_all(state, small_world(), "host-{}.assigned.example.test", kNames, true);
}
void multivalue(benchmark::State& state) {
  answer_all(state, small_world(), "host-{}.multi.example.test", kNames, true);
}
void no_such_name(benchmark::State& state) {
  answer_all(state, small_world(), "missing-{}.example.test", kNames, true);
}
void refused(benchmark::State& state) {
  answer_all(state, small_world(), "host-{}.example.org", kNames, true);
}
void simple_few_names(benchmark::State& state) {
  answer_all(state, small_world(), "host-{}.example.test", 10, false);
}
BENCHMARK(simple_few_names);
BENCHMARK(simple);
BENCHMARK(simple_edns);
BENCHMARK(assigned);
BENCHMARK(multivalue);
BENCHMARK(no_such_name);
BENCHMARK(refused);

// One store, then an answer for one of the hostnames: it has moved.
void fail_over_a_million_record_sets(benchmark::State& state) {
  static const World world(
      {application_of("assigned", ApplicationMode::kActivePassive, kHostnames)}, 0);
  const auto all = queries("host-{}.assigned.example.test", kHostnames, false);
  const BoardSlot slot = *world.layout.application(ApplicationId("assigned"));
  std::vector<std::uint8_t> out(kUdpBufferBytesMin);
  std::uint8_t region = 0;
  std::size_t i = 0;
  for (auto _ : state) {
    region = static_cast<std::uint8_t>((region + 1) % 3);
    world.board->store(slot, BoardWord::of_region_index(region));
    const std::size_t size =
        answer(world.tables, *world.board, {all[i++ % kQueries], Transport::kUdp, 0}, out);
    if (out[size - 1] != region + 1) {
      state.SkipWithError("the answer did not move");
      break;
    }
  }
  const MemoryReport memory = world.tables.memory();
  state.counters["record_sets"] = static_cast<double>(memory.record_sets);
  state.counters["bytes_per_set"] =
      static_cast<double>(memory.bytes) / static_cast<double>(memory.record_sets);
}
BENCHMARK(fail_over_a_million_record_sets);

// A million different records: nothing to share.
void memory_of_a_million_zone_records(benchmark::State& state) {
  static const World world({}, 1'000'000);
  for (auto _ : state) {
    benchmark::DoNotOptimize(world.tables.memory());
  }
  const MemoryReport memory = world.tables.memory();
  state.counters["record_sets"] = static_cast<double>(memory.record_sets);
  state.counters["bytes_per_set"] =
      static_cast<double>(memory.bytes) / static_cast<double>(memory.record_sets);
}
BENCHMARK(memory_of_a_million_zone_records);

}  // namespace
}  // namespace leeward::dns

BENCHMARK_MAIN();
