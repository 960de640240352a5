// SPDX-License-Identifier: Apache-2.0
//
// leewardd: options -> Node -> run.
#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>

#include "node/node.h"
#include "probe/checker.h"

namespace {

int run(int argc, char** argv) {
  std::string config_file;
  CLI::App app{"Moves users away from a dead region: checks, decides, answers DNS"};
  app.add_option("--config", config_file, "the config file (leeward.yaml)")->required();
  app.set_version_flag("--version", LEEWARD_VERSION);
  app.footer(
      "Runs in the foreground and logs to standard error.\n"
      "  SIGHUP   reads the config again, all or nothing\n"
      "  SIGTERM  shuts down cleanly\n"
      "Exit status: 0 clean shutdown, 1 could not start, 2 wrong usage.\n"
      "Check a config first: leeward config check FILE");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  leeward::probe::raise_descriptor_limit();
  auto node = leeward::node::Node::create(config_file);
  if (!node) {
    static_cast<void>(std::fprintf(stderr, "leewardd: %s\n", node.error().message.c_str()));
    return 1;
  }
  (*node)->run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    static_cast<void>(std::fprintf(stderr, "leewardd: %s\n", error.what()));
    return 1;
  }
}
