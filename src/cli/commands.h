// SPDX-License-Identifier: Apache-2.0
//
// The commands. Each prints, and returns the exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

struct StandingOptions {
  std::string application;
  std::string reason;
};
int change_standing(const Context& context, std::string_view change,
                    const StandingOptions& options);

int list_checks(const Context& context, const std::string& application);
int show_history(const Context& context, const std::string& check);
int export_journal(const Context& context, std::uint64_t from);
int follow_events(const Context& context, const std::string& last_event_id);
int reload(const Context& context);

// Routing controls are named PANEL/CONTROL, safety rules PANEL/RULE.
int list_controls(const Context& context, const std::string& panel);  // "": all panels
int get_control(const Context& context, const std::string& id);
struct SetControlsOptions {
  std::vector<std::string> changes;     // "shop/gra=Off"
  std::vector<std::string> overridden;  // safety rules
};
int set_controls(const Context& context, const SetControlsOptions& options);
int create_control(const Context& context, const std::string& id);  // or a panel
int delete_control(const Context& context, const std::string& id);  // or a panel
struct RuleOptions {
  std::string id;
  std::vector<std::string> controls;
  std::vector<std::string> targets;  // given: a gating rule, else an assertion rule
  std::string type = "ATLEAST";
  int threshold = 1;
  bool inverted = false;
  std::string wait_period = "0s";
};
int set_rule(const Context& context, const RuleOptions& options);
int delete_rule(const Context& context, const std::string& id);

int list_zones(const Context& context);
int export_zone(const Context& context, const std::string& zone);
int import_zone(const Context& context, const std::string& file);  // "-": standard input

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

struct LatenciesOptions {
  std::string region;   // where this runs
  std::string targets;  // file: NETWORK, ADDRESS:PORT; "-": standard input
  std::string merge;    // file of `dns.latencies`; empty: none yet
  std::string timeout = "1s";
  int samples = 5;
};
int measure_latencies(const LatenciesOptions& options);

}  // namespace leeward::cli
