// SPDX-License-Identifier: Apache-2.0
//
// Detection time and false alarms against loss: Leeward's detector at several settings beside the
// fixed thresholds that other products document, all over the same modelled paths (plan/path.h).
// Prints Markdown; docs/benchmarks-detection.md is its output.
//
//   bench_detection [--seed N] [--probes N] [--trials N]
#include <chrono>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "plan/distribution.h"
#include "plan/report.h"
#include "plan/trials.h"

namespace {

using namespace leeward;        // NOLINT(google-build-using-namespace): one file, all of it
using namespace leeward::plan;  // NOLINT(google-build-using-namespace)
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Effort {
  std::uint64_t seed = 1;
  double probes = 1e6;  // per cell
  int trials = 400;
};

struct Row {
  std::string name;
  FleetSpec spec;
  bool fixed = false;
  CheckTiming real;
  FixedTiming simple;
};

Row leeward_row(const std::string& name, Duration interval, std::optional<int> threshold,
                int vantages, int required, Duration confirm,
                Transport transport = Transport::kKeptTcp) {
  Row row{.name = "Leeward, " + name, .spec = {}, .fixed = false, .real = {}, .simple = {}};
  row.spec.vantages = vantages;
  row.spec.required = required;
  row.spec.confirm_window = confirm;
  row.spec.vote_delay = vantages > 1 ? milliseconds(15) : milliseconds(0);
  row.spec.transport = transport;
  row.real.interval = interval;
  row.real.failure_threshold = threshold;
  return row;
}

Row fixed_row(const std::string& name, const FixedTiming& timing, int vantages = 1,
              int required = 1) {
  Row row{.name = name, .spec = {}, .fixed = true, .real = {}, .simple = timing};
  row.spec.vantages = vantages;
  row.spec.required = required;
  row.spec.transport = Transport::kFreshTcp;
  return row;
}

Row with_shared_suspicion(Row row) {
  row.spec.share_suspicion = true;
  return row;
}

std::vector<Row> rows() {
  const auto none = std::nullopt;
  return {
      leeward_row("1 s × 3, 1 vantage", seconds(1), 3, 1, 1, seconds(0)),
      leeward_row("same, fresh connections", seconds(1), 3, 1, 1, seconds(0), Transport::kFreshTcp),
      leeward_row("1 s × 2", seconds(1), 2, 1, 1, seconds(0)),
      leeward_row("1 s × 5", seconds(1), 5, 1, 1, seconds(0)),
      leeward_row("250 ms × 3", milliseconds(250), 3, 1, 1, seconds(0)),
      leeward_row("250 ms × auto", milliseconds(250), none, 1, 1, seconds(0)),
      leeward_row("250 ms × auto, confirm 2 s", milliseconds(250), none, 1, 1, seconds(2)),
      leeward_row("250 ms × auto, 2 of 3", milliseconds(250), none, 3, 2, seconds(0)),
      leeward_row("250 ms × auto, 3 of 5", milliseconds(250), none, 5, 3, seconds(0)),
      leeward_row("same, confirm 0.5 s", milliseconds(250), none, 5, 3, milliseconds(500)),
      leeward_row("same, confirm 2 s", milliseconds(250), none, 5, 3, seconds(2)),
      with_shared_suspicion(
          leeward_row("same, suspicion shared", milliseconds(250), none, 5, 3, seconds(2))),
      fixed_row("gdnsd, default (10 s × 10)", {seconds(10), seconds(5), 10, 20, 10}),
      fixed_row("gdnsd, fastest (2 s × 1)", {seconds(2), seconds(1), 1, 1, 1}),
      fixed_row("PowerDNS Lua, default (5 s × 1)", {seconds(5), seconds(2), 1, 1, 0}),
      fixed_row("PowerDNS Lua, fastest (1 s × 1)", {seconds(1), seconds(1), 1, 1, 0}),
      // Unhealthy when at most 18 % of the checkers still say healthy: 14 of 16.
      fixed_row("Route 53, default (30 s × 3)", {seconds(30), seconds(4), 3, 3, 0}, 16, 14),
      fixed_row("Route 53, fastest (10 s × 1)", {seconds(10), seconds(4), 1, 1, 0}, 16, 14),
  };
}

std::vector<Loss> losses() {
  std::vector<Loss> all{{}};
  for (const LossKind kind : {LossKind::kIndependent, LossKind::kBursts, LossKind::kSharedBursts}) {
    for (const double share : {0.01, 0.05, 0.20}) {
      all.push_back({.kind = kind, .share = share, .burst_mean = milliseconds(500)});
    }
  }
  return all;
}

struct Cell {
  Distribution silent;
  double per_year = 0;
  double at_most = 0;
};

template <typename FleetType, typename Timing>
Cell measure(FleetSpec spec, const Timing& timing, const Loss& loss, const Effort& effort,
             int warm_up_probes) {
  spec.loss = loss;
  Rng rng(effort.seed);
  Cell cell;
  cell.silent = Distribution(times_to_action<FleetType>(spec, timing, Fault::kSilent, effort.trials,
                                                        timing.interval * warm_up_probes,
                                                        std::chrono::hours(2), rng.split()));
  const auto per_vantage = static_cast<Duration::rep>(effort.probes / spec.vantages);
  const Duration life = timing.interval * per_vantage;
  const FleetCounts counts = false_alarms<FleetType>(spec, timing, life, rng.split());
  const double years = std::chrono::duration<double>(life).count() / kSecondsPerYear;
  cell.per_year = static_cast<double>(counts.actions) / years;
  cell.at_most = poisson_upper(counts.actions) / years;
  return cell;
}

std::string alarms(const Cell& cell) {
  if (cell.per_year == 0) {
    return fmt::format("0 (< {:.0f})", cell.at_most);
  }
  return cell.per_year < 1000 ? fmt::format("{:.0f}", cell.per_year)
                              : fmt::format("{:.1e}", cell.per_year);
}

std::string header(const std::vector<Loss>& losses) {
  std::string line = "| detector |";
  std::string rule = "|---|";
  for (const Loss& loss : losses) {
    line += fmt::format(" {} |", loss.share == 0 ? "no loss" : describe(loss));
    rule += "--:|";
  }
  return line + "\n" + rule + "\n";
}

}  // namespace

int main(int argc, char** argv) {
  Effort effort;
  CLI::App app("Detection time and false alarms against loss");
  app.add_option("--seed", effort.seed)->capture_default_str();
  app.add_option("--probes", effort.probes, "Simulated per cell")->capture_default_str();
  app.add_option("--trials", effort.trials, "Failures per cell")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const std::vector<Loss> all = losses();
  std::string times;
  std::string mistakes;
  for (const Row& row : rows()) {
    times += "| " + row.name + " |";
    mistakes += "| " + row.name + " |";
    for (const Loss& loss : all) {
      const Cell cell = row.fixed ? measure<FixedFleet>(row.spec, row.simple, loss, effort, 50)
                                  : measure<RealFleet>(row.spec, row.real, loss, effort, 2000);
      times += fmt::format(" {:.2f} / {:.2f} |", to_milliseconds(cell.silent.quantile(0.5)) / 1000,
                           to_milliseconds(cell.silent.quantile(0.99)) / 1000);
      mistakes += " " + alarms(cell) + " |";
    }
    times += "\n";
    mistakes += "\n";
    fmt::print(stderr, "{}\n", row.name);
  }
  fmt::print("### From silence to the decision, seconds, p50 / p99\n\n{}{}\n", header(all), times);
  fmt::print("### A healthy target declared dead, times per year\n\n{}{}\n", header(all), mistakes);
}
