// SPDX-License-Identifier: Apache-2.0
//
// One line per event, as key=value pairs or JSON, on standard error. Lines carry an event name and
// fields; they never carry secrets.
//
// Thread-safety: every function may be called from any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/time.h"
#include "config/config.h"

namespace spdlog {
class logger;
}

namespace leeward::node {

struct LogField {
  std::string_view key;
  std::string value;

  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, std::int64_t v) : key(k), value(std::to_string(v)) {}
  LogField(std::string_view k, std::uint64_t v) : key(k), value(std::to_string(v)) {}
  LogField(std::string_view k, int v) : key(k), value(std::to_string(v)) {}
};

using LogFields = std::initializer_list<LogField>;

// Formats one line without its end; pure, for tests. A value is quoted where it needs to be;
// control characters are escaped, so that hostile text cannot forge a line.
[[nodiscard]] std::string format_log_line(config::LogFormat format, WallTime at,
                                          config::LogLevel level, std::string_view event,
                                          LogFields fields);

class Log {
 public:
  explicit Log(const config::LogConfig& config);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void debug(std::string_view event, LogFields fields = {}) {
    write(config::LogLevel::kDebug, event, fields);
  }
  void info(std::string_view event, LogFields fields = {}) {
    write(config::LogLevel::kInfo, event, fields);
  }
  void warning(std::string_view event, LogFields fields = {}) {
    write(config::LogLevel::kWarning, event, fields);
  }
  void error(std::string_view event, LogFields fields = {}) {
    write(config::LogLevel::kError, event, fields);
  }
  void write(config::LogLevel level, std::string_view event, LogFields fields);

 private:
  config::LogConfig config_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace leeward::node
