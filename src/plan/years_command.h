// SPDX-License-Identifier: Apache-2.0
//
// `leeward-sim years`: simulated years of the detector, and whether what must be true of them was.
#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace leeward::plan {

// Adds the subcommand; when it has run, `exit_code` is 0, 1 (something was not true) or 2 (the
// options are wrong). `exit_code` must outlive parsing.
void add_years_command(CLI::App& app, int& exit_code);

}  // namespace leeward::plan
