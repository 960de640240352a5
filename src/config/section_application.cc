// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <string>

#include "config/schema_text.h"
#include "config/sections.h"
#include "config/syntax.h"

namespace leeward::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kAddressesMax = 32;
constexpr std::size_t kHostnamesMax = 100;
constexpr std::size_t kTablesMax = 256;
constexpr std::size_t kRegionsMax = 64;  // the health board's region index is one byte

Result<std::string> parse_answer_address(std::string_view text) {
  ASSIGN_OR_RETURN(std::string ip, parse_ip(text));
  if (!is_unicast(ip)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} cannot be an answer: expected the address of a host", quote(text)));
  }
  return ip;
}

// The singular form of a list key; the effective config always shows the list.
template <typename Owner>
Key<Owner> singular(std::string name, Key<Owner> list, std::string type) {
  list.doc = fmt::format("Short for `{}` with one in it.", list.name);
  list.default_text = fmt::format("required, or `{}`", list.name);
  list.name = std::move(name);
  list.type = std::move(type);
  list.write = [](const Owner&) { return Value::absent(); };
  list.read = [read = list.read, type = list.type](Reader& reader, const Node& node, Owner& owner) {
    if (node.kind == NodeKind::kList || node.kind == NodeKind::kMap) {
      reader.problem(node, fmt::format("expected {}, found {}", type, describe(node)));
      return;
    }
    read(reader, node, owner);
  };
  return list;
}

// Exactly one of the two must be written.
void require_either(Reader& reader, const Node& map, const std::string& one,
                    const std::string& many) {
  const bool has_one = map.find(one) != nullptr;
  const bool has_many = map.find(many) != nullptr;
  if (has_one && has_many) {
    const Reader::Scope scope(reader, many);
    reader.problem_at(map.find(many)->position,
                      fmt::format("write either '{}' or '{}', not both", one, many));
  } else if (!has_one && !has_many) {
    const Reader::Scope scope(reader, one);
    reader.problem_at(map.position, fmt::format("required key is missing: '{}' (or '{}' with a "
                                                "list)",
                                                one, many));
  }
}

Key<FailoverPolicy> lag_key() {
  return {
      .name = "max_replication_lag",
      .type = "duration, 1ms to 1d",
      .doc =
          "The target's data may be at most this old when users move there. Without it, data "
          "is not a guard.",
      .read =
          [](Reader& reader, const Node& node, FailoverPolicy& policy) {
            if (const auto value = reader.duration(node, milliseconds(1), hours(24))) {
              policy.max_replication_lag = *value;
            }
          },
      .write =
          [](const FailoverPolicy& policy) {
            return policy.max_replication_lag
                       ? Value::scalar(format_duration(*policy.max_replication_lag))
                       : Value::absent();
          },
      .default_text = "none",
  };
}

Section<FencingPolicy> fencing_section() {
  return {
      .keys =
          {
              choice_key("mode", &FencingPolicy::mode, {"none", "lease", "transaction"},
                         parse_fencing_mode, leeward::to_string,
                         "What keeps a region that was left from writing."),
              duration_key("lease", &FencingPolicy::lease, milliseconds(100), minutes(10),
                           "How long writers may go on when their lease is not renewed. A region "
                           "that cannot be fenced is waited for this long."),
              duration_key("renew", &FencingPolicy::renew, milliseconds(20), minutes(3),
                           "How often leases are renewed; at most a third of `lease`."),
              duration_key("request_max", &FencingPolicy::request_max, milliseconds(10),
                           minutes(10), "The longest that one write may take, retries included."),
          },
      .finish =
          [](Reader& reader, const Node& map, FencingPolicy& policy) {
            if (policy.renew * 3 > policy.lease && reader.usable(map, "renew")) {
              const Reader::Scope scope(reader, "renew");
              reader.problem(
                  *map.find("renew"),
                  fmt::format("{} must be at most a third of lease, which is {} here",
                              format_duration(policy.renew), format_duration(policy.lease)));
            } else if (policy.renew * 3 > policy.lease) {
              policy.renew = policy.lease / 3;
            }
          },
  };
}

Section<LockoutPolicy> lockout_section() {
  return {{
      integer_key("moves", &LockoutPolicy::moves, 0, 1000,
                  "An application that moved by itself this often is locked out of automatic moves "
                  "until `leeward acknowledge`; 0: never."),
      duration_key("within", &LockoutPolicy::within, seconds(1), hours(24 * 31),
                   "How long a move counts."),
  }};
}

Section<VelocityLimit> velocity_section() {
  return {{
      integer_key("percent", &VelocityLimit::percent, 1, 100,
                  "How many of all applications may move by themselves `within`, rounded down, at "
                  "least one; 100: no limit. The others wait."),
      duration_key("within", &VelocityLimit::within, seconds(1), hours(24), "See `percent`."),
  }};
}

constexpr std::size_t kStepsMax = 20;

void read_steps(Reader& reader, const Node& node, GradualFailback& gradual) {
  if (node.kind != NodeKind::kList || node.items.size() > kStepsMax) {
    reader.problem(node, fmt::format("expected a list of at most {} percentages, found {}",
                                     kStepsMax, describe(node)));
    return;
  }
  std::vector<int> steps;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Reader::Scope scope(reader, i);
    const auto step = reader.integer(*node.items[i], 1, 99);
    if (step && !steps.empty() && *step <= steps.back()) {
      reader.problem(*node.items[i],
                     fmt::format("{} must be above the step before it, {}", *step, steps.back()));
    } else if (step) {
      steps.push_back(static_cast<int>(*step));
    }
  }
  gradual.steps = std::move(steps);
}

Section<GradualFailback> gradual_failback_section() {
  Key<GradualFailback> steps{
      .name = "steps",
      .type = "list of percentages, 1 to 99, ascending",
      .doc =
          "After a failback the preferred region answers this share of the queries, step by "
          "step, then all. Writes go there at once.",
      .read = read_steps,
      .write =
          [](const GradualFailback& gradual) {
            std::vector<Value> items;
            for (const int step : gradual.steps) {
              items.push_back(Value::scalar(fmt::format("{}", step)));
            }
            return Value::list(std::move(items));
          },
  };
  return {{
      std::move(steps),
      duration_key("every", &GradualFailback::every, seconds(1), hours(24), "Time per step."),
  }};
}

void finish_failover(Reader& reader, const Node& map, FailoverPolicy& policy) {
  const Node* quorum = map.find("quorum");
  if (quorum != nullptr && policy.quorum_required > 1 && reader.usable(*quorum, "required")) {
    const Reader::Scope scope(reader, "quorum.required");
    reader.problem(*quorum->find("required"),
                   fmt::format("{} votes can never agree: this version has one vantage point, the "
                               "node itself; write 1",
                               policy.quorum_required));
  }
}

Key<ApplicationRegion> region_reference_key() {
  Key<ApplicationRegion> key{
      .name = "region",
      .type = "name of a region",
      .doc = "A name under `regions`.",
      .read =
          [](Reader& reader, const Node& node, ApplicationRegion& region) {
            const auto text = reader.text(node, "the name of a region");
            if (!text) {
              return;
            }
            region.region = RegionId(*text);
            if (const Status known = check_region_known(reader, *text); !known) {
              reader.problem(node, known.error().message);
            }
          },
      .write = [](const ApplicationRegion& region) { return Value::scalar(region.region.str()); },
      .required = true,
  };
  return key;
}

Section<ApplicationRegion> application_region_section() {
  auto addresses = texts_key<ApplicationRegion>(
      "addresses", &ApplicationRegion::addresses, "IP address", kAddressesMax,
      [](Reader&) -> TextParser { return parse_answer_address; },
      "What the hostname answers while this region is active.");
  addresses.default_text = "required, or `address`";
  Key<ApplicationRegion> check =
      section_key("check", &ApplicationRegion::check, check_section(),
                  "The health check of this region. Keys that are not written come from "
                  "`defaults.check`.");
  check.required = true;
  return {
      .keys = {region_reference_key(), singular("address", addresses, "IP address"), addresses,
               std::move(check)},
      .finish =
          [](Reader& reader, const Node& map, ApplicationRegion& region) {
            require_either(reader, map, "address", "addresses");
            if (region.check.address.empty() && !region.addresses.empty()) {
              region.check.address = region.addresses.front();
            }
          },
  };
}

void read_regions(Reader& reader, const Node& node, const Section<ApplicationRegion>& section,
                  Application& application) {
  if (node.kind != NodeKind::kList || node.items.empty() || node.items.size() > kRegionsMax) {
    reader.problem(node, fmt::format("expected a list of 1 to {} regions in order of preference, "
                                     "found {}",
                                     kRegionsMax,
                                     node.kind == NodeKind::kList
                                         ? fmt::format("{} of them", node.items.size())
                                         : describe(node)));
    return;
  }
  std::set<RegionId> seen;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Reader::Scope scope(reader, i);
    ApplicationRegion region;
    region.check.timing = reader.context().defaults.timing;
    read_section(reader, *node.items[i], section, region);
    if (!region.region.empty() && !seen.insert(region.region).second) {
      const Reader::Scope key(reader, "region");
      reader.problem(
          *node.items[i]->find("region"),
          fmt::format("region {} is already in this application", quote(region.region.str())));
    }
    application.regions.push_back(std::move(region));
  }
}

Key<Application> regions_key() {
  Section<ApplicationRegion> section = application_region_section();
  std::vector<KeyDoc> children = {{"[]", "map", "", "", describe_section(section)}};
  const auto shared = std::make_shared<const Section<ApplicationRegion>>(std::move(section));
  return {
      .name = "regions",
      .type = "list of maps",
      .doc = "Where the application runs, in order of preference.",
      .read = [=](Reader& r, const Node& n, Application& a) { read_regions(r, n, *shared, a); },
      .write =
          [=](const Application& application) {
            std::vector<Value> items;
            for (const ApplicationRegion& region : application.regions) {
              items.push_back(write_section(*shared, region));
            }
            return Value::list(std::move(items));
          },
      .required = true,
      .children = std::move(children),
  };
}

// One node is one vantage point: it cannot tell a dead region from its own broken network, so that
// it may move users by itself must be written out (design: fewer than five vantage points). Where
// nothing is written, failover is manual, and a warning says so.
void settle_automatic(Reader& reader, const Node& map, Application& application) {
  const Defaults& defaults = reader.context().defaults;
  const Node* failover = map.find("failover");
  const Node* automatic = failover == nullptr ? nullptr : failover->find("automatic");
  const bool quorum_written =
      defaults.quorum_written || (failover != nullptr && failover->find("quorum") != nullptr);
  if (quorum_written) {
    return;
  }
  const bool asked = automatic != nullptr || defaults.automatic_written;
  if (asked && application.failover.automatic &&
      (automatic == nullptr || !reader.failed(*automatic))) {
    const Reader::Scope scope(reader, "failover.automatic");
    reader.problem_at(
        automatic == nullptr ? map.position : automatic->position,
        "automatic failover from fewer than five vantage points needs its quorum "
        "written out: add 'quorum: {required: 1}' beside it. One vantage point cannot "
        "tell a dead region from its own broken network");
  }
  if (!asked) {
    application.failover.automatic = false;
  }
}

void finish_application(Reader& reader, const Node& map, Application& application) {
  require_either(reader, map, "hostname", "hostnames");
  if (application.ttl_floor > application.ttl) {
    if (map.find("ttl_floor") != nullptr) {
      const Reader::Scope scope(reader, "ttl_floor");
      reader.problem(*map.find("ttl_floor"), fmt::format("{} must not exceed ttl, which is {} here",
                                                         format_duration(application.ttl_floor),
                                                         format_duration(application.ttl)));
    } else {
      application.ttl_floor = application.ttl;
    }
  }
  for (ApplicationRegion& region : application.regions) {
    region.check.id = HealthCheckId(application.id.str() + "/" + region.region.str());
  }
  settle_automatic(reader, map, application);
  if (static_cast<std::size_t>(application.min_healthy_regions) > application.regions.size() &&
      reader.usable(map, "min_healthy_regions")) {
    const Reader::Scope scope(reader, "min_healthy_regions");
    reader.problem(*map.find("min_healthy_regions"),
                   fmt::format("{} is more than its {} regions", application.min_healthy_regions,
                               application.regions.size()));
  }
  if (application.failover.fencing.mode != FencingMode::kNone && application.tables.empty()) {
    const Reader::Scope scope(reader, "tables");
    reader.problem_at(map.position,
                      fmt::format("fencing mode {} needs 'tables': without tables there are no "
                                  "writes to fence",
                                  leeward::to_string(application.failover.fencing.mode)));
  }
}

// Refuses a hostname that another application has.
TextParser hostname_parser(Reader& reader) {
  return [&reader](std::string_view text) -> Result<std::string> {
    ASSIGN_OR_RETURN(std::string name, parse_hostname(text));
    const auto [first, is_new] = reader.context().hostnames.emplace(name, reader.path());
    if (!is_new) {
      return fail(ErrorCode::kAlreadyExists,
                  fmt::format("{} is already answered for {}", quote(name), first->second));
    }
    return name;
  };
}

}  // namespace

Status check_region_known(Reader& reader, const std::string& name) {
  if (reader.context().region_name_set.contains(name)) {
    return {};
  }
  const std::string hint = did_you_mean(name, reader.context().region_names);
  return fail(ErrorCode::kNotFound, fmt::format("no region {} under 'regions'{}", quote(name),
                                                hint.empty() ? "; add it there" : hint));
}

Key<Application> ttl_key(std::string name, Duration Application::* member, std::string doc) {
  Key<Application> key =
      duration_key(std::move(name), member, seconds(1), hours(24), std::move(doc));
  key.type += ", whole seconds";
  key.read = [read = key.read, member](Reader& reader, const Node& node, Application& owner) {
    read(reader, node, owner);
    if (!reader.failed(node) && owner.*member % seconds(1) != Duration::zero()) {
      reader.problem(node, fmt::format("expected whole seconds, because DNS counts in seconds, "
                                       "found {}",
                                       describe(node)));
    }
  };
  return key;
}

Section<FailoverPolicy> failover_section() {
  Section<FailoverPolicy> quorum{{
      integer_key("required", &FailoverPolicy::quorum_required, 1, 100,
                  "Votes that must agree; absolute, never a share of those left. This version has "
                  "one vantage point, so 1."),
  }};
  Key<FailoverPolicy> automatic =
      boolean_key("automatic", &FailoverPolicy::automatic,
                  "Move users without asking. Needs `quorum` written out.");
  automatic.default_text = "true where `quorum` is written, else false";
  return {
      .keys =
          {
              std::move(automatic),
              duration_key("confirm_window", &FailoverPolicy::confirm_window, seconds(0),
                           minutes(10), "The quorum must hold this long before users move."),
              group("quorum", std::move(quorum), "Who must agree that a region is dead."),
              lag_key(),
              duration_key("hold_down", &FailoverPolicy::hold_down, seconds(0), hours(24 * 7),
                           "Least time between two automatic moves."),
              choice_key("failback", &FailoverPolicy::failback, {"manual", "automatic"},
                         parse_failback, leeward::to_string, "Who starts the way back."),
              duration_key("failback_after", &FailoverPolicy::failback_after, seconds(0),
                           hours(24 * 7),
                           "Automatic failback: the preferred region was healthy this long."),
              section_key("fencing", &FailoverPolicy::fencing, fencing_section(),
                          "Who may write, and when."),
              section_key("lockout", &FailoverPolicy::lockout, lockout_section(),
                          "When moving does not help any more."),
              section_key("velocity", &FailoverPolicy::velocity, velocity_section(),
                          "How many applications may move at a time."),
              section_key("gradual_failback", &FailoverPolicy::gradual_failback,
                          gradual_failback_section(), "How users follow a failback."),
          },
      .finish = finish_failover,
  };
}

Section<Region> region_section() {
  const auto name = unchanged(check_name);
  Section<Region> dynamodb{
      .keys =
          {
              text_key<Region>("region", &Region::dynamodb_region, "name such as eu-west-3", name,
                               "The DynamoDB region beside this one."),
              text_key<Region>("endpoint", &Region::dynamodb_endpoint, "URL",
                               unchanged(check_endpoint_url),
                               "Only for local stores. Without it: Amazon's."),
          },
      .finish =
          [](Reader& reader, const Node& map, Region& region) {
            if (region.dynamodb_region.empty() && map.find("region") == nullptr) {
              const Reader::Scope scope(reader, "region");
              reader.problem_at(map.position,
                                "required key is missing: name of the DynamoDB region, such as "
                                "eu-west-3 (requests are signed for it)");
            }
          },
  };
  Key<Region> key = group("dynamodb", std::move(dynamodb), "Where the region's tables are.");
  key.write = [write = key.write](const Region& region) {
    return region.dynamodb_region.empty() ? Value::absent() : write(region);
  };
  Key<Region> capacity{
      .name = "capacity",
      .type = "whole number, 1 to 1000000",
      .doc =
          "What the region can carry, in units of the applications' `demand`. An application "
          "does not move by itself where there is no room. Without it: no limit.",
      .read =
          [](Reader& reader, const Node& node, Region& region) {
            if (const auto value = reader.integer(node, 1, 1'000'000)) {
              region.capacity = static_cast<int>(*value);
            }
          },
      .write =
          [](const Region& region) {
            return region.capacity ? Value::scalar(fmt::format("{}", *region.capacity))
                                   : Value::absent();
          },
      .default_text = "none",
  };
  return {{std::move(key), std::move(capacity)}};
}

Section<Application> application_section() {
  auto hostnames =
      texts_key<Application>("hostnames", &Application::hostnames, "host name", kHostnamesMax,
                             hostname_parser, "The names that Leeward answers for it.");
  hostnames.default_text = "required, or `hostname`";
  return {
      .keys =
          {
              singular("hostname", hostnames, "host name"),
              hostnames,
              choice_key("mode", &Application::mode, {"active-passive", "active-active"},
                         parse_application_mode, leeward::to_string,
                         "One region answers, or every healthy one does."),
              ttl_key("ttl", &Application::ttl, "TTL of its answers."),
              ttl_key("ttl_floor", &Application::ttl_floor,
                      "A suspected failure shortens the TTL down to this; at most `ttl`."),
              regions_key(),
              texts_key<Application>(
                  "tables", &Application::tables, "DynamoDB table name", kTablesMax,
                  [](Reader&) -> TextParser { return unchanged(check_table_name); },
                  "Tables that are replicated with it."),
              integer_key("demand", &Application::demand, 0, 1'000'000,
                          "What it takes of the `capacity` of the region where it is active."),
              integer_key("min_healthy_regions", &Application::min_healthy_regions, 1, 255,
                          "Active-active: with fewer healthy regions all of them answer, so that "
                          "the load of all does not fall on the few that are left."),
              section_key("failover", &Application::failover, failover_section(),
                          "When and how users move. Keys that are not written come from "
                          "`defaults.failover`."),
          },
      .finish = finish_application,
  };
}

}  // namespace leeward::config
