// SPDX-License-Identifier: Apache-2.0
#include "plan/command.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "load/load.h"
#include "plan/predict.h"
#include "plan/report.h"

namespace leeward::plan {
namespace {

struct Arguments {
  std::string config;
  std::string format = "text";
  std::string output;
  std::string round_trip = "30ms";
  std::string burst_mean = "500ms";
  std::string life;
  int required = 0;  // 0: the config's
  Options options;
};

int complain(const std::string& message, int exit_code) {
  fmt::print(stderr, "leeward-sim plan: {}\n", message);
  return exit_code;
}

// Fills the options from their texts; the message of the first that is wrong.
Status read_durations(Arguments& arguments) {
  const auto read = [](const std::string& name, const std::string& text,
                       Duration least) -> Result<Duration> {
    auto value = parse_duration(text);
    if (!value) {
      return fail(with_context(value.error(), name));
    }
    if (*value < least) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: expected at least {}", name, format_duration(least)));
    }
    return *value;
  };
  ASSIGN_OR_RETURN(arguments.options.round_trip,
                   read("--rtt", arguments.round_trip, std::chrono::microseconds(1)));
  ASSIGN_OR_RETURN(arguments.options.burst_mean,
                   read("--burst", arguments.burst_mean, std::chrono::milliseconds(1)));
  if (!arguments.life.empty()) {
    ASSIGN_OR_RETURN(arguments.options.life,
                     read("--life", arguments.life, std::chrono::minutes(1)));
  }
  if (arguments.required > 0) {
    arguments.options.required = arguments.required;
  }
  return {};
}

Status check_quorums(const std::vector<Application>& applications, const Options& options) {
  for (const Application& application : applications) {
    const int required = options.required.value_or(application.failover.quorum_required);
    if (required > options.vantages) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} votes can never agree with {} vantage points: raise "
                              "--vantage-points or lower --quorum",
                              required, options.vantages));
    }
  }
  return {};
}

Progress progress_of() {
  const auto started = std::chrono::steady_clock::now();
  auto shown = std::make_shared<std::chrono::steady_clock::time_point>(started);
  return [shown](std::size_t done, std::size_t all) {
    const auto now = std::chrono::steady_clock::now();
    if (now - *shown >= std::chrono::seconds(2)) {  // quick runs say nothing
      *shown = now;
      fmt::print(stderr, "leeward-sim plan: {} of {} parts\n", done, all);
    }
  };
}

Status write_report(const std::string& report, const std::string& path) {
  if (path.empty()) {
    if (std::fwrite(report.data(), 1, report.size(), stdout) != report.size() ||
        std::fflush(stdout) != 0) {
      return fail(ErrorCode::kUnavailable, "cannot write to standard output");
    }
    return {};
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << report;
  file.close();
  if (!file) {
    return fail(ErrorCode::kUnavailable, fmt::format("cannot write {}", path));
  }
  return {};
}

int run(Arguments& arguments) {
  if (const Status status = read_durations(arguments); !status) {
    return complain(status.error().message, 2);
  }
  const auto loaded = load::load(arguments.config);
  if (!loaded) {
    return complain(load::as_error(loaded.error()).message, 1);
  }
  const auto& applications = loaded->config.applications;
  if (const Status status = check_quorums(applications, arguments.options); !status) {
    return complain(status.error().message, 2);
  }
  const auto plans = predict(applications, arguments.options, progress_of());
  const std::string report = arguments.format == "json"   ? as_json(plans, arguments.options)
                             : arguments.format == "html" ? as_html(plans, arguments.options)
                                                          : as_text(plans, arguments.options);
  if (const Status status = write_report(report, arguments.output); !status) {
    return complain(status.error().message, 1);
  }
  return 0;
}

}  // namespace

void add_plan_command(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  arguments->options.jobs = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  CLI::App* plan = app.add_subcommand(
      "plan", "Predict detection times, recovery times and false failovers of a config");
  plan->add_option("--config", arguments->config, "The daemon's config file")->required();
  plan->add_option("--format", arguments->format, "text, json or html")
      ->check(CLI::IsMember({"text", "json", "html"}))
      ->capture_default_str();
  plan->add_option("--output", arguments->output, "Write to this file, not to standard output");
  plan->add_option("--seed", arguments->options.seed, "The same seed gives the same numbers")
      ->capture_default_str();
  plan->add_option("--trials", arguments->options.trials, "Failures simulated per row")
      ->check(CLI::Range(8, 1'000'000))
      ->capture_default_str();
  plan->add_option("--life", arguments->life,
                   "Time without failures simulated per loss, such as 365d; default: so long that "
                   "4 million probes are sent, at most a year");
  plan->add_option("--vantage-points", arguments->options.vantages,
                   "What if this many checkers voted?")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  plan->add_option("--quorum", arguments->required, "Votes that must agree; default: the config's")
      ->check(CLI::Range(1, 100));
  plan->add_option("--rtt", arguments->round_trip, "Round trip from a checker to its target")
      ->capture_default_str();
  plan->add_option("--burst", arguments->burst_mean,
                   "Mean length of the periods in which a path loses everything")
      ->capture_default_str();
  plan->add_option("--jobs", arguments->options.jobs, "Threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  plan->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace leeward::plan
