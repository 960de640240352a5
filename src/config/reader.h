// SPDX-License-Identifier: Apache-2.0
//
// Walks a document along the schema: knows the key path, collects problems, and holds what one
// part of a config must know of another (defaults, names that must be unique).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "config/config.h"
#include "config/document.h"
#include "config/parse.h"

namespace leeward::config {

// What `defaults:` gives to applications.
struct Defaults {
  CheckTiming timing;
  Duration ttl = Application{}.ttl;
  Duration ttl_floor = Application{}.ttl_floor;
  FailoverPolicy failover;
  bool automatic_written = false;
  bool quorum_written = false;
};

// Kept while reading, for checks across the file.
struct Context {
  Defaults defaults;
  std::vector<std::string> region_names;  // every key of `regions`, for suggestions
  std::set<std::string> region_name_set;
  std::map<std::string, std::string> hostnames;  // hostname -> application
  std::map<std::string, std::string> endpoints;  // "127.0.0.1:53" -> the key path that listens
  std::map<std::string, std::string> tokens;     // value -> name; never printed
};

class Reader {
 public:
  static constexpr std::size_t kProblemsMax = 1000;

  Reader(std::string file, const Sources& sources);

  // A problem of `node` under the current path. A node with a problem is not checked further.
  void problem(const Node& node, std::string message);
  void problem_at(Position position, std::string message);
  void problem_at_key(Position position, std::string_view key, std::string message);

  // Further problems are only counted: do not spend time on wording them.
  [[nodiscard]] bool full() const { return problems_.size() >= kProblemsMax; }

  // Is `key` written in `map`, and free of problems of its own?
  [[nodiscard]] bool usable(const Node& map, std::string_view key) const;
  [[nodiscard]] bool failed(const Node& node) const { return failed_.contains(&node); }

  // Reads of scalars: a problem and nullopt where the text is not one.
  std::optional<std::string> text(const Node& node, std::string_view expected);
  std::optional<std::int64_t> integer(const Node& node, std::int64_t min, std::int64_t max);
  std::optional<double> number(const Node& node, double min, double max);
  std::optional<bool> boolean(const Node& node);
  std::optional<Duration> duration(const Node& node, Duration min, Duration max);

  // The value, or a problem with the error's message.
  template <typename T>
  std::optional<T> accept(const Node& node, Result<T> result) {
    if (!result) {
      problem(node, std::move(result).error().message);
      return std::nullopt;
    }
    return std::move(*result);
  }

  // Relative paths are relative to the config file's directory.
  [[nodiscard]] std::string resolve_path(const std::string& path) const;

  [[nodiscard]] const Sources& sources() const { return sources_; }
  [[nodiscard]] Context& context() { return context_; }
  [[nodiscard]] std::string path() const;

  // In file order; at most kProblemsMax and a note about the rest.
  std::vector<Problem> take_problems();

  // Extends the path while it lives.
  class Scope {
   public:
    Scope(Reader& reader, std::string_view key);
    Scope(Reader& reader, std::size_t index);
    ~Scope() { reader_.path_.pop_back(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Reader& reader_;
  };

 private:
  std::string file_;
  std::string directory_;
  const Sources& sources_;
  Context context_;
  std::vector<std::string> path_;
  std::vector<Problem> problems_;
  std::size_t problems_dropped_ = 0;
  std::unordered_set<const Node*> failed_;
};

// "a map", "a list", "'text'": what stands there instead.
[[nodiscard]] std::string describe(const Node& node);

}  // namespace leeward::config
