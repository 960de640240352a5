// SPDX-License-Identifier: Apache-2.0
#include "cli/tables_setup.h"

#include <algorithm>
#include <cstdio>
#include <random>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/exit_code.h"
#include "config/parse.h"
#include "load/load.h"

namespace leeward::cli {
namespace {

// The daemon's secrets are none of this command's business: whoever looks after tables need not be
// able to read them. Different places stay different values, because equal tokens are refused.
config::Sources without_secrets() {
  return {.read_file = [](const std::string& path) -> Result<std::string> {
            return fmt::format("{:016x}-in-a-file", std::hash<std::string>()(path));
          },
          .get_env = [](const std::string& name) -> std::optional<std::string> {
            return fmt::format("{:016x}-in-a-variable", std::hash<std::string>()(name));
          }};
}

std::expected<config::Config, int> read_config(const std::string& path) {
  const Result<std::string> text = load::read_file(path, load::kConfigBytesMax);
  if (!text) {
    static_cast<void>(report(text.error()));
    return std::unexpected(int{kNegative});
  }
  auto parsed = config::parse_config(*text, path, without_secrets());
  if (!parsed) {
    for (const config::Problem& problem : parsed.error()) {
      static_cast<void>(
          std::fputs((printable(config::format_problem(problem)) + "\n").c_str(), stderr));
    }
    return std::unexpected(int{kNegative});
  }
  return *std::move(parsed);
}

std::vector<RegionId> regions_of(const config::Config& config, const std::string& table) {
  std::vector<RegionId> regions;
  for (const Application& application : config.applications) {
    if (std::ranges::find(application.tables, table) == application.tables.end()) {
      continue;
    }
    for (const ApplicationRegion& here : application.regions) {
      if (std::ranges::find(regions, here.region) == regions.end()) {
        regions.push_back(here.region);
      }
    }
  }
  return regions;
}

}  // namespace

std::expected<std::unique_ptr<TablesSetup>, int> TablesSetup::make(const TablesOptions& options) {
  if (options.config.empty() == options.spec.empty()) {
    return std::unexpected(report(Error{ErrorCode::kInvalidArgument,
                                        "give either --config FILE (leeward.yaml) or --spec FILE "
                                        "(its 'regions' and 'tables' alone)"}));
  }
  auto config = read_config(options.config.empty() ? options.spec : options.config);
  if (!config) {
    return std::unexpected(config.error());
  }
  std::unique_ptr<TablesSetup> setup(new TablesSetup());
  setup->config_ = *std::move(config);
  for (const Status& done : {setup->resolve_targets(), setup->name_tables(options.tables)}) {
    if (!done) {
      static_cast<void>(report(done.error()));
      return std::unexpected(int{kNegative});
    }
  }
  auto credentials =
      std::make_shared<dynamodb::CredentialSource>(dynamodb::system_credential_world());
  if (const auto found = credentials->get(); !found) {
    return std::unexpected(report(found.error()));
  }
  setup->pool_ = std::make_unique<dynamodb::ClientPool>(std::move(credentials));
  return setup;
}

Status TablesSetup::resolve_targets() {
  const dynamodb::GetEnv get_env = dynamodb::system_credential_world().get_env;
  for (const Region& region : config_.regions) {
    if (region.dynamodb_region.empty()) {
      continue;
    }
    auto endpoint =
        dynamodb::resolve_endpoint(region.dynamodb_endpoint, region.dynamodb_region, get_env);
    if (!endpoint) {
      return fail(
          with_context(std::move(endpoint).error(), fmt::format("regions.{}.dynamodb", region.id)));
    }
    targets_.push_back({region.id, *std::move(endpoint)});
  }
  return {};
}

Status TablesSetup::name_tables(const std::vector<std::string>& only) {
  for (const TableSpec& spec : config_.tables) {
    tables_.push_back({spec.name, &spec, spec.replicas});
  }
  for (const Application& application : config_.applications) {
    for (const std::string& name : application.tables) {
      if (std::ranges::find(tables_, name, &NamedTable::name) == tables_.end()) {
        tables_.push_back({name, nullptr, regions_of(config_, name)});
      }
    }
  }
  for (NamedTable& table : tables_) {  // a region without a store is a warning of the config's
    std::erase_if(table.regions, [&](const RegionId& id) {
      return std::ranges::find(targets_, id, &table_manager::RegionTarget::region) ==
             targets_.end();
    });
  }
  std::vector<std::string> known;
  for (const NamedTable& table : tables_) {
    known.push_back(table.name);
  }
  for (const std::string& name : only) {
    if (std::ranges::find(known, name) == known.end()) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("no table '{}' here; there are: {}", printable(name),
                              known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))));
    }
  }
  if (!only.empty()) {
    std::erase_if(tables_, [&](const NamedTable& table) {
      return std::ranges::find(only, table.name) == only.end();
    });
  }
  return {};
}

table_manager::Manager TablesSetup::manager() {
  return {targets_, table_manager::pooled_call(*pool_, std::random_device()()),
          table_manager::real_waiter()};
}

}  // namespace leeward::cli
