// SPDX-License-Identifier: Apache-2.0
//
// `leeward-sim plan`: a config's predicted detection times, recovery times and false failovers.
#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace leeward::plan {

// Adds the subcommand; when it has run, `exit_code` is 0, 1 (the config has problems, the output
// cannot be written) or 2 (the options do not fit the config). `exit_code` must outlive parsing.
void add_plan_command(CLI::App& app, int& exit_code);

}  // namespace leeward::plan
