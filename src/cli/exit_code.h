// SPDX-License-Identifier: Apache-2.0
//
// What `leeward` ends with. Scripts rely on these; docs/reference/cli.md lists them.
#pragma once

namespace leeward::cli {

enum ExitCode : int {
  kOk = 0,
  kNegative = 1,       // asked and answered with no: a guard refused, a replay diverged, a config
                       // has problems, there is no such application
  kUsage = 2,          // the command line is wrong, or the daemon found the arguments wrong
  kUnreachable = 3,    // no answer from the daemon or the DNS server
  kNotAuthorised = 4,  // no token, a wrong one, or one whose role is too low
  kServerError = 5,    // the daemon failed, or answered with what is not its API
};

}  // namespace leeward::cli
