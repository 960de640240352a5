// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace leeward::cli {

// The whole program: reads the command line and the environment (LEEWARD_API, LEEWARD_TOKEN,
// NO_COLOR), runs one command, returns what exit_code.h says. Catches everything.
int run(int argc, const char* const* argv);

}  // namespace leeward::cli
