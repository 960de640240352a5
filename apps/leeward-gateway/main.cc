// SPDX-License-Identifier: Apache-2.0
//
// leeward-gateway: options -> one Gateway -> run until SIGTERM.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <arpa/inet.h>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "gateway/gateway.h"

namespace {

using leeward::ErrorCode;
using leeward::fail;
using leeward::RegionId;
using leeward::Result;
namespace dynamodb = leeward::dynamodb;
namespace gateway = leeward::gateway;

struct Options {
  std::string region;
  std::vector<std::string> peers;
  std::vector<std::string> tables;
  std::string listen;
  std::string control;
  std::string credentials_file;
  unsigned threads = 2;
  std::size_t max_connections = 1024;
};

// "GRA11=http://127.0.0.1:8101,eu-west-3" or "GRA11=eu-west-3" for Amazon's own endpoint.
Result<gateway::PeerRegion> parse_region(std::string_view option, const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::size_t comma = text.rfind(',');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} {}: expected NAME=URL,REGION or NAME=REGION, such as "
                            "GRA11=http://127.0.0.1:8101,eu-west-3",
                            option, text));
  }
  // The name becomes part of stamps.
  if (text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") <
      equals) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} {}: a name is letters, digits, '-' and '_'", option, text));
  }
  const bool has_url = comma != std::string::npos && comma > equals;
  std::string url = has_url ? text.substr(equals + 1, comma - equals - 1) : "";
  std::string region = has_url ? text.substr(comma + 1) : text.substr(equals + 1);
  if (region.empty() || (has_url && !url.starts_with("http://") && !url.starts_with("https://"))) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{} {}: the URL must be http or https, the region not empty", option, text));
  }
  return gateway::PeerRegion{RegionId(text.substr(0, equals)),
                             dynamodb::resolve_endpoint(std::move(url), std::move(region))};
}

// "127.0.0.1:8000" or "[::1]:8000".
Result<gateway::Listen> parse_listen(std::string_view option, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::string address = text.substr(0, colon == std::string::npos ? text.size() : colon);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  unsigned port = 0;
  const char* end = text.data() + text.size();
  const char* begin = colon == std::string::npos ? end : text.data() + colon + 1;
  const auto parsed = std::from_chars(begin, end, port);
  unsigned char unused[sizeof(in6_addr)];
  const bool known = inet_pton(AF_INET, address.c_str(), unused) == 1 ||
                     inet_pton(AF_INET6, address.c_str(), unused) == 1;
  if (!known || parsed.ec != std::errc() || parsed.ptr != end || port > 65535) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} {}: expected ADDRESS:PORT, such as 127.0.0.1:8000 or [::1]:8000",
                            option, text));
  }
  return gateway::Listen{std::move(address), static_cast<std::uint16_t>(port)};
}

bool is_loopback(const gateway::Listen& listen) {
  return listen.address.starts_with("127.") || listen.address == "::1";
}

Result<gateway::KeyBook> read_keys(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(ErrorCode::kNotFound,
                fmt::format("--credentials-file {}: it cannot be opened", path));
  }
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  auto keys = gateway::parse_keys(text);
  if (!keys) {
    return fail(leeward::with_context(keys.error(), fmt::format("--credentials-file {}", path)));
  }
  return keys;
}

Result<gateway::GatewayOptions> make_options(const Options& given) {
  gateway::GatewayOptions options;
  ASSIGN_OR_RETURN(auto own, parse_region("--region", given.region));
  options.region = own.id;
  options.store = own.endpoint;
  for (const std::string& text : given.peers) {
    ASSIGN_OR_RETURN(auto peer, parse_region("--peer", text));
    std::vector<gateway::PeerRegion> others = options.peers;
    others.push_back(own);
    for (const gateway::PeerRegion& other : others) {
      if (other.id == peer.id || other.endpoint.region == peer.endpoint.region) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("--peer {}: {} ({}) is named already; every region needs a name "
                                "and an AWS region of its own",
                                text, other.id, other.endpoint.region));
      }
    }
    options.peers.push_back(std::move(peer));
  }
  options.tables = given.tables;
  options.threads = given.threads;
  options.max_connections = given.max_connections;
  ASSIGN_OR_RETURN(options.listen, parse_listen("--listen", given.listen));
  if (!given.control.empty()) {
    ASSIGN_OR_RETURN(auto control, parse_listen("--control", given.control));
    options.control = std::move(control);
  }
  if (!given.credentials_file.empty()) {
    ASSIGN_OR_RETURN(auto keys, read_keys(given.credentials_file));
    options.keys = std::move(keys);
  }
  if (!options.keys && !is_loopback(options.listen)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--listen {}: beyond loopback, clients must be known: give "
                            "--credentials-file",
                            given.listen));
  }
  if (options.control && !is_loopback(*options.control)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("--control {}: whoever reaches it can cut the region off; it must be "
                            "on loopback",
                            given.control));
  }
  ASSIGN_OR_RETURN(options.credentials, dynamodb::credentials_from_environment());
  return options;
}

void log_line(std::string_view event, std::string_view detail) {
  fmt::print(stderr, "event={} detail={}\n", event,
             boost::json::serialize(boost::json::string_view(detail.data(), detail.size())));
}

int run(const Options& given) {
  auto options = make_options(given);
  if (!options) {
    fmt::print(stderr, "leeward-gateway: {}\n", options.error().message);
    return options.error().code == ErrorCode::kInvalidArgument ? 2 : 1;
  }
  options->on_event = log_line;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));

  const std::string region = options->region.str();
  auto started = gateway::Gateway::start(std::move(*options));
  if (!started) {
    fmt::print(stderr, "leeward-gateway: {}\n", started.error().message);
    return 1;
  }
  const gateway::Listen listening = (*started)->listening();
  log_line("listening", fmt::format("{} port {}", listening.address, listening.port));
  int signal = 0;
  sigwait(&signals, &signal);
  log_line("stopping", region);
  (*started)->stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"A region's DynamoDB endpoint in front of its own store"};
  app.add_option("--region", options.region,
                 "NAME=STORE_URL,REGION (or NAME=REGION for Amazon's endpoint): this region")
      ->required();
  app.add_option("--listen", options.listen, "ADDRESS:PORT for clients")
      ->default_val("127.0.0.1:8000");
  app.add_option("--peer", options.peers,
                 "NAME=URL,REGION: another region's gateway, where replicas are made; may be "
                 "repeated");
  app.add_option("--table", options.tables,
                 "a table that is replicated without the global-table calls; may be repeated");
  app.add_option("--control", options.control,
                 "ADDRESS:PORT on loopback for faults, metrics and health");
  app.add_option("--credentials-file", options.credentials_file,
                 "clients' keys, lines ACCESS_KEY_ID SECRET; needed beyond loopback");
  app.add_option("--threads", options.threads, "workers")->default_val(2)->check(CLI::Range(1, 64));
  app.add_option("--max-connections", options.max_connections, "of clients and peers")
      ->default_val(1024)
      ->check(CLI::Range(1, 65536));
  app.set_version_flag("--version", LEEWARD_VERSION);
  app.footer(
      "Credentials towards the store and the peers come from AWS_ACCESS_KEY_ID,\n"
      "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. Clients use the AWS region's name, as in\n"
      "aws dynamodb list-tables --endpoint-url http://127.0.0.1:8000 --region eu-west-3\n"
      "Ends cleanly on SIGTERM. Exit status: 0 ended so, 1 could not start, 2 wrong usage.\n\n"
      "Example:\n"
      "  leeward-gateway --region GRA11=http://127.0.0.1:8101,eu-west-3 \\\n"
      "    --listen 127.0.0.1:8000 --control 127.0.0.1:8001 \\\n"
      "    --peer RBX-A=http://127.0.0.2:8000,eu-central-1");
  try {
    app.parse(argc, argv);
    return run(options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "leeward-gateway: {}\n", error.what());
    return 1;
  }
}
