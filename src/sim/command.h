// SPDX-License-Identifier: Apache-2.0
//
// `leeward-sim run`.
#pragma once

namespace CLI {
class App;
}

namespace leeward::sim {

// Adds the command. When it was chosen it runs while `app` parses, and sets `exit_code`: 0 all
// invariants held, 1 one was broken, 2 it could not be run.
void add_run_command(CLI::App& app, int& exit_code);

}  // namespace leeward::sim
