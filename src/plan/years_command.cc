// SPDX-License-Identifier: Apache-2.0
#include "plan/years_command.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/time.h"
#include "plan/years.h"

namespace leeward::plan {
namespace {

constexpr int kProbesPerLife = 20'000;
constexpr std::size_t kBrokenShown = 10;

struct Arguments {
  std::uint64_t seed = 1;
  double years = 100;
  std::string interval = "30s";
  std::string budget = "1h";
};

int run(const Arguments& arguments, Duration interval, Duration budget) {
  const auto started = std::chrono::steady_clock::now();
  const auto spent = [&] { return std::chrono::steady_clock::now() - started; };
  YearsReport report;
  do {
    report.add(live(arguments.seed + report.lives, interval, kProbesPerLife));
  } while (report.years < arguments.years && spent() < budget);

  fmt::print("{:.1f} detector-years of {} (asked for: {:g}) in {:.1f} s: {} lives, {} probes\n",
             report.years, arguments.interval, arguments.years,
             std::chrono::duration<double>(spent()).count(), report.lives, report.probes);
  fmt::print(
      "{} outages, {} of them while loss made the target look dead already; "
      "the slowest detection took {:.0f} % of its bound\n",
      report.outages, report.not_judged, 100 * report.slowest_of_bound);
  fmt::print(
      "in lives with loss: {} actions without an outage, {} outages not over after 300 "
      "intervals\n",
      report.mistaken, report.not_recovered);
  fmt::print("seeds {} to {}; {} broken promises\n", arguments.seed,
             arguments.seed + report.lives - 1, report.broken.size());
  for (std::size_t i = 0; i < std::min(kBrokenShown, report.broken.size()); ++i) {
    fmt::print("BROKEN {}\n", report.broken[i]);
  }
  if (!report.broken.empty()) {
    fmt::print("replay one: leeward-sim years --interval {} --years 0 --seed LIFE\n",
               arguments.interval);
  }
  return report.broken.empty() ? 0 : 1;
}

int checked(const Arguments& arguments) {
  const auto interval = parse_duration(arguments.interval);
  const auto budget = parse_duration(arguments.budget);
  if (!interval || *interval < std::chrono::milliseconds(20) || *interval > std::chrono::hours(1)) {
    fmt::print(stderr, "leeward-sim years: --interval {}: expected a duration from 20ms to 1h\n",
               arguments.interval);
    return 2;
  }
  if (!budget) {
    fmt::print(stderr, "leeward-sim years: --budget {}: expected a duration such as 60s\n",
               arguments.budget);
    return 2;
  }
  return run(arguments, *interval, *budget);
}

}  // namespace

void add_years_command(CLI::App& app, int& exit_code) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* years = app.add_subcommand(
      "years", "Simulated years of the detector with outages; fails where a promise is broken");
  years->add_option("--seed", arguments->seed, "Of the first life; the next ones count on")
      ->capture_default_str();
  years->add_option("--years", arguments->years, "Detector-years; 0: one life")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  years->add_option("--interval", arguments->interval, "Between probes")->capture_default_str();
  years->add_option("--budget", arguments->budget, "Stop after this much real time")
      ->capture_default_str();
  years->callback([arguments, &exit_code] { exit_code = checked(*arguments); });
}

}  // namespace leeward::plan
