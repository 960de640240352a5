// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "config/schema_text.h"
#include "config/sections.h"

namespace leeward::config {
namespace {

void read_defaults(Reader& reader, const Node& node, const Section<Application>& section) {
  Defaults& defaults = reader.context().defaults;
  Application draft;
  ApplicationRegion region;
  draft.regions.push_back(region);
  read_section(reader, node, section, draft);
  defaults.timing = draft.regions.front().check.timing;
  defaults.ttl = draft.ttl;
  defaults.ttl_floor = draft.ttl_floor;
  defaults.failover = draft.failover;
  if (const Node* failover = node.find("failover")) {
    defaults.automatic_written = failover->find("automatic") != nullptr;
    defaults.quorum_written = failover->find("quorum") != nullptr;
  }
}

Section<Application> defaults_section() {
  Section<CheckTiming> timing = timing_section();
  std::vector<KeyDoc> children = describe_section(timing);
  const auto shared = std::make_shared<const Section<CheckTiming>>(std::move(timing));
  Key<Application> check{
      .name = "check",
      .type = "map",
      .doc = "Timing of every health check.",
      .read =
          [=](Reader& reader, const Node& node, Application& draft) {
            read_section(reader, node, *shared, draft.regions.front().check.timing);
          },
      .write = [](const Application&) { return Value::absent(); },
      .children = std::move(children),
  };
  return {
      .keys = {std::move(check), ttl_key("ttl", &Application::ttl, "TTL of answers."),
               ttl_key("ttl_floor", &Application::ttl_floor, "Suspicion shortens TTLs to this."),
               section_key("failover", &Application::failover, failover_section(),
                           "When and how users move.")},
      .finish =
          [](Reader& reader, const Node& map, Application& draft) {
            if (draft.ttl_floor > draft.ttl && reader.usable(map, "ttl_floor")) {
              const Reader::Scope scope(reader, "ttl_floor");
              reader.problem(
                  *map.find("ttl_floor"),
                  fmt::format("{} must not exceed ttl, which is {} here",
                              format_duration(draft.ttl_floor), format_duration(draft.ttl)));
            }
            draft.ttl_floor = std::min(draft.ttl_floor, draft.ttl);
          },
  };
}

Key<Config> defaults_key() {
  Section<Application> section = defaults_section();
  std::vector<KeyDoc> children = describe_section(section);
  const auto shared = std::make_shared<const Section<Application>>(std::move(section));
  return {
      .name = "defaults",
      .type = "map",
      .doc = "What applications inherit. The effective config shows it where it is inherited.",
      .read = [=](Reader& r, const Node& node, Config&) { read_defaults(r, node, *shared); },
      .write = [](const Config&) { return Value::absent(); },
      .children = std::move(children),
  };
}

// What an application's regions can carry stands with the regions.
void copy_capacities(Config& config) {
  for (Application& application : config.applications) {
    for (ApplicationRegion& place : application.regions) {
      const auto region = std::ranges::find(config.regions, place.region, &Region::id);
      place.capacity = region == config.regions.end() ? std::nullopt : region->capacity;
    }
  }
}

// Fences and heartbeats are items in the regions' own tables.
void check_data_regions(Reader& reader, const Node& root, const Config& config) {
  const Node* applications = root.find("applications");
  for (const Application& application : config.applications) {
    if (application.failover.fencing.mode == FencingMode::kNone || applications == nullptr) {
      continue;
    }
    const Node* map = applications->find(application.id.str());
    for (const ApplicationRegion& place : application.regions) {
      const auto region = std::ranges::find(config.regions, place.region, &Region::id);
      if (map != nullptr && region != config.regions.end() && region->dynamodb_region.empty()) {
        const Reader::Scope a(reader, "applications");
        const Reader::Scope b(reader, application.id.str());
        const Reader::Scope c(reader, "failover.fencing");
        reader.problem_at(map->position,
                          fmt::format("region {} has no fence table: name its DynamoDB region in "
                                      "regions.{}.dynamodb.region",
                                      place.region, place.region));
      }
    }
  }
}

Section<Config> make_root_section() {
  return {
      .keys =
          {
              section_key("node", &Config::node, node_section(), "This daemon."),
              section_key("state", &Config::state, state_section(), "What survives a restart."),
              section_key("dns", &Config::dns, dns_section(), "The DNS server."),
              section_key("api", &Config::api, api_section(), "The admin API."),
              section_key("log", &Config::log, log_section(), "The log, on standard error."),
              section_key("replication", &Config::replication, replication_section(),
                          "How replication is measured."),
              defaults_key(),
              named_key<Config, Region>(
                  "regions", &Config::regions, region_section(), "NAME",
                  [](Reader&, const std::string& name) {
                    Region region;
                    region.id = RegionId(name);
                    return region;
                  },
                  [](const Region& region) { return region.id.str(); }, "Where applications run."),
              named_key<Config, Application>(
                  "applications", &Config::applications, application_section(), "NAME",
                  [](Reader& reader, const std::string& name) {
                    const Defaults& defaults = reader.context().defaults;
                    Application application;
                    application.id = ApplicationId(name);
                    application.ttl = defaults.ttl;
                    application.ttl_floor = defaults.ttl_floor;
                    application.failover = defaults.failover;
                    return application;
                  },
                  [](const Application& application) { return application.id.str(); },
                  "What fails over, each as a unit."),
              named_key<Config, TableSpec>(
                  "tables", &Config::tables, table_section(), "NAME",
                  [](Reader&, const std::string& name) {
                    TableSpec table;
                    table.name = name;
                    return table;
                  },
                  [](const TableSpec& table) { return table.name; },
                  "What `leeward tables ensure` makes. A table that an application names need not "
                  "stand here.",
                  check_spec_name),
          },
      .unsupported =
          {
              {"mesh", "this version runs on one node: remove the key"},
              {"providers", "answers come from Leeward's own DNS: remove the key"},
              {"notify", "follow /v1/events of the admin API instead and remove the key"},
          },
      .finish =
          [](Reader& reader, const Node& map, Config& config) {
            copy_capacities(config);
            check_data_regions(reader, map, config);
            finish_tables(reader, map, config);
          },
  };
}

}  // namespace

const Section<Config>& root_section() {
  static const Section<Config> section = make_root_section();
  return section;
}

}  // namespace leeward::config
