// SPDX-License-Identifier: Apache-2.0
#include "cli/run.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/exit_code.h"
#include "cli/program.h"
#include "cli/tables_commands.h"

namespace leeward::cli {
namespace {

void add_globals(Program& program) {
  CLI::App& app = program.app;
  app.require_subcommand(1);
  app.fallthrough();
  app.add_option("--api", program.context.api.url, "Where leewardd's API is")
      ->envname("LEEWARD_API")
      ->capture_default_str();
  app.add_option("--token-file", program.token_file,
                 "File with the token (or the environment's LEEWARD_TOKEN)");
  app.add_option("--ca-file", program.context.api.ca_file,
                 "PEM certificates that an https API is checked against");
  app.add_option("--output", program.output, "How to print")
      ->check(CLI::IsMember({"human", "json"}))
      ->capture_default_str();
  app.footer(
      "Exit codes: 0 done; 1 the answer is no (a guard refused, a replay diverged, a config has\n"
      "problems); 2 wrong usage; 3 the daemon or DNS server cannot be reached; 4 not authorised;\n"
      "5 the server failed. `leeward COMMAND --help` has examples.");
}

void add_reading(Program& p) {
  CLI::App* const app = &p.app;
  add(p, app, "status", "Applications, regions and their health",
      "  leeward status\n  leeward status --watch\n  leeward --output json status",
      [&p] { return show_status(p.context, p.watch); })
      ->add_flag("--watch", p.watch, "Go on showing it: in place, or on change into a pipe");
  add(p, app, "explain", "Why a decision was made, with its evidence",
      "  leeward explain      # the newest\n  leeward explain 17",
      [&p] { return explain(p.context, p.decision); })
      ->add_option("DECISION", p.decision, "Its number; the newest if left out");
  add(p, app, "events", "Follow health transitions, decisions and reloads",
      "  leeward events\n  leeward --output json events | jq .",
      [&p] { return follow_events(p.context, p.last_event_id); })
      ->add_option("--since", p.last_event_id, "Go on after this event's id");

  CLI::App* const check = app->add_subcommand("check", "Health checks");
  check->require_subcommand(1);
  check->fallthrough();
  add(p, check, "list", "All health checks with their status",
      "  leeward check list\n  leeward check list --application shop",
      [&p] { return list_checks(p.context, p.application); })
      ->add_option("--application", p.application, "Only this application's");
  add(p, check, "history", "The last probes of one health check",
      "  leeward check history shop/GRA11", [&p] { return show_history(p.context, p.check); })
      ->add_option("CHECK", p.check, "Its id: APPLICATION/REGION")
      ->required();

  CLI::App* const journal = app->add_subcommand("journal", "The record of all decisions");
  journal->require_subcommand(1);
  journal->fallthrough();
  add(p, journal, "export", "Print it as JSON lines",
      "  leeward journal export > journal.jsonl\n  leeward journal export --from 100",
      [&p] { return export_journal(p.context, p.from); })
      ->add_option("--from", p.from, "First sequence number");
}

void add_move(Program& p, const char* kind, const char* about, const char* examples, bool to) {
  CLI::App* const sub =
      add(p, &p.app, kind, about, examples, [&p, kind] { return move(p.context, kind, p.move); });
  sub->add_option("APPLICATION", p.move.application, "Which application")->required();
  CLI::Option* const region = sub->add_option("--to", p.move.to, "The region to move to");
  if (to) {
    region->required();
  }
  sub->add_flag("--dry-run", p.move.dry_run, "Only say what would happen");
  sub->add_option("--accept-data-loss", p.move.accept_data_loss,
                  "Go on although replication lags by up to this, as in 12s");
  sub->add_option("--reason", p.move.reason, "Why; kept in the journal");
}

void add_standing(Program& p, const char* change, const char* about, const char* examples) {
  CLI::App* const sub = add(p, &p.app, change, about, examples, [&p, change] {
    return change_standing(p.context, change, p.standing);
  });
  sub->add_option("APPLICATION", p.standing.application, "Which application")->required();
  sub->add_option("--reason", p.standing.reason, "Why; kept in the journal");
}

void add_commanding(Program& p) {
  add_move(p, "failover", "Move an application away from its region now",
           "  leeward failover shop --to RBX-A --dry-run\n"
           "  leeward failover shop --to RBX-A --accept-data-loss 12s --reason 'GRA11 burns'",
           true);
  add_move(p, "switchover", "Move an application while both regions are healthy",
           "  leeward switchover shop --to RBX-A --reason 'maintenance of GRA11'", true);
  add_move(p, "failback", "Move an application back to its preferred region",
           "  leeward failback shop\n  leeward failback shop --dry-run", false);
  add_standing(p, "hold", "Let an application move only when an operator says so",
               "  leeward hold shop --reason 'maintenance of the network until noon'");
  add_standing(p, "release", "End a hold", "  leeward release shop");
  add_standing(p, "acknowledge", "End the lockout of an application that moved too often",
               "  leeward acknowledge shop --reason 'the load balancer was replaced'");
  add(p, &p.app, "reload", "Read the daemon's config file again, all or nothing",
      "  leeward reload", [&p] { return reload(p.context); });
}

void add_local(Program& p, std::function<int()> complete) {
  CLI::App* const app = &p.app;
  CLI::App* const config = app->add_subcommand("config", "Config files");
  config->require_subcommand(1);
  config->fallthrough();
  add(p, config, "check", "Print the effective config, or everything wrong with it",
      "  leeward config check leeward.yaml", [&p] { return check_config(p.context, p.file); })
      ->add_option("FILE", p.file, "leeward.yaml")
      ->required();
  add(p, app, "replay", "Recompute a journal and compare",
      "  leeward replay journal.jsonl\n  leeward journal export | leeward replay -",
      [&p] { return replay_journal(p.context, p.file); })
      ->add_option("JOURNAL", p.file, "JSON lines of `leeward journal export`; - is standard input")
      ->required();
  CLI::App* const resolve_command =
      add(p, app, "resolve", "Ask a DNS server",
          "  leeward resolve app.example.test\n"
          "  leeward resolve app.example.test AAAA --from 192.0.2.7 --server 127.0.0.1:5353",
          [&p] { return resolve(p.context, p.resolve); });
  resolve_command->add_option("NAME", p.resolve.name, "Domain name")->required();
  resolve_command->add_option("TYPE", p.resolve.type, "Record type")->capture_default_str();
  resolve_command->add_option("--from", p.resolve.from, "As if a client at this IP address asked");
  resolve_command->add_option("--server", p.resolve.server, "ADDRESS:PORT")->capture_default_str();
  resolve_command->add_flag("--tcp", p.resolve.tcp, "Ask over TCP");
  add(p, app, "version", "Print the version", "  leeward version", [&p] {
    print(p.context.json ? fmt::format("{{\"version\":\"{}\"}}\n", LEEWARD_VERSION)
                         : fmt::format("leeward {}\n", LEEWARD_VERSION));
    return int{kOk};
  });
  add(p, app, "completion", "Print a completion script for a shell",
      "  leeward completion bash > /etc/bash_completion.d/leeward\n"
      "  leeward completion fish > ~/.config/fish/completions/leeward.fish",
      std::move(complete))
      ->add_option("SHELL", p.shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

// `leeward tables ...`: options that all of them have, on each.
CLI::App* add_tables_command(Program& p, CLI::App* group, const char* name, const char* about,
                             const char* examples, std::function<int()> command) {
  CLI::App* const sub = add(p, group, name, about, examples, std::move(command));
  CLI::Option* const config = sub->add_option("--config", p.tables.config,
                                              "leeward.yaml: its regions, tables, applications");
  sub->add_option("--spec", p.tables.spec,
                  "A file with only 'regions' and 'tables' of leeward.yaml")
      ->excludes(config);
  sub->add_option("--table", p.tables.tables, "Only this table; may be repeated");
  return sub;
}

void add_tables(Program& p) {
  CLI::App* const group = p.app.add_subcommand("tables", "DynamoDB tables in every region");
  group->require_subcommand(1);
  group->fallthrough();
  CLI::App* const ensure = add_tables_command(
      p, group, "ensure", "Make what is missing: tables, streams, indexes, TTL, replicas",
      "  leeward tables ensure --config leeward.yaml --dry-run\n"
      "  leeward tables ensure --spec tables.yaml --table orders --timeout 1h",
      [&p] { return ensure_tables(p.context, p.tables); });
  ensure->add_flag("--dry-run", p.tables.dry_run, "Only say what would be done");
  ensure
      ->add_option("--timeout", p.tables.timeout,
                   "Per table; making a replica of much data takes hours at Amazon")
      ->capture_default_str();
  add_tables_command(p, group, "status", "State, stream, drift and alarms in every region",
                     "  leeward tables status --config leeward.yaml\n"
                     "  leeward tables status --config leeward.yaml --output json",
                     [&p] { return show_tables(p.context, p.tables); });
  add(p, group, "lag", "Replication lag of every table and direction, as the daemon measures it",
      "  leeward tables lag\n  leeward --output json tables lag | jq .links",
      [&p] { return show_lag(p.context); });
  CLI::App* const conflicts = add_tables_command(
      p, group, "conflicts", "Writes that last-writer-wins discarded, from every region's ledger",
      "  leeward tables conflicts --config leeward.yaml --since 24h\n"
      "  leeward tables conflicts --config leeward.yaml --export conflicts.csv\n"
      "  leeward tables conflicts --config leeward.yaml --show 4f0c...\n"
      "  leeward tables conflicts --config leeward.yaml --reapply 4f0c... --region RBX-A",
      [&p] {
        p.conflicts.common = p.tables;
        return show_conflicts(p.context, p.conflicts);
      });
  conflicts->add_option("--since", p.conflicts.since, "How long ago, as in 2h, or a UTC time");
  conflicts->add_option("--export", p.conflicts.export_file,
                        "Write them to a file: .csv, or JSON lines");
  CLI::Option* const show =
      conflicts->add_option("--show", p.conflicts.show, "Both versions of one");
  conflicts
      ->add_option("--reapply", p.conflicts.reapply,
                   "Write the lost version again, if the item has not changed since")
      ->excludes(show);
  conflicts->add_option("--region", p.conflicts.region, "Where to re-apply it");
  conflicts->add_flag("--force", p.conflicts.force, "Re-apply although the item has changed since");
  conflicts->add_flag("--dry-run", p.tables.dry_run, "Only say what would be written");
}

void collect(const CLI::App& app, const std::string& path, std::vector<CompletionEntry>& into) {
  CompletionEntry entry{path, {}};
  for (const CLI::App* const sub : app.get_subcommands({})) {
    entry.words.push_back(sub->get_name());
  }
  for (const CLI::Option* const option : app.get_options()) {
    if (!option->get_positional()) {
      entry.words.push_back("--" + option->get_lnames().front());
    }
  }
  into.push_back(std::move(entry));
  for (const CLI::App* const sub : app.get_subcommands({})) {
    collect(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name(), into);
  }
}

int complete(const Program& program) {
  std::vector<CompletionEntry> entries;
  collect(program.app, "", entries);
  const Shell shell = program.shell == "bash"  ? Shell::kBash
                      : program.shell == "zsh" ? Shell::kZsh
                                               : Shell::kFish;
  print(completion_script(shell, entries));
  return kOk;
}

Result<Secret> read_token(const std::string& path) {
  std::string text;
  if (path.empty()) {
    const char* const value = std::getenv("LEEWARD_TOKEN");
    text = value != nullptr ? value : "";
  } else {
    std::ifstream file(path);
    text.assign(std::istreambuf_iterator<char>(file), {});
    if (file.bad() || text.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("--token-file {}: cannot be read, or is empty", path));
    }
  }
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) {
    text.pop_back();
  }
  if (text.find_first_of("\r\n") != std::string::npos) {
    return fail(ErrorCode::kInvalidArgument, "the token must be one line");
  }
  return Secret(std::move(text));
}

int run_command(Program& program) {
  Context& context = program.context;
  context.json = program.output == "json";
  context.terminal = ::isatty(STDOUT_FILENO) == 1;
  const char* const no_colour = std::getenv("NO_COLOR");
  context.style.colour = context.terminal && (no_colour == nullptr || *no_colour == '\0');
  Result<Secret> token = read_token(program.token_file);
  if (!token) {
    return report(token.error());
  }
  context.api.token = *std::move(token);
  return program.command();
}

int parse_and_run(int argc, const char* const* argv) {
  Program program;
  add_globals(program);
  add_reading(program);
  add_commanding(program);
  add_controls(program);
  add_zones(program);
  add_latencies(program);
  add_tables(program);
  add_local(program, [&program] { return complete(program); });
  try {
    program.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // 0 for --help; CLI11 has printed it, or what is wrong with how to get help.
    return program.app.exit(error) == 0 ? kOk : kUsage;
  }
  return program.command ? run_command(program) : int{kUsage};
}

}  // namespace

int run(int argc, const char* const* argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    static_cast<void>(std::fprintf(stderr, "leeward: %s\n", error.what()));
    return kServerError;
  }
}

}  // namespace leeward::cli
