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

struct DnsConfig {
  std::vector<Endpoint> listen{{"127.0.0.1", 5353}};  // UDP and TCP each; port 0: any free one
  int workers = 0;                        // UDP worker threads per endpoint; 0: one per core
  std::vector<std::string> zone_files;    // resolved against the config file's directory
  std::vector<std::string> name_servers;  // NS names of zones made from applications; absolute,
                                          // no trailing dot; default ns1.<zone>
  std::string version;                    // CHAOS version.bind; empty: refused

  friend bool operator==(const DnsConfig&, const DnsConfig&) = default;
};

enum class Role : std::uint8_t { kViewer, kOperator, kAdmin };  // each includes the one before

[[nodiscard]] std::string_view to_string(Role role);

// Where a secret is kept; shown in the effective config in place of the secret.
struct SecretSource {
  enum class Kind : std::uint8_t { kFile, kEnv };
  Kind kind = Kind::kFile;
  std::string where;  // the file's path or the variable's name

  friend bool operator==(const SecretSource&, const SecretSource&) = default;
};

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

struct ApiConfig {
  Endpoint listen{"127.0.0.1", 8053};
  std::optional<TlsFiles> tls;
  std::vector<Token> tokens;  // none: on a loopback address everybody is admin, elsewhere an error

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
