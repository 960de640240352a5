// SPDX-License-Identifier: Apache-2.0
//
// The commands. Each prints, and returns the exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/context.h"

namespace leeward::cli {

// On a terminal `watch` redraws in place; into a pipe it prints when something but ages changed.
int show_status(const Context& context, bool watch);

// Nothing: the newest decision.
int explain(const Context& context, std::optional<std::uint64_t> decision);

struct MoveOptions {
  std::string application;
  std::string to;
  bool dry_run = false;
  std::string accept_data_loss;
  std::string reason;
};
int move(const Context& context, std::string_view kind, const MoveOptions& options);

int list_checks(const Context& context, const std::string& application);
int show_history(const Context& context, const std::string& check);
int export_journal(const Context& context, std::uint64_t from);
int follow_events(const Context& context, const std::string& last_event_id);
int reload(const Context& context);

// These do without the daemon.
int check_config(const Context& context, const std::string& file);
int replay_journal(const Context& context, const std::string& file);  // "-": standard input

struct ResolveOptions {
  std::string name;
  std::string type = "A";
  std::string from;                       // EDNS Client Subnet
  std::string server = "127.0.0.1:5353";  // ADDRESS:PORT
  bool tcp = false;
};
int resolve(const Context& context, const ResolveOptions& options);

}  // namespace leeward::cli
