// SPDX-License-Identifier: Apache-2.0
#include "sim/command.h"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "sim/swarm.h"

namespace leeward::sim {
namespace {

struct Arguments {
  std::uint64_t seed = 1;
  std::string seeds;
  std::string scenario;
  double hours = 0;
  int threads = 0;
  bool trace = false;
  bool print_scenario = false;
  bool fresh = false;
  bool no_shrink = false;
  bool marks = false;
};

constexpr int kBroken = 1;
constexpr int kCannot = 2;
constexpr std::uint64_t kSeedsMax = 1'000'000'000'000ULL;
constexpr std::size_t kScenarioBytesMax = 1 << 20;

int cannot(const std::string& what) {
  fmt::print(stderr, "leeward-sim: {}\n", what);
  return kCannot;
}

// "7..12": from the first to the last.
bool parse_range(const std::string& text, std::uint64_t& first, std::uint64_t& last) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) {
    return false;
  }
  const auto read = [&](std::size_t from, std::size_t until, std::uint64_t& to) {
    const auto [end, error] = std::from_chars(text.data() + from, text.data() + until, to);
    return error == std::errc() && end == text.data() + until && from != until;
  };
  return read(0, dots, first) && read(dots + 2, text.size(), last) && first <= last &&
         last < kSeedsMax;
}

Result<Scenario> load(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return fail(ErrorCode::kNotFound, fmt::format("{} cannot be read", file));
  }
  std::string text(kScenarioBytesMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kScenarioBytesMax) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("{} is larger than 1 MiB", file));
  }
  auto scenario = parse_scenario(text);
  return scenario ? std::move(scenario)
                  : Result<Scenario>(fail(scenario.error().code,
                                          fmt::format("{}:\n{}", file, scenario.error().message)));
}

void report_broken(const SwarmResult::Broken& broken, const Arguments& arguments,
                   const std::optional<Scenario>& given) {
  const Violation& violation = broken.violation;
  fmt::print("seed {}: {} broken after {:.3f} s: {}\n", broken.seed, violation.invariant,
             to_milliseconds(violation.at) / 1000, violation.what);
  const std::string with = arguments.scenario.empty() ? "" : " --scenario " + arguments.scenario;
  fmt::print("replay: leeward-sim run{} --seed {} --trace\n", with, broken.seed);
  if (arguments.no_shrink) {
    return;
  }
  const Scenario whole = given ? *given : random_scenario(broken.seed);
  const Scenario shrunk = shrink(whole, broken.seed, violation);
  fmt::print("{} of its {} events are enough; as a file, with --scenario FILE --seed {}:\n{}\n",
             shrunk.faults.size(), whole.faults.size(), broken.seed, format_scenario(shrunk));
}

void report_marks(const Marks& marks) {
  for (std::size_t i = 0; i < kMarks; ++i) {
    const Mark mark = static_cast<Mark>(i);
    fmt::print("{:<26} {}\n", to_string(mark), marks.count(mark));
  }
}

int run_swarm_of(const Arguments& arguments, SwarmOptions options) {
  const auto started = std::chrono::steady_clock::now();
  const bool terminal = isatty(fileno(stderr)) != 0;
  std::uint64_t done = 0;
  options.done = [&](std::uint64_t, const Outcome&) {
    if (++done % 50 == 0 && terminal) {
      fmt::print(stderr, "\r{} worlds", done);
    }
  };
  const SwarmResult result = run_swarm(options);
  const double took =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  if (terminal) {
    fmt::print(stderr, "\r");
  }
  const double hours = to_milliseconds(result.simulated) / 3.6e6;
  fmt::print(
      "{} worlds, seeds {} to {}: {:.1f} simulated hours, {} events in {:.1f} s ({:.0f} x real "
      "time, "
      "{} threads); {} of {} requests failed; {} writes, {} at risk; digest {:016x}\n",
      result.runs, options.first, options.first + result.runs - 1, hours, result.events, took,
      hours * 3600 / took, options.threads, result.requests_failed, result.requests, result.writes,
      result.writes_at_risk, result.digest);
  if (arguments.marks) {
    report_marks(result.marks);
  }
  if (result.broken.empty()) {
    fmt::print("all invariants held\n");
    return 0;
  }
  for (std::size_t i = 0; i < result.broken.size(); ++i) {
    Arguments each = arguments;
    each.no_shrink = arguments.no_shrink || i > 0;
    report_broken(result.broken[i], each, options.scenario);
  }
  return kBroken;
}

int run_one(const Arguments& arguments, const std::optional<Scenario>& given) {
  const Scenario scenario = given ? *given : random_scenario(arguments.seed);
  RunOptions options{.seed = arguments.seed, .journals = true, .trace = {}};
  if (arguments.trace) {
    options.trace = [](const std::string& line) { fmt::print("{}\n", line); };
  }
  const Outcome outcome = run(scenario, options);
  fmt::print(
      "seed {}: {:.1f} simulated seconds, {} events; {} writes, {} at risk; digest {:016x}\n",
      arguments.seed, to_milliseconds(outcome.simulated) / 1000, outcome.events, outcome.writes,
      outcome.writes_at_risk, outcome.digest);
  for (std::size_t i = 0; i < outcome.experience.size(); ++i) {
    const Experience& experience = outcome.experience[i];
    fmt::print("{}: {} of {} requests failed, the longest outage of a user {:.0f} s\n",
               scenario.applications[i].id, experience.failed, experience.requests,
               to_milliseconds(experience.longest_outage) / 1000);
  }
  if (arguments.marks) {
    report_marks(outcome.marks);
  }
  if (!outcome.violation) {
    fmt::print("all invariants held\n");
    return 0;
  }
  report_broken({arguments.seed, *outcome.violation}, arguments, given);
  return kBroken;
}

int run_command(const Arguments& arguments) {
  std::optional<Scenario> scenario;
  if (!arguments.scenario.empty()) {
    auto loaded = load(arguments.scenario);
    if (!loaded) {
      return cannot(loaded.error().message);
    }
    scenario = std::move(*loaded);
  }
  if (arguments.print_scenario) {
    fmt::print("{}", format_scenario(scenario ? *scenario : random_scenario(arguments.seed)));
    return 0;
  }
  SwarmOptions options;
  options.scenario = scenario;
  options.threads = arguments.threads > 0
                        ? arguments.threads
                        : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  options.first = arguments.seed;
  options.last = arguments.seed;
  if (!arguments.seeds.empty() && !parse_range(arguments.seeds, options.first, options.last)) {
    return cannot(fmt::format("--seeds: expected FIRST..LAST, found '{}'", arguments.seeds));
  }
  const std::uint64_t count = options.last - options.first;
  if (arguments.fresh) {
    std::random_device device;
    options.first = 1'000'000 + (std::uint64_t{device()} << 8);
    options.last = options.first + count;
  }
  if (arguments.hours > 0) {
    options.simulate = Duration(static_cast<Duration::rep>(arguments.hours * 3.6e12));
    options.last = arguments.seeds.empty() ? options.first + kSeedsMax : options.last;
  }
  if (arguments.seeds.empty() && arguments.hours <= 0) {
    return run_one(arguments, scenario);
  }
  return run_swarm_of(arguments, std::move(options));
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const sub = app.add_subcommand(
      "run", "Run the control plane in virtual time, under faults, and check its invariants");
  sub->add_option("--seed", arguments->seed, "Of the world, or of the first one")
      ->capture_default_str();
  sub->add_option("--seeds", arguments->seeds, "FIRST..LAST: a world per seed");
  sub->add_option("--scenario", arguments->scenario,
                  "File of what exists and what happens; without it each seed makes its own");
  sub->add_option("--hours", arguments->hours, "Go on until so many hours were simulated")
      ->check(CLI::Range(0.0, 1e7));
  sub->add_option("--threads", arguments->threads, "How many run worlds; 0: one per processor")
      ->check(CLI::Range(0, 1024));
  sub->add_flag("--fresh", arguments->fresh, "Take as many seeds that nobody ran before");
  sub->add_flag("--trace", arguments->trace, "A line per event, of one world");
  sub->add_flag("--print-scenario", arguments->print_scenario,
                "Print the world that the seed makes, as a file");
  sub->add_flag("--no-shrink", arguments->no_shrink, "Do not look for the events that are needed");
  sub->add_flag("--marks", arguments->marks, "Print how often rare places were reached");
  sub->footer(
      "Examples:\n"
      "  leeward-sim run --seeds 1..1000\n"
      "  leeward-sim run --seed 42 --trace\n"
      "  leeward-sim run --scenario lost-region.sim --seeds 1..100\n"
      "  leeward-sim run --hours 1000 --fresh\n"
      "Exit status: 0 all invariants held, 1 one was broken, 2 it could not be run.");
  sub->callback([arguments, &exit_code] { exit_code = run_command(*arguments); });
}

}  // namespace leeward::sim
