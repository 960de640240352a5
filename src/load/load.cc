// SPDX-License-Identifier: Apache-2.0
#include "load/load.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/warnings.h"
#include "dns/compile.h"
#include "geo/geo_database.h"
#include "routing/latency_text.h"
#include "routing/networks.h"

namespace leeward::load {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) {
      ::close(value_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

std::unexpected<Error> cannot_read(const std::string& path, int error) {
  const ErrorCode code = error == ENOENT || error == ENOTDIR ? ErrorCode::kNotFound
                         : error == EACCES || error == EPERM ? ErrorCode::kPermissionDenied
                                                             : ErrorCode::kUnavailable;
  return fail(code, fmt::format("cannot read {}: {}", path, std::strerror(error)));
}

// Zone files are named with absolute paths, or relative ones that config resolved against its own
// directory; an unreadable one is a problem of the config that names it.
std::vector<dns::ZoneText> read_zones(const config::Config& config, const std::string& config_file,
                                      std::vector<config::Problem>& problems) {
  std::vector<dns::ZoneText> zones;
  for (const std::string& path : config.dns.zone_files) {
    auto text = read_file(path, kZoneBytesMax);
    if (text) {
      zones.push_back({path, std::move(*text)});
    } else {
      problems.push_back({config_file, 0, 0, "dns.zones", text.error().message});
    }
  }
  return zones;
}

// What is not in the file is looked for in the database.
class Locators final : public routing::Locator {
 public:
  Locators(std::unique_ptr<const routing::Locator> first,
           std::unique_ptr<const routing::Locator> second)
      : first_(std::move(first)), second_(std::move(second)) {}

  [[nodiscard]] routing::Location locate(
      const routing::ClientNetwork& client) const noexcept override {
    const routing::Location location = first_->locate(client);
    if (location.country != routing::kNoPlace || location.continent != routing::kNoPlace ||
        location.point) {
      return location;
    }
    routing::Location other = second_->locate(client);
    other.scope_bits = std::max(other.scope_bits, location.scope_bits);
    return other;
  }

 private:
  std::unique_ptr<const routing::Locator> first_;
  std::unique_ptr<const routing::Locator> second_;
};

constexpr std::size_t kNetworksBytesMax = std::size_t{256} << 20;

// The files that say where clients are and how far from regions.
void read_geography(Loaded& loaded, dns::CompileInput& input, const std::string& config_file,
                    std::vector<config::Problem>& problems) {
  const config::DnsConfig& dns = loaded.config.dns;
  const auto problem = [&](const char* key, const std::string& message) {
    problems.push_back({config_file, 0, 0, key, message});
  };
  const auto read = [&](const char* key, const std::string& path, auto parse) {
    if (!path.empty()) {
      const auto text = read_file(path, kNetworksBytesMax);
      if (!text) {
        problem(key, text.error().message);
      } else if (const Status parsed = parse(*text); !parsed) {
        problem(key, parsed.error().message);
      }
    }
  };
  std::unique_ptr<const routing::Locator> networks;
  read("dns.networks", dns.networks_file, [&](const std::string& text) -> Status {
    ASSIGN_OR_RETURN(networks, routing::Networks::parse(dns.networks_file, text));
    return {};
  });
  read("dns.latencies", dns.latencies_file, [&](const std::string& text) -> Status {
    ASSIGN_OR_RETURN(input.geography.latencies,
                     routing::parse_latency_text(dns.latencies_file, text));
    return {};
  });
  std::unique_ptr<const routing::Locator> database;
  if (!dns.geoip_file.empty()) {
    auto opened = geo::GeoDatabase::open(dns.geoip_file);
    if (opened) {
      database = *std::move(opened);
    } else {
      problem("dns.geoip", opened.error().message);
    }
  }
  if (networks != nullptr && database != nullptr) {
    loaded.locator = std::make_shared<Locators>(std::move(networks), std::move(database));
  } else {
    loaded.locator = networks != nullptr ? std::move(networks) : std::move(database);
  }
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  struct stat facts{};
  if (file.get() < 0 || ::fstat(file.get(), &facts) != 0) {
    return cannot_read(path, errno);
  }
  if (S_ISDIR(facts.st_mode)) {
    return cannot_read(path, EISDIR);
  }
  std::string text;
  for (;;) {
    const std::size_t have = text.size();
    if (have > bytes_max) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} is larger than {} bytes", path, bytes_max));
    }
    constexpr std::size_t kChunk = 64U << 10;
    text.resize(have + kChunk);
    const ssize_t got = ::read(file.get(), text.data() + have, kChunk);
    if (got < 0 && errno == EINTR) {
      text.resize(have);
      continue;
    }
    if (got < 0) {
      return cannot_read(path, errno);
    }
    text.resize(have + static_cast<std::size_t>(got));
    if (got == 0) {
      return text;
    }
  }
}

config::Sources system_sources() {
  return {
      .read_file = [](const std::string& path) { return read_file(path, kSecretBytesMax); },
      .get_env = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
      },
  };
}

Error as_error(const std::vector<config::Problem>& problems) {
  std::string message;
  for (const config::Problem& problem : problems) {
    message += (message.empty() ? "" : "\n") + config::format_problem(problem);
  }
  return {ErrorCode::kInvalidArgument, std::move(message)};
}

std::expected<Loaded, std::vector<config::Problem>> load(const std::string& config_file) {
  std::vector<config::Problem> problems;
  const auto text = read_file(config_file, kConfigBytesMax);
  if (!text) {
    problems.push_back({config_file, 0, 0, "", text.error().message});
    return std::unexpected(std::move(problems));
  }
  auto config = config::parse_config(*text, config_file, system_sources());
  if (!config) {
    return std::unexpected(std::move(config).error());
  }
  Loaded loaded{.config = std::move(*config),
                .layout = {},
                .tables = {},
                .input = {},
                .locator = {},
                .warnings = {}};
  loaded.layout = routing::BoardLayout(loaded.config.applications);
  loaded.warnings = config::warnings(loaded.config);

  dns::CompileInput input{.zones = read_zones(loaded.config, config_file, problems),
                          .applications = loaded.config.applications,
                          .layout = loaded.layout,
                          .settings = {.name_servers = loaded.config.dns.name_servers,
                                       .server_addresses = {},
                                       .version = loaded.config.dns.version}};
  for (const config::Endpoint& endpoint : loaded.config.dns.listen) {
    input.settings.server_addresses.push_back(endpoint.address);
  }
  read_geography(loaded, input, config_file, problems);
  auto tables = dns::compile(input);
  if (!tables) {
    for (const dns::Problem& problem : tables.error()) {
      problems.push_back({problem.file, problem.line, 0, "", problem.message});
    }
  }
  if (!problems.empty()) {
    return std::unexpected(std::move(problems));
  }
  loaded.tables = std::move(*tables);
  loaded.input = std::move(input);
  std::ranges::copy(loaded.tables.notes(), std::back_inserter(loaded.warnings));
  return loaded;
}

}  // namespace leeward::load
