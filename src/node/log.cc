// SPDX-License-Identifier: Apache-2.0
#include "node/log.h"

#include <cctype>
#include <chrono>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace leeward::node {
namespace {

std::string_view level_name(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::kDebug:
      return "debug";
    case config::LogLevel::kInfo:
      return "info";
    case config::LogLevel::kWarning:
      return "warning";
    case config::LogLevel::kError:
      return "error";
  }
  return "error";
}

bool is_plain(std::string_view value) {
  for (const char c : value) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 &&
        std::string_view("-_./:,@+%#[]").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return !value.empty();
}

// JSON's escapes serve both formats.
std::string quoted(std::string_view value) {
  return boost::json::serialize(boost::json::string_view(value.data(), value.size()));
}

}  // namespace

std::string format_log_line(config::LogFormat format, WallTime at, config::LogLevel level,
                            std::string_view event, LogFields fields) {
  if (format == config::LogFormat::kJson) {
    std::string line = fmt::format(R"({{"time":"{}","level":"{}","event":{})", format_rfc3339(at),
                                   level_name(level), quoted(event));
    for (const LogField& field : fields) {
      line += fmt::format(",{}:{}", quoted(field.key), quoted(field.value));
    }
    return line + "}";
  }
  const auto value_text = [](std::string_view value) {
    return is_plain(value) ? std::string(value) : quoted(value);
  };
  std::string line = fmt::format("time={} level={} event={}", format_rfc3339(at), level_name(level),
                                 value_text(event));
  for (const LogField& field : fields) {
    line += fmt::format(" {}={}", field.key, value_text(field.value));
  }
  return line;
}

Log::Log(const config::LogConfig& config)
    : config_(config),
      logger_(std::make_shared<spdlog::logger>("leewardd",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_pattern("%v");
  logger_->set_level(spdlog::level::trace);
  logger_->flush_on(spdlog::level::trace);
}

Log::~Log() = default;

void Log::write(config::LogLevel level, std::string_view event, LogFields fields) {
  if (level < config_.level) {
    return;
  }
  const WallTime now(
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()));
  logger_->info("{}", format_log_line(config_.format, now, level, event, fields));
}

}  // namespace leeward::node
