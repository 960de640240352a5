// SPDX-License-Identifier: Apache-2.0
//
// The command line while it is being read. Internal to run(): each group of commands adds itself.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/tables_commands.h"

namespace leeward::cli {

// The command line as it was read. `command` is the chosen one, to run after the globals are known.
struct Program {
  CLI::App app{"Leeward moves users away from a dead region, and says why.", "leeward"};
  std::string token_file;
  std::string output = "human";
  Context context;
  std::function<int()> command;

  bool watch = false;
  std::optional<std::uint64_t> decision;
  MoveOptions move;
  StandingOptions standing;
  ResolveOptions resolve;
  LatenciesOptions latencies;
  TablesOptions tables;
  ConflictsOptions conflicts;
  SetControlsOptions controls;
  RuleOptions rule;
  std::string id;
  std::string application;
  std::string check;
  std::string file;
  std::string last_event_id;
  std::string shell;
  std::uint64_t from = 0;
};

// `examples`: lines, shown by --help.
inline CLI::App* add(Program& program, CLI::App* parent, const char* name, const char* about,
                     const char* examples, std::function<int()> command) {
  CLI::App* const sub = parent->add_subcommand(name, about);
  sub->footer(fmt::format("Examples:\n{}", examples));
  sub->final_callback([&program, command = std::move(command)] { program.command = command; });
  return sub;
}

void add_controls(Program& program);   // run_control.cc
void add_zones(Program& program);      // run_control.cc
void add_latencies(Program& program);  // run_control.cc

}  // namespace leeward::cli
