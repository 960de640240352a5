// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "plan/command.h"
#include "plan/years_command.h"
#include "sim/command.h"

int main(int argc, char** argv) {
  try {
    CLI::App app("Leeward, simulated", "leeward-sim");
    app.require_subcommand(1);
    int exit_code = 0;
    leeward::plan::add_plan_command(app, exit_code);
    leeward::sim::add_run_command(app, exit_code);
    leeward::plan::add_years_command(app, exit_code);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app.exit(error) == 0 ? 0 : 2;
    }
    return exit_code;
  } catch (const std::exception& error) {
    fmt::print(stderr, "leeward-sim: {}\n", error.what());
    return 1;
  }
}
