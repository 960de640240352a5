// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "config/schema_text.h"
#include "config/secret_source.h"
#include "config/sections.h"
#include "config/syntax.h"

namespace leeward::config {
namespace {

constexpr std::size_t kEndpointsMax = 64;
constexpr std::size_t kZoneFilesMax = 10'000;
constexpr std::size_t kNameServersMax = 13;

std::optional<LogFormat> parse_log_format(std::string_view text) {
  return text == "keyvalue" ? std::optional(LogFormat::kKeyValue)
         : text == "json"   ? std::optional(LogFormat::kJson)
                            : std::nullopt;
}

std::optional<LogLevel> parse_log_level(std::string_view text) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    if (to_string(level) == text) {
      return level;
    }
  }
  return std::nullopt;
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::kViewer, Role::kOperator, Role::kAdmin}) {
    if (to_string(role) == text) {
      return role;
    }
  }
  return std::nullopt;
}

// Where something listens; two things may not listen on the same address and port.
Result<Endpoint> claim_endpoint(Reader& reader, const std::string& text) {
  ASSIGN_OR_RETURN(Endpoint endpoint, parse_endpoint(text));
  if (endpoint.port != 0) {
    const auto [first, is_new] =
        reader.context().endpoints.emplace(format_endpoint(endpoint), reader.path());
    if (!is_new) {
      return fail(ErrorCode::kAlreadyExists,
                  fmt::format("{} is already taken by {}", quote(text), first->second));
    }
  }
  return endpoint;
}

constexpr const char* kEndpointForm = "ADDRESS:PORT or [IPv6]:PORT";

Key<DnsConfig> dns_listen_key() {
  return {
      .name = "listen",
      .type = fmt::format("list of: {}", kEndpointForm),
      .doc = "UDP and TCP each.",
      .read =
          [](Reader& reader, const Node& node, DnsConfig& dns) {
            dns.listen.clear();
            read_texts(reader, node, kEndpointForm, kEndpointsMax,
                       [&](const std::string& text) -> Status {
                         ASSIGN_OR_RETURN(Endpoint endpoint, claim_endpoint(reader, text));
                         dns.listen.push_back(std::move(endpoint));
                         return {};
                       });
          },
      .write =
          [](const DnsConfig& dns) {
            std::vector<std::string> texts;
            for (const Endpoint& endpoint : dns.listen) {
              texts.push_back(format_endpoint(endpoint));
            }
            return Value::list(texts);
          },
  };
}

Key<DnsConfig> workers_key() {
  return {
      .name = "workers",
      .type = "auto, or whole number, 1 to 256",
      .doc = "UDP worker threads per endpoint; auto: one per core.",
      .read =
          [](Reader& reader, const Node& node, DnsConfig& dns) {
            if (node.kind == NodeKind::kScalar && node.text == "auto") {
              dns.workers = 0;
            } else {
              dns.workers = static_cast<int>(reader.integer(node, 1, 256).value_or(0));
            }
          },
      .write =
          [](const DnsConfig& dns) {
            return Value::scalar(dns.workers == 0 ? "auto" : fmt::format("{}", dns.workers));
          },
  };
}

Result<std::string> parse_version(std::string_view text) {
  if (text.empty() || text.size() > 255) {
    return fail(ErrorCode::kInvalidArgument,
                "expected 1 to 255 bytes; leave the key out to refuse");
  }
  return std::string(text);
}

Result<std::string> parse_zone_path(Reader& reader, std::string_view text) {
  if (text.empty()) {
    return fail(ErrorCode::kInvalidArgument, "expected the path of a zone file, found ''");
  }
  return reader.resolve_path(std::string(text));
}

Key<ApiConfig> api_listen_key() {
  return {
      .name = "listen",
      .type = kEndpointForm,
      .doc = "Admin API, metrics, health.",
      .read =
          [](Reader& reader, const Node& node, ApiConfig& api) {
            if (const auto text = reader.text(node, kEndpointForm)) {
              api.listen = reader.accept(node, claim_endpoint(reader, *text)).value_or(api.listen);
            }
          },
      .write = [](const ApiConfig& api) { return Value::scalar(format_endpoint(api.listen)); },
  };
}

Key<ApiConfig> tls_key() {
  Key<TlsFiles> certificate =
      path_key("certificate", &TlsFiles::certificate_file, "PEM file with the certificate chain.");
  Key<TlsFiles> key = path_key("key", &TlsFiles::key_file, "PEM file with the private key.");
  certificate.required = true;
  key.required = true;
  Section<TlsFiles> section{{std::move(certificate), std::move(key)}};
  std::vector<KeyDoc> children = describe_section(section);
  const auto shared = std::make_shared<const Section<TlsFiles>>(std::move(section));
  return {
      .name = "tls",
      .type = "map",
      .doc = "Without it, the API is plain HTTP.",
      .read = [=](Reader& reader, const Node& node,
                  ApiConfig& api) { read_section(reader, node, *shared, api.tls.emplace()); },
      .write =
          [=](const ApiConfig& api) {
            return api.tls ? write_section(*shared, *api.tls) : Value::absent();
          },
      .children = std::move(children),
  };
}

void finish_token(Reader& reader, const Node& map, Token& token) {
  if (!reader.usable(map, "token") || token.value.empty()) {
    return;
  }
  const auto [first, is_new] = reader.context().tokens.emplace(token.value.reveal(), token.name);
  if (!is_new) {
    const Reader::Scope scope(reader, "token");
    reader.problem(*map.find("token"),
                   fmt::format("has the same value as the token of {}; give each its own",
                               quote(first->second)));
  }
}

Section<Token> token_section() {
  Key<Token> role = choice_key("role", &Token::role, {"viewer", "operator", "admin"}, parse_role,
                               to_string, "What it allows; each includes the one before.");
  role.required = true;
  return {
      .keys = {std::move(role), token_value_key()},
      .finish = finish_token,
  };
}

void finish_api(Reader& reader, const Node& map, ApiConfig& api) {
  const Node* tokens = map.find("tokens");
  if (tokens == nullptr && reader.usable(map, "listen") && !is_loopback(api.listen.address)) {
    const Reader::Scope scope(reader, "listen");
    reader.problem(*map.find("listen"),
                   fmt::format("{} can be reached from other machines, so callers need tokens: add "
                               "'tokens', or listen on 127.0.0.1",
                               api.listen.address));
  }
}

}  // namespace

Section<NodeConfig> node_section() {
  return {{
      {
          .name = "id",
          .type = "name",
          .doc = "Its name as a vantage point, in votes and in the journal.",
          .read =
              [](Reader& reader, const Node& node, NodeConfig& config) {
                const auto text = reader.text(node, "a name");
                if (text && reader.accept(node, unchanged(check_name)(*text))) {
                  config.id = NodeId(*text);
                }
              },
          .write = [](const NodeConfig& config) { return Value::scalar(config.id.str()); },
      },
      {
          .name = "region",
          .type = "name of a region",
          .doc = "Where this node stands; leave it out if in none of `regions`.",
          .read =
              [](Reader& reader, const Node& node, NodeConfig& config) {
                const auto text = reader.text(node, "the name of a region");
                if (!text) {
                  return;
                }
                config.region = RegionId(*text);
                if (const Status known = check_region_known(reader, *text); !known) {
                  reader.problem(node, known.error().message);
                }
              },
          .write =
              [](const NodeConfig& config) {
                return config.region.empty() ? Value::absent() : Value::scalar(config.region.str());
              },
          .default_text = "none",
      },
  }};
}

Section<StateConfig> state_section() {
  return {
      .keys =
          {
              path_key("sqlite", &StateConfig::sqlite_path,
                       "Database of assignments, journal and the saved health board."),
              integer_key("journal_entries_max", &StateConfig::journal_entries_max, 100,
                          1'000'000'000, "Older journal entries are dropped."),
          },
      .unsupported = {{"etcd", "this version keeps its state in SQLite: write 'sqlite: PATH'"}},
  };
}

Section<DnsConfig> dns_section() {
  return {{
      dns_listen_key(),
      workers_key(),
      texts_key<DnsConfig>(
          "zones", &DnsConfig::zone_files, "path of a zone file", kZoneFilesMax,
          [](Reader& reader) -> TextParser {
            return [&reader](std::string_view text) { return parse_zone_path(reader, text); };
          },
          "Standard zone files to serve (RFC 1035)."),
      texts_key<DnsConfig>(
          "name_servers", &DnsConfig::name_servers, "host name", kNameServersMax,
          [](Reader&) -> TextParser { return parse_hostname; },
          "NS names of zones made from applications. Without it: ns1.ZONE."),
      text_key<DnsConfig>("version", &DnsConfig::version, "text, 1 to 255 bytes", parse_version,
                          "Answer to version.bind in class CHAOS. Without it: refused."),
  }};
}

Section<ApiConfig> api_section() {
  return {
      .keys =
          {
              api_listen_key(),
              tls_key(),
              named_key<ApiConfig, Token>(
                  "tokens", &ApiConfig::tokens, token_section(), "NAME",
                  [](Reader&, const std::string& name) {
                    Token token;
                    token.name = name;
                    return token;
                  },
                  [](const Token& token) { return token.name; },
                  "Bearer tokens; their names are journaled with every command. Without any, "
                  "everybody on a loopback address is admin."),
          },
      .unsupported = {{"aws_credentials",
                       "the Route 53 API comes with a later version: remove the key"}},
      .finish = finish_api,
  };
}

Section<LogConfig> log_section() {
  return {{
      choice_key("format", &LogConfig::format, {"keyvalue", "json"}, parse_log_format, to_string,
                 "One line per event, as key=value or as JSON."),
      choice_key("level", &LogConfig::level, {"debug", "info", "warning", "error"}, parse_log_level,
                 to_string, "The least severe that is logged."),
  }};
}

Section<ReplicationConfig> replication_section() {
  return {{
      duration_key("heartbeat", &ReplicationConfig::heartbeat, std::chrono::milliseconds(50),
                   std::chrono::minutes(1),
                   "Every lane of every table and region is written once in this time, and looked "
                   "for in the other regions."),
      integer_key("lanes", &ReplicationConfig::lanes, 0, 128,
                  "Partition keys per table and region that heartbeats are spread over. More see "
                  "smaller trouble and cost more writes. 0: replication is not measured."),
      duration_key("stall_after", &ReplicationConfig::stall_after, std::chrono::milliseconds(500),
                   std::chrono::hours(1),
                   "Replication counts as stalled when a heartbeat has not arrived for this long."),
  }};
}

}  // namespace leeward::config
