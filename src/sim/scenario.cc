// SPDX-License-Identifier: Apache-2.0
#include "sim/scenario.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace leeward::sim {
namespace {

// What a verb's arguments are, a letter each: r region, s site, n node, a application, p percent,
// d duration, f ppm, j seconds. `*` after a letter: `all` may stand for both sites.
struct Grammar {
  Verb verb;
  std::string_view word;
  std::string_view arguments;
};

constexpr std::array kGrammar = {
    Grammar{Verb::kKill, "kill", "r"},
    Grammar{Verb::kStart, "start", "r"},
    Grammar{Verb::kLose, "lose", "r"},
    Grammar{Verb::kRestore, "restore", "r"},
    Grammar{Verb::kFreeze, "freeze", "r"},
    Grammar{Verb::kThaw, "thaw", "r"},
    Grammar{Verb::kSlow, "slow", "rd"},
    Grammar{Verb::kGray, "gray", "rp"},
    Grammar{Verb::kWell, "well", "r"},
    Grammar{Verb::kIsolate, "isolate", "s"},
    Grammar{Verb::kJoin, "join", "s"},
    Grammar{Verb::kCut, "cut", "ss"},
    Grammar{Verb::kMend, "mend", "ss"},
    Grammar{Verb::kCutWay, "cut-way", "ss"},
    Grammar{Verb::kMendWay, "mend-way", "ss"},
    Grammar{Verb::kLoss, "loss", "ssp"},
    Grammar{Verb::kDelay, "delay", "ssd"},
    Grammar{Verb::kBurst, "burst", "sd"},
    Grammar{Verb::kCrash, "crash", "n"},
    Grammar{Verb::kBoot, "boot", "n"},
    Grammar{Verb::kBootOld, "boot-old", "n"},
    Grammar{Verb::kPause, "pause", "n"},
    Grammar{Verb::kResume, "resume", "n"},
    Grammar{Verb::kDrift, "drift", "nf"},
    Grammar{Verb::kJump, "jump", "nj"},
    Grammar{Verb::kLie, "lie", "n"},
    Grammar{Verb::kHonest, "honest", "n"},
    Grammar{Verb::kStoreDown, "store-down", ""},
    Grammar{Verb::kStoreUp, "store-up", ""},
    Grammar{Verb::kStoreRestore, "store-restore", ""},
    Grammar{Verb::kProviderErrors, "provider-errors", "p"},
    Grammar{Verb::kProviderLoses, "provider-loses", "p"},
    Grammar{Verb::kStall, "stall", "rr"},
    Grammar{Verb::kFlow, "flow", "rr"},
    Grammar{Verb::kFailover, "failover", "ar"},
    Grammar{Verb::kSwitchover, "switchover", "ar"},
    Grammar{Verb::kFailback, "failback", "ar"},
    Grammar{Verb::kForce, "force", "ar"},
    Grammar{Verb::kHold, "hold", "a"},
    Grammar{Verb::kRelease, "release", "a"},
    Grammar{Verb::kAcknowledge, "acknowledge", "a"},
};

constexpr std::size_t kRegionsMax = 8;
constexpr int kNodesMax = 9;
constexpr std::size_t kApplicationsMax = 50;
constexpr std::size_t kFaultsMax = 10'000;
constexpr std::size_t kProblemsMax = 20;
constexpr Duration kLengthMax = std::chrono::hours(24 * 30);

const Grammar& grammar_of(Verb verb) {
  return *std::ranges::find(kGrammar, verb, &Grammar::verb);
}

class Parser {
 public:
  Result<Scenario> parse(std::string_view text) {
    std::istringstream lines{std::string(text)};
    std::string line;
    while (std::getline(lines, line) && problems_.size() < kProblemsMax) {
      ++number_;
      line.erase(std::min(line.find('#'), line.size()));
      words_ = std::istringstream(line);
      if (std::string word; words_ >> word) {
        read_line(word);
      }
    }
    finish();
    if (!problems_.empty()) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("{}", fmt::join(problems_, "\n")));
    }
    return std::move(scenario_);
  }

 private:
  void problem(const std::string& what) {
    problems_.push_back(number_ == 0 ? what : fmt::format("line {}: {}", number_, what));
  }

  void read_line(const std::string& word) {
    if (word == "length") {
      scenario_.length = duration("a length", std::chrono::seconds(1), kLengthMax);
    } else if (word == "heal") {
      scenario_.heal_at = duration("a time", Duration(0), kLengthMax);
      heals_ = true;
    } else if (word == "nodes") {
      scenario_.nodes = static_cast<int>(number("a number of nodes", 1, kNodesMax, true));
    } else if (word == "regions") {
      read_regions();
    } else if (word == "checks") {
      read_settings([this](const std::string& key, const std::string& value) {
        return check_setting(key, value);
      });
    } else if (word == "network") {
      read_settings([this](const std::string& key, const std::string& value) {
        return network_setting(key, value);
      });
    } else if (word == "application") {
      read_application();
    } else if (word == "at") {
      read_fault();
    } else {
      problem(
          fmt::format("unknown word '{}'; known: length, heal, nodes, regions, checks, "
                      "network, application, at",
                      word));
    }
    if (std::string rest; problems_.empty() && words_ >> rest) {
      problem(fmt::format("'{}' is one word too many", rest));
    }
  }

  // ---- values ----

  std::string word() {
    std::string word;
    words_ >> word;
    return word;
  }
  Duration duration_of(const std::string& text, const std::string& what, Duration least,
                       Duration most) {
    const auto parsed = parse_duration(text);
    if (!parsed || *parsed < least || *parsed > most) {
      problem(fmt::format("expected {} from {} to {}, found '{}'", what, format_duration(least),
                          format_duration(most), text));
      return least;
    }
    return *parsed;
  }
  Duration duration(const std::string& what, Duration least, Duration most) {
    return duration_of(word(), what, least, most);
  }
  double number_of(std::string text, const std::string& what, double least, double most,
                   bool whole = false) {
    const bool percent = what.contains("percentage") && text.ends_with('%');
    const std::string given = text;
    if (percent) {
      text.pop_back();
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(value >= least) ||
        value > most || (whole && value != std::floor(value))) {
      problem(fmt::format("expected {} from {} to {}, found '{}'", what, least, most, given));
      return least;
    }
    return value;
  }
  double number(const std::string& what, double least, double most, bool whole = false) {
    return number_of(word(), what, least, most, whole);
  }

  // ---- lines ----

  void read_regions() {
    for (std::string name; words_ >> name;) {
      if (std::ranges::find(scenario_.regions, RegionId(name)) != scenario_.regions.end()) {
        problem(fmt::format("region '{}' is there twice", name));
      }
      if (name == "all" || name == "store" || name == "provider" || name == "users" ||
          name.starts_with("node-")) {
        problem(fmt::format("a region cannot be named '{}'", name));
      }
      scenario_.regions.emplace_back(name);
    }
    if (scenario_.regions.empty() || scenario_.regions.size() > kRegionsMax) {
      problem(
          fmt::format("expected 1 to {} regions, found {}", kRegionsMax, scenario_.regions.size()));
    }
  }

  // Words KEY=VALUE; `take` says whether it knows the key.
  template <typename Take>
  void read_settings(Take take) {
    for (std::string setting; words_ >> setting;) {
      const std::size_t equals = setting.find('=');
      if (equals == std::string::npos) {
        problem(fmt::format("expected KEY=VALUE, found '{}'", setting));
      } else if (!take(setting.substr(0, equals), setting.substr(equals + 1))) {
        problem(fmt::format("unknown key '{}'", setting.substr(0, equals)));
      }
    }
  }

  bool check_setting(const std::string& key, const std::string& value) {
    using std::chrono::hours;
    using std::chrono::milliseconds;
    CheckTiming& timing = scenario_.timing;
    if (key == "interval") {
      timing.interval = duration_of(value, "an interval", milliseconds(20), hours(1));
    } else if (key == "timeout") {
      timing.timeout = duration_of(value, "a timeout", milliseconds(20), hours(1));
      timing.timeout_floor = std::min(timing.timeout_floor, timing.timeout);
    } else if (key == "failures") {
      timing.failure_threshold.reset();
      if (value != "auto") {
        timing.failure_threshold = static_cast<int>(number_of(value, "a threshold", 1, 100, true));
      }
    } else if (key == "successes") {
      timing.success_threshold = static_cast<int>(number_of(value, "a threshold", 1, 100, true));
    } else if (key == "spacing") {
      timing.confirm_spacing = duration_of(value, "a spacing", milliseconds(5), hours(1));
    } else {
      return false;
    }
    return true;
  }

  bool network_setting(const std::string& key, const std::string& value) {
    using std::chrono::milliseconds;
    using std::chrono::seconds;
    if (key == "delay") {
      scenario_.delay = duration_of(value, "a delay", Duration(0), seconds(10));
    } else if (key == "loss") {
      scenario_.loss_percent = number_of(value, "a percentage", 0, 100);
    } else if (key == "push") {
      scenario_.push = duration_of(value, "a period", milliseconds(10), seconds(60));
    } else if (key == "vote_ttl") {
      scenario_.vote_ttl = duration_of(value, "a time", milliseconds(10), seconds(600));
    } else if (key == "ttl") {
      scenario_.ttl = duration_of(value, "a TTL", seconds(1), seconds(86400));
    } else {
      return false;
    }
    return true;
  }

  std::vector<int> integers_of(const std::string& text, const std::string& what, int most) {
    std::vector<int> integers;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');) {
      integers.push_back(static_cast<int>(number_of(part, what, 0, most, true)));
    }
    return integers;
  }

  void read_application() {
    failover::Policy policy;
    policy.id = ApplicationId(word());
    if (policy.id.empty() || policy.id.str().contains('=')) {
      problem("expected the application's name");
    }
    policy.failover.quorum_required = scenario_.nodes / 2 + 1;
    read_settings([&](const std::string& key, const std::string& value) {
      return application_setting(policy, key, value);
    });
    if (policy.regions.empty()) {
      policy.regions = scenario_.regions;
    }
    if (!policy.capacities.empty() && policy.capacities.size() != policy.regions.size()) {
      problem("expected one capacity per region");
      policy.capacities.clear();
    }
    scenario_.applications.push_back(std::move(policy));
    if (scenario_.applications.size() > kApplicationsMax) {
      problem(fmt::format("at most {} applications", kApplicationsMax));
    }
  }

  bool application_setting(failover::Policy& policy, const std::string& key,
                           const std::string& value) {
    constexpr Duration kLong = std::chrono::hours(24 * 7);
    FailoverPolicy& failover = policy.failover;
    const std::string after_slash = value.substr(std::min(value.find('/') + 1, value.size()));
    const std::string before_slash = value.substr(0, value.find('/'));
    if (key == "regions") {
      read_application_regions(policy, value);
    } else if (key == "mode" && parse_application_mode(value)) {
      policy.mode = *parse_application_mode(value);
    } else if (key == "automatic" && (value == "true" || value == "false")) {
      failover.automatic = value == "true";
    } else if (key == "quorum") {
      failover.quorum_required = static_cast<int>(number_of(value, "votes", 1, kNodesMax, true));
    } else if (key == "confirm") {
      failover.confirm_window = duration_of(value, "a confirm window", Duration(0), kLong);
    } else if (key == "hold_down") {
      failover.hold_down = duration_of(value, "a hold-down", Duration(0), kLong);
    } else if (key == "failback") {
      failover.failback = Failback::kAutomatic;
      failover.failback_after = duration_of(value, "a time", Duration(0), kLong);
    } else if (key == "fencing" && parse_fencing_mode(value)) {
      failover.fencing.mode = *parse_fencing_mode(value);
    } else if (key == "lease") {
      failover.fencing.lease = duration_of(value, "a lease", std::chrono::seconds(1), kLong);
    } else if (key == "lag") {
      policy.replicated = true;
      failover.max_replication_lag = duration_of(value, "a lag", Duration(1), kLong);
    } else if (key == "tables" && (value == "true" || value == "false")) {
      policy.replicated = value == "true";
    } else if (key == "lockout") {
      failover.lockout = {static_cast<int>(number_of(before_slash, "moves", 0, 1000, true)),
                          duration_of(after_slash, "a window", std::chrono::seconds(1), kLong)};
    } else if (key == "velocity") {
      failover.velocity = {static_cast<int>(number_of(before_slash, "a percentage", 1, 100, true)),
                           duration_of(after_slash, "a window", std::chrono::seconds(1), kLong)};
    } else if (key == "steps") {
      failover.gradual_failback = {
          integers_of(before_slash, "a percentage", 99),
          duration_of(after_slash, "a time", std::chrono::seconds(1), kLong)};
    } else if (key == "demand") {
      policy.demand = static_cast<int>(number_of(value, "a demand", 0, 1e6, true));
    } else if (key == "capacities") {
      policy.capacities = integers_of(value, "a capacity", 1'000'000);
    } else {
      return false;
    }
    return true;
  }

  void read_application_regions(failover::Policy& policy, const std::string& value) {
    std::istringstream names(value);
    for (std::string name; std::getline(names, name, ',');) {
      if (std::ranges::find(scenario_.regions, RegionId(name)) == scenario_.regions.end()) {
        problem(fmt::format("no region '{}'; `regions` must stand above and name it", name));
      }
      policy.regions.emplace_back(name);
    }
  }

  void read_fault() {
    Fault fault;
    fault.at = duration("a time", Duration(0), kLengthMax);
    const std::string verb = word();
    const auto* known = std::ranges::find(kGrammar, verb, &Grammar::word);
    if (known == kGrammar.end()) {
      problem(fmt::format("unknown event '{}'", verb));
      words_.setstate(std::ios::eofbit | std::ios::failbit);
      return;
    }
    fault.verb = known->verb;
    for (const char kind : known->arguments) {
      read_argument(fault, kind);
    }
    scenario_.faults.push_back(std::move(fault));
    lines_.push_back(number_);
    if (scenario_.faults.size() > kFaultsMax) {
      problem(fmt::format("at most {} events", kFaultsMax));
    }
  }

  void read_argument(Fault& fault, char kind) {
    switch (kind) {
      case 'p':
        fault.number = number("a percentage", 0, 100);
        break;
      case 'f':
        fault.number = number("parts per million", -100'000, 100'000);
        break;
      case 'j':
        fault.number = number("seconds", -1e7, 1e7);
        break;
      case 'd':
        fault.duration = duration("a duration", Duration(0), std::chrono::hours(24));
        break;
      default:
        if (fault.names.size() == 1 && fault.names[0] == "all") {
          return;  // `loss all 5%`
        }
        fault.names.push_back(word());
    }
  }

  // ---- the whole ----

  void finish() {
    number_ = 0;
    if (scenario_.regions.empty()) {
      problem("there is no line `regions`");
    }
    if (scenario_.applications.empty()) {
      problem("there is no line `application`");
    }
    if (!heals_) {
      scenario_.heal_at = scenario_.length;
    }
    if (scenario_.heal_at > scenario_.length) {
      problem("`heal` is after `length`");
    }
    const std::vector<std::string> sites = site_names(scenario_);
    for (std::size_t i = 0; i < scenario_.faults.size(); ++i) {
      number_ = lines_[i];
      check_names(scenario_.faults[i], sites);
    }
    std::ranges::sort(scenario_.faults, {}, [](const Fault& fault) {
      return std::tuple(fault.at, fault.verb, fault.names, fault.number, fault.duration);
    });
  }

  void check_names(const Fault& fault, const std::vector<std::string>& sites) {
    std::size_t next = 0;
    for (const char kind : grammar_of(fault.verb).arguments) {
      if (next >= fault.names.size() || std::string_view("pfjd").contains(kind)) {
        break;
      }
      const std::string& name = fault.names[next++];
      const bool region =
          std::ranges::find(scenario_.regions, RegionId(name)) != scenario_.regions.end();
      const bool site = std::ranges::find(sites, name) != sites.end();
      const bool all = name == "all" && (fault.verb == Verb::kLoss || fault.verb == Verb::kDelay);
      if (kind == 'r' && !region) {
        problem(fmt::format("expected a region, found '{}'", name));
      } else if (kind == 's' && !site && !all) {
        problem(fmt::format("expected a site ({}), found '{}'", fmt::join(sites, ", "), name));
      } else if (kind == 'n' && (!site || !name.starts_with("node-"))) {
        problem(
            fmt::format("expected a node (node-1 to node-{}), found '{}'", scenario_.nodes, name));
      } else if (kind == 'a' &&
                 std::ranges::find(scenario_.applications, ApplicationId(name),
                                   &failover::Policy::id) == scenario_.applications.end()) {
        problem(fmt::format("expected an application, found '{}'", name));
      }
    }
  }

  Scenario scenario_;
  std::istringstream words_;
  std::vector<std::string> problems_;
  std::vector<int> lines_;  // of the faults
  int number_ = 0;
  bool heals_ = false;
};

std::string format_application(const failover::Policy& policy) {
  const FailoverPolicy& failover = policy.failover;
  std::vector<std::string> regions;
  for (const RegionId& region : policy.regions) {
    regions.push_back(region.str());
  }
  std::string line = fmt::format(
      "application {} regions={} mode={} automatic={} quorum={} confirm={} hold_down={} fencing={}",
      policy.id, fmt::join(regions, ","), to_string(policy.mode), failover.automatic,
      failover.quorum_required, format_duration(failover.confirm_window),
      format_duration(failover.hold_down), to_string(failover.fencing.mode));
  if (failover.failback == Failback::kAutomatic) {
    line += " failback=" + format_duration(failover.failback_after);
  }
  if (failover.fencing.lease != FencingPolicy().lease) {
    line += " lease=" + format_duration(failover.fencing.lease);
  }
  if (failover.max_replication_lag) {
    line += " lag=" + format_duration(*failover.max_replication_lag);
  }
  line += fmt::format(" tables={} lockout={}/{} velocity={}/{} demand={}", policy.replicated,
                      failover.lockout.moves, format_duration(failover.lockout.within),
                      failover.velocity.percent, format_duration(failover.velocity.within),
                      policy.demand);
  if (!failover.gradual_failback.steps.empty()) {
    line += fmt::format(" steps={}/{}", fmt::join(failover.gradual_failback.steps, ","),
                        format_duration(failover.gradual_failback.every));
  }
  if (!policy.capacities.empty()) {
    line += fmt::format(" capacities={}", fmt::join(policy.capacities, ","));
  }
  return line;
}

}  // namespace

std::string_view to_string(Verb verb) {
  return grammar_of(verb).word;
}

Result<Scenario> parse_scenario(std::string_view text) {
  return Parser().parse(text);
}

std::string format_fault(const Fault& fault) {
  std::string line = fmt::format("at {} {}", format_duration(fault.at), to_string(fault.verb));
  for (const std::string& name : fault.names) {
    line += " " + name;
  }
  for (const char kind : grammar_of(fault.verb).arguments) {
    if (kind == 'd') {
      line += " " + format_duration(fault.duration);
    } else if (kind == 'p') {
      line += fmt::format(" {}%", fault.number);
    } else if (kind == 'f' || kind == 'j') {
      line += fmt::format(" {}", fault.number);
    }
  }
  return line;
}

std::string format_scenario(const Scenario& scenario) {
  std::vector<std::string> regions;
  for (const RegionId& region : scenario.regions) {
    regions.push_back(region.str());
  }
  const CheckTiming& timing = scenario.timing;
  std::string text = fmt::format(
      "length {}\nheal {}\nnodes {}\nregions {}\n"
      "checks interval={} timeout={} failures={} successes={} spacing={}\n"
      "network delay={} loss={}% push={} vote_ttl={} ttl={}\n",
      format_duration(scenario.length), format_duration(scenario.heal_at), scenario.nodes,
      fmt::join(regions, " "), format_duration(timing.interval), format_duration(timing.timeout),
      timing.failure_threshold ? std::to_string(*timing.failure_threshold) : "auto",
      timing.success_threshold, format_duration(timing.confirm_spacing),
      format_duration(scenario.delay), scenario.loss_percent, format_duration(scenario.push),
      format_duration(scenario.vote_ttl), format_duration(scenario.ttl));
  for (const failover::Policy& policy : scenario.applications) {
    text += format_application(policy) + "\n";
  }
  for (const Fault& fault : scenario.faults) {
    text += format_fault(fault) + "\n";
  }
  return text;
}

std::vector<std::string> site_names(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const RegionId& region : scenario.regions) {
    names.push_back(region.str());
  }
  for (int i = 1; i <= scenario.nodes; ++i) {
    names.push_back(fmt::format("node-{}", i));
  }
  names.insert(names.end(), {"store", "provider", "users"});
  return names;
}

}  // namespace leeward::sim
