// SPDX-License-Identifier: Apache-2.0
//
// The commands that do without the daemon: they read files.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "config/parse.h"
#include "failover/journal.h"
#include "load/load.h"

namespace leeward::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kJournalBytesMax = 2U << 30U;

struct FileCloser {
  void operator()(std::FILE* file) const {
    if (file != stdin) {
      static_cast<void>(std::fclose(file));
    }
  }
};

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const std::unique_ptr<std::FILE, FileCloser> file(path == "-" ? stdin
                                                                : std::fopen(path.c_str(), "rbe"));
  if (!file) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: {}", path, std::strerror(errno)));
  }
  std::string text;
  std::string chunk(std::size_t{64} * 1024, '\0');
  while (const std::size_t got = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    if (text.size() + got > bytes_max) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: larger than {} bytes", path, bytes_max));
    }
    text.append(chunk, 0, got);
  }
  if (std::ferror(file.get()) != 0) {
    return fail(ErrorCode::kUnavailable, fmt::format("{}: {}", path, std::strerror(errno)));
  }
  return text;
}

json::object problem_json(const config::Problem& problem) {
  return {{"file", problem.file},
          {"line", problem.line},
          {"column", problem.column},
          {"key_path", problem.key_path},
          {"message", problem.message}};
}

}  // namespace

int check_config(const Context& context, const std::string& file) {
  const auto loaded = load::load(file);  // what the daemon does, up to the point of acting
  json::array problems;
  if (loaded) {
    for (const std::string& warning : loaded->warnings) {
      static_cast<void>(std::fputs(("warning: " + printable(warning) + "\n").c_str(), stderr));
    }
    const std::string effective = config::format_config(loaded->config);
    print(context.json ? json::serialize(json::object{
                             {"ok", true}, {"problems", problems}, {"effective", effective}}) +
                             "\n"
                       : effective);
    return kOk;
  }
  for (const config::Problem& problem : loaded.error()) {
    problems.emplace_back(problem_json(problem));
    if (!context.json) {
      static_cast<void>(
          std::fputs((printable(config::format_problem(problem)) + "\n").c_str(), stderr));
    }
  }
  if (context.json) {
    print(json::serialize(json::object{{"ok", false}, {"problems", problems}}) + "\n");
  } else {
    static_cast<void>(
        std::fputs(fmt::format("{}: {} problem(s)\n", file, problems.size()).c_str(), stderr));
  }
  return kNegative;
}

int replay_journal(const Context& context, const std::string& file) {
  const Result<std::string> text = read_file(file, kJournalBytesMax);
  if (!text) {
    static_cast<void>(report(text.error()));
    return kNegative;
  }
  const Result<failover::ReplayReport> replayed = failover::replay(*text);
  if (!replayed) {
    static_cast<void>(report(with_context(replayed.error(), file)));
    return kNegative;
  }
  if (context.json) {
    json::array breaks;
    for (const std::string& line : replayed->breaks) {
      breaks.emplace_back(printable(line));
    }
    print(json::serialize(json::object{
              {"faithful", replayed->faithful()},
              {"entries", replayed->entries},
              {"decisions", replayed->decisions},
              {"divergence", replayed->divergence ? json::value(printable(*replayed->divergence))
                                                  : json::value(nullptr)},
              {"breaks", breaks}}) +
          "\n");
  } else {
    print(printable(failover::format_report(*replayed), true));
  }
  return replayed->faithful() ? kOk : kNegative;
}

}  // namespace leeward::cli
