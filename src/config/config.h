// SPDX-License-Identifier: Apache-2.0
//
// The validated, immutable configuration. parse.h makes one from text; nothing else does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "model/application.h"
#include "model/ids.h"
#include "model/table.h"

namespace leeward::config {

struct Endpoint {
  std::string address;  // IPv4, or IPv6 without brackets; never a name
  std::uint16_t port = 0;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct NodeConfig {
  NodeId id{"node-1"};
  RegionId region;  // empty: this node stands in no region of any application

  friend bool operator==(const NodeConfig&, const NodeConfig&) = default;
};

struct StateConfig {
  std::string sqlite_path = "/var/lib/leeward/state.db";  // resolved against the config file's
                                                          // directory
  std::uint64_t journal_entries_max = 100'000;            // older entries are dropped

  friend bool operator==(const StateConfig&, const StateConfig&) = default;
};

// Where a secret is kept; shown in the effective config in place of the secret.
struct SecretSource {
  enum class Kind : std::uint8_t { kFile, kEnv };
  Kind kind = Kind::kFile;
  std::string where;  // the file's path or the variable's name

  friend bool operator==(const SecretSource&, const SecretSource&) = default;
};

// Response-rate limiting of UDP: docs/reference/config.md.
struct RateLimitConfig {
  int responses_per_second = 0;  // 0: no limit
  int slip = 2;
  Duration window = std::chrono::seconds(15);
  std::vector<std::string> exempt;  // "192.0.2.0/24"

  friend bool operator==(const RateLimitConfig&, const RateLimitConfig&) = default;
};

enum class TsigAlgorithm : std::uint8_t { kHmacSha256, kHmacSha512 };

[[nodiscard]] std::string_view to_string(TsigAlgorithm algorithm);  // "hmac-sha256"

struct TsigKey {
  std::string name;
  TsigAlgorithm algorithm = TsigAlgorithm::kHmacSha256;
  SecretSource source;
  Secret secret;  // base64

  friend bool operator==(const TsigKey&, const TsigKey&) = default;
};

// A server that transfers zones from this one.
struct Secondary {
  std::string name;
  Endpoint address;
  std::string key;  // of TsigKey; empty: the address alone decides

  friend bool operator==(const Secondary&, const Secondary&) = default;
};

struct DnsConfig {
  std::vector<Endpoint> listen{{"127.0.0.1", 5353}};  // UDP and TCP each; port 0: any free one
  int workers = 0;                        // UDP worker threads per endpoint; 0: one per core
  std::vector<std::string> zone_files;    // resolved against the config file's directory
  std::vector<std::string> name_servers;  // NS names of zones made from applications; absolute,
                                          // no trailing dot; default ns1.<zone>
  std::string version;                    // CHAOS version.bind; empty: refused
  std::string nsid;                       // RFC 5001; empty: not said
  bool client_subnet = true;              // RFC 7871
  bool cookies = true;                    // RFC 7873
  SecretSource cookie_source;
  Secret cookie_secret;  // 32 hexadecimal digits; empty: made anew at each start
  SecretSource previous_cookie_source;
  Secret previous_cookie_secret;
  RateLimitConfig rate_limit;
  std::string networks_file;
  std::string geoip_file;
  std::string latencies_file;
  std::vector<TsigKey> keys;
  std::vector<Secondary> secondaries;

  friend bool operator==(const DnsConfig&, const DnsConfig&) = default;
};

enum class Role : std::uint8_t { kViewer, kOperator, kAdmin };  // each includes the one before

[[nodiscard]] std::string_view to_string(Role role);

struct Token {
  std::string name;  // who: journaled with every command
  Role role = Role::kViewer;
  SecretSource source;
  Secret value;

  friend bool operator==(const Token&, const Token&) = default;
};

struct TlsFiles {
  std::string certificate_file;  // PEM chain
  std::string key_file;          // PEM

  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

enum class AwsAccess : std::uint8_t { kFull, kReadOnly };

[[nodiscard]] std::string_view to_string(AwsAccess access);  // "read-only"

// Who may call the Route 53 API.
struct AwsCredential {
  std::string access_key_id;
  AwsAccess access = AwsAccess::kFull;
  SecretSource source;
  Secret secret;

  friend bool operator==(const AwsCredential&, const AwsCredential&) = default;
};

struct ApiConfig {
  Endpoint listen{"127.0.0.1", 8053};
  std::optional<TlsFiles> tls;
  std::vector<Token> tokens;  // none: on a loopback address everybody is admin, elsewhere an error
  std::vector<AwsCredential> aws_credentials;
  bool delete_used_health_checks = false;

  friend bool operator==(const ApiConfig&, const ApiConfig&) = default;
};

enum class LogFormat : std::uint8_t { kKeyValue, kJson };
enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

[[nodiscard]] std::string_view to_string(LogFormat format);  // "keyvalue"
[[nodiscard]] std::string_view to_string(LogLevel level);    // "info"

struct LogConfig {
  LogFormat format = LogFormat::kKeyValue;
  LogLevel level = LogLevel::kInfo;

  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

// How replication is measured: heartbeats in every application's tables.
struct ReplicationConfig {
  Duration heartbeat = std::chrono::seconds(1);  // each lane is written once in this time
  int lanes = 8;                                 // partition keys per table and region; 0: none
  Duration stall_after = std::chrono::seconds(10);

  friend bool operator==(const ReplicationConfig&, const ReplicationConfig&) = default;
};

struct Config {
  NodeConfig node;
  StateConfig state;
  DnsConfig dns;
  ApiConfig api;
  LogConfig log;
  ReplicationConfig replication;
  std::vector<Region> regions;            // in the file's order
  std::vector<Application> applications;  // in the file's order, defaults applied
  std::vector<TableSpec> tables;          // in the file's order; applications may name others

  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace leeward::config
