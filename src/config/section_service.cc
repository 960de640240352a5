// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "config/schema_text.h"
#include "config/secret_source.h"
#include "config/sections.h"
#include "config/syntax.h"

namespace leeward::config {
namespace {

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
  Key<Token> value = secret_key("token", &Token::source, &Token::value, check_token,
                                "Where its value is kept: 16 to 4,096 visible ASCII characters.");
  value.required = true;
  return {
      .keys = {std::move(role), std::move(value)},
      .finish = finish_token,
  };
}

std::optional<AwsAccess> parse_aws_access(std::string_view text) {
  return text == "full"        ? std::optional(AwsAccess::kFull)
         : text == "read-only" ? std::optional(AwsAccess::kReadOnly)
                               : std::nullopt;
}

Status check_access_key_id(std::string_view text) {
  const bool good = text.size() >= 3 && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '_' || c == '-';
                    });
  return good ? Status()
              : fail(ErrorCode::kInvalidArgument,
                     "an access key id is 3 to 128 letters, digits, '-' and '_'");
}

Section<AwsCredential> aws_credential_section() {
  Key<AwsCredential> secret =
      secret_key("secret", &AwsCredential::source, &AwsCredential::secret, check_token,
                 "Where the secret access key is kept: 16 to 4,096 visible ASCII characters.");
  secret.required = true;
  return {{
      std::move(secret),
      choice_key("access", &AwsCredential::access, {"full", "read-only"}, parse_aws_access,
                 to_string, "What it allows."),
  }};
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
              named_key<ApiConfig, AwsCredential>(
                  "aws_credentials", &ApiConfig::aws_credentials, aws_credential_section(),
                  "ACCESS_KEY_ID",
                  [](Reader&, const std::string& name) {
                    AwsCredential credential;
                    credential.access_key_id = name;
                    return credential;
                  },
                  [](const AwsCredential& credential) { return credential.access_key_id; },
                  "Who may call the Route 53 API (Signature Version 4). Without any, callers on a "
                  "loopback address need no signature, and nobody else may call it.",
                  check_access_key_id),
              boolean_key("delete_used_health_checks", &ApiConfig::delete_used_health_checks,
                          "DeleteHealthCheck of the Route 53 API takes a check that record sets "
                          "refer to, as Amazon's does; they count as healthy then."),
          },
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
