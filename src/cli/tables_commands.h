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

struct ConflictsOptions {
  TablesOptions common;
  std::string since;        // a duration or a moment; empty: all
  std::string export_file;  // .csv, or JSON lines
  std::string show;         // an id
  std::string reapply;      // an id
  std::string region;       // where to re-apply; empty: the config's first
  bool force = false;
};

// The conflict ledger of all regions. Exit: 0 shown or done; 1 there is no such conflict, or the
// item has changed since; 3 a region's ledger could not be read; 4 no credentials.
int show_conflicts(const Context& context, const ConflictsOptions& options);

// Replication lag as the daemon measures it. Exit: 0; 1 something is stalled.
int show_lag(const Context& context);

}  // namespace leeward::cli
