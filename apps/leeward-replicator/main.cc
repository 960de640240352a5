// SPDX-License-Identifier: Apache-2.0
//
// leeward-replicator: options -> one Replicator per table and direction -> run until SIGTERM.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "dynamodb/replicator.h"

namespace {

using leeward::ErrorCode;
using leeward::fail;
using leeward::RegionId;
using leeward::Result;
namespace dynamodb = leeward::dynamodb;

struct Region {
  RegionId id;
  dynamodb::Endpoint endpoint;
};

struct Options {
  std::vector<std::string> tables;
  std::vector<std::string> regions;
  std::string only;
  std::string state_directory;
  std::string status_file;
};

// "GRA11=http://127.0.0.1:8101,eu-west-3" or "GRA11=eu-west-3" for Amazon's own endpoint.
Result<Region> parse_region(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::size_t comma = text.rfind(',');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--region {}: expected NAME=URL,REGION or NAME=REGION, such as "
                            "GRA11=http://127.0.0.1:8101,eu-west-3",
                            text));
  }
  // The name becomes part of stamps and file names.
  if (text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") <
      equals) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--region {}: a name is letters, digits, '-' and '_'", text));
  }
  const bool has_url = comma != std::string::npos && comma > equals;
  std::string url = has_url ? text.substr(equals + 1, comma - equals - 1) : "";
  std::string region = has_url ? text.substr(comma + 1) : text.substr(equals + 1);
  if (region.empty() || (has_url && !url.starts_with("http://") && !url.starts_with("https://"))) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("--region {}: the URL must be http or https, the region not empty", text));
  }
  return Region{RegionId(text.substr(0, equals)),
                dynamodb::resolve_endpoint(std::move(url), std::move(region))};
}

void log_line(std::string_view table, const RegionId& from, const RegionId& to,
              std::string_view event, std::string_view detail) {
  fmt::print(stderr, "event={} table={} from={} to={} detail={}\n", event, table, from, to,
             boost::json::serialize(boost::json::string_view(detail.data(), detail.size())));
}

Result<std::vector<std::unique_ptr<dynamodb::Replicator>>> make_replicators(
    const Options& options, std::vector<dynamodb::ReplicatorOptions>& made) {
  ASSIGN_OR_RETURN(const auto credentials, dynamodb::credentials_from_environment());
  std::vector<Region> regions;
  for (const std::string& text : options.regions) {
    ASSIGN_OR_RETURN(auto region, parse_region(text));
    for (const Region& other : regions) {
      if (other.id == region.id) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("region {} is named twice", region.id));
      }
    }
    regions.push_back(std::move(region));
  }
  std::vector<std::unique_ptr<dynamodb::Replicator>> replicators;
  std::random_device seed;
  for (const std::string& table : options.tables) {
    for (const Region& from : regions) {
      for (const Region& to : regions) {
        const bool wanted =
            options.only.empty() || options.only == fmt::format("{}:{}", from.id, to.id);
        if (from.id == to.id || !wanted) {
          continue;
        }
        made.push_back({.table = table,
                        .source = from.id,
                        .destination = to.id,
                        .source_endpoint = from.endpoint,
                        .destination_endpoint = to.endpoint,
                        .credentials = credentials,
                        .state_directory = options.state_directory,
                        .seed = seed(),
                        .on_event = [table, from = from.id, to = to.id](std::string_view event,
                                                                        std::string_view detail) {
                          log_line(table, from, to, event, detail);
                        }});
        replicators.push_back(std::make_unique<dynamodb::Replicator>(made.back()));
      }
    }
  }
  if (replicators.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                options.only.empty()
                    ? "name at least two different regions"
                    : fmt::format("--only {} names no pair of the given regions", options.only));
  }
  return replicators;
}

std::string status_json(const std::vector<dynamodb::ReplicatorOptions>& options,
                        const std::vector<std::unique_ptr<dynamodb::Replicator>>& replicators) {
  boost::json::array directions;
  for (std::size_t i = 0; i < replicators.size(); ++i) {
    const dynamodb::ReplicatorStatus status = replicators[i]->status();
    directions.push_back(boost::json::object{{"table", options[i].table},
                                             {"from", options[i].source.str()},
                                             {"to", options[i].destination.str()},
                                             {"applied", status.applied},
                                             {"lost_race", status.lost_race},
                                             {"skipped_foreign", status.skipped_foreign},
                                             {"refused_future", status.refused_future},
                                             {"dead_letters", status.dead_letters},
                                             {"resyncs", status.resyncs},
                                             {"source_up", status.source_up},
                                             {"destination_up", status.destination_up},
                                             {"lag_ms", status.lag_ms},
                                             {"last_error", status.last_error}});
  }
  return boost::json::serialize(boost::json::object{{"directions", std::move(directions)}});
}

// Readers see the old file or the new one, never half of it.
void write_status(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".new";
  {
    std::ofstream file(temporary, std::ios::trunc);
    file << text << "\n";
    if (!file.flush()) {
      return;
    }
  }
  static_cast<void>(std::rename(temporary.c_str(), path.c_str()));
}

// Waits for SIGTERM or SIGINT, which every thread blocks; writes the status file meanwhile.
void wait_for_the_end(const sigset_t& signals, const std::string& status_file,
                      const std::function<std::string()>& status) {
  for (;;) {
    const timespec pause{0, 200'000'000};
    if (sigtimedwait(&signals, nullptr, &pause) > 0) {
      return;
    }
    if (!status_file.empty()) {
      write_status(status_file, status());
    }
  }
}

int run(const Options& options) {
  std::vector<dynamodb::ReplicatorOptions> made;
  auto replicators = make_replicators(options, made);
  if (!replicators) {
    fmt::print(stderr, "leeward-replicator: {}\n", replicators.error().message);
    return replicators.error().code == ErrorCode::kInvalidArgument ? 2 : 1;
  }
  if (access(options.state_directory.c_str(), W_OK | X_OK) != 0) {
    fmt::print(stderr,
               "leeward-replicator: --state-dir {} is not a directory that can be written\n",
               options.state_directory);
    return 1;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));

  std::vector<std::thread> threads;
  for (const auto& replicator : *replicators) {
    threads.emplace_back([&replicator] { replicator->run(); });
  }
  wait_for_the_end(signals, options.status_file, [&] { return status_json(made, *replicators); });
  for (const auto& replicator : *replicators) {
    replicator->stop();
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Carries writes between regions of DynamoDB-compatible stores: last writer wins"};
  app.add_option("--table", options.tables, "a table; may be repeated")->required();
  app.add_option("--region", options.regions,
                 "NAME=URL,REGION (or NAME=REGION for Amazon's endpoint); at least two")
      ->required();
  app.add_option("--only", options.only, "FROM:TO: this direction instead of all");
  app.add_option("--state-dir", options.state_directory, "keeps checkpoints; must exist")
      ->required();
  app.add_option("--status-file", options.status_file, "rewritten with JSON five times a second");
  app.set_version_flag("--version", LEEWARD_VERSION);
  app.footer(
      "Credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.\n"
      "Items carry their stamp in the attribute _r; deletes are items with _del (tombstones).\n"
      "Ends cleanly on SIGTERM. Exit status: 0 ended so, 1 could not start, 2 wrong usage.\n\n"
      "Example:\n"
      "  leeward-replicator --table items --state-dir /var/lib/leeward \\\n"
      "    --region GRA11=http://127.0.0.1:8101,eu-west-3 \\\n"
      "    --region RBX-A=http://127.0.0.1:8102,eu-central-1");
  try {
    app.parse(argc, argv);
    return run(options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "leeward-replicator: {}\n", error.what());
    return 1;
  }
}
