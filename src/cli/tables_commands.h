// SPDX-License-Identifier: Apache-2.0
//
// `leeward tables ...`: what works on tables in every region. These talk to the stores directly,
// not to the daemon, with the credentials that the AWS SDKs would find.
#pragma once

#include <string>
#include <vector>

#include "cli/context.h"

namespace leeward::cli {

struct TablesOptions {
  std::string config;               // leeward.yaml
  std::string spec;                 // or a file with only `regions:` and `tables:`
  std::vector<std::string> tables;  // only these; empty: all
  bool dry_run = false;
  std::string timeout = "30m";
};

// Makes what is missing. Exit: 0 all is as asked for; 1 something stands in the way; 3 a region
// cannot be reached or the time is over; 4 no credentials, or refused ones.
int ensure_tables(const Context& context, const TablesOptions& options);

// Exit: 0 all is as asked for; 1 drift or alarms; 3, 4 as above.
int show_tables(const Context& context, const TablesOptions& options);

}  // namespace leeward::cli
