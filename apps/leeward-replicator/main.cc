// SPDX-License-Identifier: Apache-2.0
//
// leeward-replicator: options -> one Hub per region to carry into -> run until SIGTERM.
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
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include "replication/hub.h"
#include "replication/observer.h"

namespace {

using leeward::ErrorCode;
using leeward::fail;
using leeward::RegionId;
using leeward::Result;
namespace dynamodb = leeward::dynamodb;
namespace replication = leeward::replication;

struct Region {
  RegionId id;
  dynamodb::Endpoint endpoint;
};

struct Options {
  std::vector<std::string> tables;
  std::vector<std::string> regions;
  std::string into;
  std::string only;
  int lanes = 8;
  std::string tombstone_retention = "168h";
  std::string state_directory;
  std::string status_file;
  bool observe = false;
  std::string version_attribute;
  std::string settle = "5s";
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

Result<std::vector<Region>> parse_regions(const Options& options) {
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
  return regions;
}

// Two processes that carry into one region would take each other's puts for the region's own.
leeward::Status lock_region(const std::string& directory, const RegionId& here) {
  const std::string path = fmt::format("{}/into-{}.lock", directory, here);
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("--state-dir {} is not a directory that can be written", directory));
  }
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {  // held until the process ends
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("{} is locked: another replicator into {} is running", path, here));
  }
  return {};
}

using Hubs = std::vector<std::unique_ptr<replication::Hub>>;

// Looked for as the AWS SDKs do; asked once now, so that a lack of them is said at start.
Result<std::shared_ptr<dynamodb::CredentialSource>> find_credentials() {
  auto source = std::make_shared<dynamodb::CredentialSource>(dynamodb::system_credential_world());
  RETURN_IF_ERROR(source->get());
  return source;
}

Result<Hubs> make_hubs(const Options& options) {
  ASSIGN_OR_RETURN(const auto credentials, find_credentials());
  ASSIGN_OR_RETURN(const auto regions, parse_regions(options));
  ASSIGN_OR_RETURN(const auto retention,
                   leeward::parse_duration(
                       options.tombstone_retention == "0" ? "0s" : options.tombstone_retention));
  Hubs hubs;
  std::random_device seed;
  for (const Region& to : regions) {
    if (!options.into.empty() && options.into != to.id.str()) {
      continue;
    }
    replication::HubOptions made;
    made.here = to.id;
    made.endpoint = to.endpoint;
    for (const Region& from : regions) {
      const bool wanted =
          options.only.empty() || options.only == fmt::format("{}:{}", from.id, to.id);
      if (from.id != to.id && wanted) {
        made.sources.push_back({from.id, from.endpoint});
      }
    }
    if (made.sources.empty()) {
      continue;
    }
    RETURN_IF_ERROR(lock_region(options.state_directory, to.id));
    made.regions = regions.size();
    made.tables = options.tables;
    made.credentials = credentials;
    made.state_directory = options.state_directory;
    made.lanes = options.lanes;
    made.tombstone_retention = retention;
    made.seed = seed();
    made.on_event = [to = to.id](std::string_view table, const RegionId& from,
                                 std::string_view event, std::string_view detail) {
      log_line(table, from, to, event, detail);
    };
    hubs.push_back(std::make_unique<replication::Hub>(std::move(made)));
  }
  if (hubs.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                !options.only.empty()
                    ? fmt::format("--only {} names no pair of the given regions", options.only)
                : !options.into.empty()
                    ? fmt::format("--into {} and another one must be among the --region options",
                                  options.into)
                    : "name at least two different regions");
  }
  return hubs;
}

std::string status_json(const Hubs& hubs) {
  boost::json::array directions;
  for (const auto& hub : hubs) {
    hub->status(directions);
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

using Observers = std::vector<std::unique_ptr<replication::Observer>>;

Result<Observers> make_observers(const Options& options) {
  ASSIGN_OR_RETURN(const auto credentials, find_credentials());
  ASSIGN_OR_RETURN(const auto regions, parse_regions(options));
  ASSIGN_OR_RETURN(const auto settle, leeward::parse_duration(options.settle));
  if (regions.size() < 2 || options.tables.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "--observe needs at least two different --region and one --table");
  }
  RETURN_IF_ERROR(lock_region(options.state_directory, RegionId("observer")));
  Observers observers;
  for (const std::string& table : options.tables) {
    replication::ObserverOptions made;
    made.table = table;
    for (const Region& region : regions) {
      made.regions.push_back({region.id, region.endpoint});
    }
    made.credentials = credentials;
    made.state_directory = options.state_directory;
    made.join.settle = settle;
    made.join.version_attribute = options.version_attribute;
    made.on_event = [table](std::string_view event, std::string_view region,
                            std::string_view detail) {
      log_line(table, RegionId(std::string(region)), RegionId(std::string(region)), event, detail);
    };
    observers.push_back(std::make_unique<replication::Observer>(std::move(made)));
  }
  return observers;
}

std::string status_json(const Observers& observers) {
  boost::json::array tables;
  for (const auto& observer : observers) {
    tables.push_back(observer->status());
  }
  return boost::json::serialize(boost::json::object{{"tables", std::move(tables)}});
}

// Runs each on a thread of its own until a signal comes.
template <typename Workers>
int run_all(const sigset_t& signals, const Options& options, const Workers& workers) {
  std::vector<std::thread> threads;
  for (const auto& worker : workers) {
    threads.emplace_back([&worker] { worker->run(); });
  }
  wait_for_the_end(signals, options.status_file, [&] { return status_json(workers); });
  for (const auto& worker : workers) {
    worker->stop();
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  return 0;
}

int refuse(const leeward::Error& error) {
  fmt::print(stderr, "leeward-replicator: {}\n", error.message);
  return error.code == ErrorCode::kInvalidArgument ? 2 : 1;
}

int run(const Options& options) {
  // Before any thread is made, so that all of them leave the signals to wait_for_the_end().
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));

  if (options.observe) {
    const auto observers = make_observers(options);
    return observers ? run_all(signals, options, *observers) : refuse(observers.error());
  }
  const auto hubs = make_hubs(options);
  return hubs ? run_all(signals, options, *hubs) : refuse(hubs.error());
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Carries writes between regions of DynamoDB-compatible stores: last writer wins"};
  app.add_option("--table", options.tables,
                 "a table; may be repeated. Besides these, what the region's own table "
                 "leeward-global-tables names");
  app.add_option("--region", options.regions,
                 "NAME=URL,REGION (or NAME=REGION for Amazon's endpoint); at least two")
      ->required();
  app.add_option("--into", options.into,
                 "NAME: carry into this region from every other one; without it, into all");
  app.add_option("--only", options.only, "FROM:TO: this direction instead of all");
  app.add_option("--state-dir", options.state_directory, "keeps checkpoints; must exist")
      ->required();
  app.add_option("--lanes", options.lanes, "concurrent puts per region carried into")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--tombstone-retention", options.tombstone_retention,
                 "deletes older than this are forgotten, such as 168h; longer than a region may "
                 "ever be cut off; 0: never")
      ->capture_default_str();
  app.add_flag("--observe", options.observe,
               "carry nothing: find lost writes of tables that replicate by themselves, such as "
               "Amazon's global tables, by joining the streams of all their regions");
  app.add_option("--version-attribute", options.version_attribute,
                 "with --observe: an attribute that names an item's versions; else their content "
                 "does");
  app.add_option("--settle", options.settle,
                 "with --observe: a verdict waits this long; longer than replication takes")
      ->capture_default_str();
  app.add_option("--status-file", options.status_file, "rewritten with JSON five times a second");
  app.set_version_flag("--version", LEEWARD_VERSION);
  app.footer(
      "What last-writer-wins discards is kept in the table leeward-conflicts of the region.\n"
      "Credentials are found as the AWS SDKs do: environment, profile, web identity, container,\n"
      "instance metadata.\n"
      "Items carry their stamp in the attribute _r; deletes are items with _del (tombstones).\n"
      "Ends cleanly on SIGTERM. Exit status: 0 ended so, 1 could not start, 2 wrong usage.\n\n"
      "Example:\n"
      "  leeward-replicator --into RBX-A --table items --state-dir /var/lib/leeward \\\n"
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
