// SPDX-License-Identifier: Apache-2.0
//
// Runs the stories in tests/scenario/dns/*.scn. A story is a list of blocks:
//
//     # comment
//     command arguments
//     more input
//     ----
//     expected output
//
// separated by blank lines. Commands: settings, zone FILE, hosted ZONE (scenario_records.h),
// collection ID, networks, latencies, application ID, board, query, ask, spread, raw, lookup,
// forget. LEEWARD_REWRITE=1 writes the actual output into the files instead of comparing; review
// the difference before committing it.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "dns/answer.h"
#include "dns/client_message.h"
#include "dns/compile.h"
#include "dns/scenario_records.h"
#include "routing/networks.h"

namespace leeward::dns {
namespace {

using Words = std::vector<std::string>;

Words split(const std::string& line) {
  std::istringstream in(line);
  Words words;
  for (std::string word; in >> word;) {
    words.push_back(word);
  }
  return words;
}

// "key=value" among words, or the fallback.
std::string option(const Words& words, const std::string& key, const std::string& fallback) {
  for (const std::string& word : words) {
    if (word.starts_with(key + "=")) {
      return word.substr(key.size() + 1);
    }
  }
  return fallback;
}

bool has(const Words& words, const std::string& flag) {
  return std::find(words.begin(), words.end(), flag) != words.end();
}

std::string format_records(const char* section, const std::vector<ResponseRecord>& records) {
  std::string text;
  for (const ResponseRecord& record : records) {
    text += fmt::format("{} {} {} {} {} {}\n", section, record.name, record.ttl_seconds,
                        record.record_class, record.type, record.data);
  }
  return text;
}

std::string format_response(std::span<const std::uint8_t> bytes) {
  const Result<ParsedResponse> parsed = parse_response(bytes);
  if (!parsed) {
    return parsed.error().message + "\n";
  }
  const ParsedResponse& response = *parsed;
  std::string text = response.rcode_text;
  const std::pair<bool, const char*> flags[] = {{!response.is_response, " NOT-A-RESPONSE"},
                                                {response.authoritative, " aa"},
                                                {response.truncated, " tc"},
                                                {response.recursion_desired, " rd"},
                                                {response.recursion_available, " RA"},
                                                {response.authentic_data, " AD"},
                                                {response.checking_disabled, " cd"}};
  for (const auto& [set, name] : flags) {
    text += set ? name : "";
  }
  text += fmt::format(", {} bytes\n", bytes.size());
  if (!response.question_name.empty()) {
    text += fmt::format("question {} {} {}\n", response.question_name, response.question_class,
                        response.question_type);
  }
  text += format_records("answer", response.answers);
  text += format_records("authority", response.authority);
  text += format_records("additional", response.additional);
  if (response.edns) {
    text += fmt::format("edns version={} udp={}{}\n", response.edns->version,
                        response.edns->udp_size, response.edns->dnssec_ok ? " do" : "");
  }
  return text;
}

class World {
 public:
  std::string run(const std::string& command, const std::vector<std::string>& input) {
    const Words words = split(command);
    if (words[0] == "settings") {
      return settings(input);
    }
    if (words[0] == "zone") {
      return zone(words, input);
    }
    if (words[0] == "hosted") {
      return hosted(words, input);
    }
    if (words[0] == "collection") {
      return collection(words, input);
    }
    if (words[0] == "networks") {
      return networks(input);
    }
    if (words[0] == "latencies") {
      return latencies(input);
    }
    if (words[0] == "application") {
      return application(words, input);
    }
    if (words[0] == "board") {
      return board(input);
    }
    if (words[0] == "query") {
      return query(words);
    }
    if (words[0] == "ask") {
      return ask(words);
    }
    if (words[0] == "spread") {
      return spread(words);
    }
    if (words[0] == "raw") {
      return raw(words, input);
    }
    if (words[0] == "lookup") {
      return lookup(words);
    }
    if (words[0] == "forget") {
      return forget();
    }
    return "unknown command\n";
  }

 private:
  // Tries the changed input; keeps the old one where it does not compile.
  std::string recompile(CompileInput changed) {
    changed.layout = routing::BoardLayout(changed.applications, checks_of(changed));
    auto tables = compile(changed);
    if (!tables) {
      std::string text;
      for (const Problem& problem : tables.error()) {
        text += format_problem(problem) + "\n";
      }
      return text;
    }
    input_ = std::move(changed);
    tables_ = *std::move(tables);
    board_ = std::make_unique<HealthBoard>(input_.layout.size());
    std::string text = "ok\n";
    for (const std::string& note : tables_.notes()) {
      text += "note " + note + "\n";
    }
    return text;
  }

  // Every health check that a hosted zone's record set names, but for those called "missing".
  static std::vector<HealthCheckId> checks_of(const CompileInput& input) {
    std::set<std::string> ids;
    for (const HostedZone& zone : input.hosted_zones) {
      zone.records.visit_all([&](const ResourceRecordSet& set) {
        if (!set.health_check_id.empty() && set.health_check_id != "missing") {
          ids.insert(set.health_check_id);
        }
        return true;
      });
    }
    return {ids.begin(), ids.end()};
  }

  std::string forget() { return recompile({}); }

  std::string settings(const std::vector<std::string>& lines) {
    CompileInput changed = input_;
    for (const std::string& line : lines) {
      const Words words = split(line);
      if (words[0] == "version") {
        changed.settings.version = words[1];
      }
      if (words[0] == "name-server") {
        changed.settings.name_servers.push_back(words[1]);
      }
      if (words[0] == "address") {
        changed.settings.server_addresses.push_back(words[1]);
      }
    }
    return recompile(std::move(changed));
  }

  std::string zone(const Words& words, const std::vector<std::string>& lines) {
    CompileInput changed = input_;
    std::string text;
    for (const std::string& line : lines) {
      text += line + "\n";
    }
    changed.zones.push_back({words[1], text});
    return recompile(std::move(changed));
  }

  // SOA and NS are there without saying, unless they are said.
  std::string hosted(const Words& words, const std::vector<std::string>& lines) {
    CompileInput changed = input_;
    HostedZone zone{"Z" + std::to_string(changed.hosted_zones.size() + 1), words[1] + ".", {}};
    std::vector<std::string> all{
        "@ SOA ttl=900 ns1.name.server. h.name.server. 1 7200 900 1209600 300",
        "@ NS ttl=172800 ns1.name.server."};
    all.insert(all.end(), lines.begin(), lines.end());
    for (const std::string& line : all) {
      std::optional<ResourceRecordSet> set = parse_story_record(line, zone.name);
      if (!set) {
        return "not a record set: " + line + "\n";
      }
      zone.records.insert_or_assign(*std::move(set));
    }
    changed.hosted_zones.push_back(std::move(zone));
    return recompile(std::move(changed));
  }

  std::string collection(const Words& words, const std::vector<std::string>& lines) {
    CompileInput changed = input_;
    CidrCollection collection{words[1], words[1], {}};
    for (const std::string& line : lines) {
      const Words parts = split(line);
      collection.locations.push_back({parts[0], {parts.begin() + 1, parts.end()}});
    }
    changed.cidr_collections.push_back(std::move(collection));
    return recompile(std::move(changed));
  }

  std::string networks(const std::vector<std::string>& lines) {
    auto parsed = routing::Networks::parse("networks", fmt::format("{}", fmt::join(lines, "\n")));
    if (!parsed) {
      return parsed.error().message + "\n";
    }
    locator_ = *std::move(parsed);
    return "ok\n";
  }

  std::string latencies(const std::vector<std::string>& lines) {
    auto parsed =
        routing::parse_latency_text("latencies", fmt::format("{}", fmt::join(lines, "\n")));
    if (!parsed) {
      return parsed.error().message + "\n";
    }
    CompileInput changed = input_;
    changed.geography.latencies = *std::move(parsed);
    return recompile(std::move(changed));
  }

  std::string application(const Words& words, const std::vector<std::string>& lines) {
    CompileInput changed = input_;
    Application application;
    application.id = ApplicationId(words[1]);
    application.mode = has(words, "active-active") ? ApplicationMode::kActiveActive
                                                   : ApplicationMode::kActivePassive;
    application.ttl = std::chrono::seconds(std::stoi(option(words, "ttl", "5")));
    application.ttl_floor = std::chrono::seconds(std::stoi(option(words, "floor", "1")));
    for (const std::string& line : lines) {
      const Words parts = split(line);
      if (parts[0] == "hostname") {
        application.hostnames.push_back(parts[1]);
      } else {
        ApplicationRegion region;
        region.region = RegionId(parts[1]);
        region.check.id = HealthCheckId(words[1] + "/" + parts[1]);
        region.addresses.assign(parts.begin() + 2, parts.end());
        application.regions.push_back(region);
      }
    }
    changed.applications.push_back(application);
    return recompile(std::move(changed));
  }

  std::string board(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
      const Words words = split(line);  // application shop 1 [ttl=2] | check shop/GRA11 unhealthy
      const auto ttl = static_cast<std::uint32_t>(
          std::stoul(option(words, "ttl", std::to_string(BoardWord::kNoTtlLimit))));
      if (words[0] == "application") {
        board_->store(
            *input_.layout.application(ApplicationId(words[1])),
            BoardWord::of_region_index(static_cast<std::uint8_t>(std::stoi(words[2])), ttl));
      } else {
        board_->store(*input_.layout.check(HealthCheckId(words[1])),
                      BoardWord::of(*parse_health(words[2]), ttl));
      }
    }
    return "ok\n";
  }

  // The response; empty: none.
  std::vector<std::uint8_t> exchange(std::span<const std::uint8_t> bytes, const Words& words,
                                     std::uint64_t random) {
    std::vector<std::uint8_t> out(65'535);
    Query query;
    query.bytes = bytes;
    query.transport = has(words, "tcp") ? Transport::kTcp : Transport::kUdp;
    query.random = random;
    query.client = routing::parse_network(option(words, "client", "")).value_or(ClientNetwork());
    const Context context{.tables = tables_, .board = *board_, .locator = locator_.get()};
    out.resize(answer(context, query, out));
    return out;
  }

  std::string send(std::span<const std::uint8_t> bytes, const Words& words) {
    const auto response = exchange(bytes, words, std::stoull(option(words, "random", "1")));
    return response.empty() ? "nothing is sent\n" : format_response(response);
  }

  // The answers alone: "www.z.test 60 A 192.0.2.1", or the response code.
  std::string ask(const Words& words) {
    QueryOptions options;
    options.edns = false;
    const auto bytes = build_query(words[1], words[2], options);
    if (!bytes) {
      return bytes.error().message + "\n";
    }
    const auto parsed =
        parse_response(exchange(*bytes, words, std::stoull(option(words, "random", "1"))));
    if (!parsed || parsed->rcode != 0 || parsed->answers.empty()) {
      return parsed ? parsed->rcode_text + ", no answer\n" : parsed.error().message + "\n";
    }
    std::string text;
    for (const ResponseRecord& record : parsed->answers) {
      text +=
          fmt::format("{} {} {} {}\n", record.name, record.ttl_seconds, record.type, record.data);
    }
    return text;
  }

  // Asks again and again; how many answers of a hundred had which first records, rounded, so that
  // stories show shares and not a generator's whims.
  std::string spread(const Words& words) {
    constexpr int kAsked = 20'000;
    QueryOptions options;
    options.edns = false;
    const auto bytes = build_query(words[1], words[2], options);
    std::map<std::string, int> counts;
    for (int i = 0; bytes && i < kAsked; ++i) {
      const auto parsed =
          parse_response(exchange(*bytes, words, Rng(static_cast<std::uint64_t>(i)).next()));
      counts[!parsed || parsed->answers.empty() ? "nothing" : parsed->answers.front().data] += 1;
    }
    std::string text;
    for (const auto& [data, count] : counts) {
      text += fmt::format("{} {}%\n", data, (count * 100 + kAsked / 2) / kAsked);
    }
    return text;
  }

  std::string query(const Words& words) {
    QueryOptions options;
    options.id = 4711;
    options.recursion_desired = has(words, "rd");
    options.checking_disabled = has(words, "cd");
    options.dnssec_ok = has(words, "do");
    const std::string size = option(words, "bufsize", "");
    options.edns = !size.empty() || has(words, "edns") || options.dnssec_ok;
    options.udp_size = static_cast<std::uint16_t>(std::stoi(size.empty() ? "1232" : size));
    options.query_class = static_cast<std::uint16_t>(std::stoi(option(words, "class", "1")));
    options.client_address = option(words, "from", "");
    const auto bytes = build_query(words[1], words[2], options);
    return bytes ? send(*bytes, words) : bytes.error().message + "\n";
  }

  // Bytes as hexadecimal digits and quoted text; the rest of a line after '#' is a comment.
  std::string raw(const Words& words, const std::vector<std::string>& lines) {
    std::vector<std::uint8_t> bytes;
    for (const std::string& line : lines) {
      for (const std::string& word : split(line.substr(0, line.find('#')))) {
        if (word.starts_with('"')) {
          bytes.insert(bytes.end(), word.begin() + 1, word.end() - 1);
          continue;
        }
        for (std::size_t i = 0; i + 1 < word.size(); i += 2) {
          bytes.push_back(static_cast<std::uint8_t>(std::stoi(word.substr(i, 2), nullptr, 16)));
        }
      }
    }
    return send(bytes, words);
  }

  // Of members with a set identifier: "eu[192.0.2.1]"; an unhealthy one with "!".
  std::string lookup(const Words& words) {
    const routing::Client client(
        routing::parse_network(option(words, "client", "")).value_or(ClientNetwork()),
        locator_.get());
    std::string text;
    for (const RecordSetView& view : tables_.lookup(words[1], *board_, client)) {
      Words members;
      for (const MemberView& member : view.members) {
        members.push_back(
            fmt::format("{}[{}]{}", member.set_identifier,
                        member.is_alias ? "alias" : fmt::to_string(fmt::join(member.values, ", ")),
                        member.is_healthy ? "" : "!"));
      }
      text += fmt::format("{} {} {} {} members [{}] chosen {} answers {}\n", view.name,
                          view.ttl_seconds, view.type, view.policy, fmt::join(members, ", "),
                          view.chosen, view.answers);
    }
    return text.empty() ? "none\n" : text;
  }

  CompileInput input_;
  std::unique_ptr<const routing::Networks> locator_;
  Tables tables_;
  std::unique_ptr<HealthBoard> board_ = std::make_unique<HealthBoard>(0);
};

// One pass: the story with its output replaced by what happens now.
std::string replay(std::istream& story) {
  World world;
  std::string result;
  std::string line;
  std::string command;
  std::vector<std::string> input;
  while (std::getline(story, line)) {
    if (line == "----") {
      while (std::getline(story, line) && !line.empty()) {
      }
      result += "----\n" + world.run(command, input) + "\n";
      command.clear();
      input.clear();
      continue;
    }
    result += line + "\n";
    if (!command.empty()) {
      input.push_back(line);
    } else if (!line.empty() && !line.starts_with('#')) {
      command = line;
    }
  }
  while (result.ends_with("\n\n")) {
    result.pop_back();
  }
  return result;
}

std::string scenario_directory() {
  return std::string(LEEWARD_SOURCE_DIR) + "/tests/scenario/dns";
}

std::vector<std::string> stories() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(scenario_directory())) {
    if (entry.path().extension() == ".scn") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class DnsScenario : public testing::TestWithParam<std::string> {};

TEST_P(DnsScenario, ReadsAsWritten) {
  const std::string path = scenario_directory() + "/" + GetParam() + ".scn";
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  std::istringstream story(text.str());
  const std::string actual = replay(story);
  if (std::getenv("LEEWARD_REWRITE") != nullptr) {
    std::ofstream(path) << actual;
    return;
  }
  EXPECT_EQ(actual, text.str()) << "LEEWARD_REWRITE=1 rewrites " << path;
}

INSTANTIATE_TEST_SUITE_P(Stories, DnsScenario, testing::ValuesIn(stories()),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace leeward::dns
