// SPDX-License-Identifier: Apache-2.0
#include "config/reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "config/quote.h"
#include "config/syntax.h"

namespace leeward::config {
namespace {

std::string directory_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? "" : file.substr(0, slash + 1);
}

// A key as it stands in a path: quoted only when it could be misread.
std::string path_part(std::string_view key) {
  return check_name(key).has_value() ? std::string(key) : quote(key);
}

}  // namespace

Reader::Reader(std::string file, const Sources& sources)
    : file_(std::move(file)), directory_(directory_of(file_)), sources_(sources) {}

std::string describe(const Node& node) {
  switch (node.kind) {
    case NodeKind::kNull:
      return "nothing";
    case NodeKind::kScalar:
      return quote(node.text);
    case NodeKind::kList:
      return "a list";
    case NodeKind::kMap:
      return "a map";
  }
  return "";
}

std::string Reader::path() const {
  std::string joined;
  for (const std::string& part : path_) {
    if (!joined.empty() && !part.starts_with('[')) {
      joined += '.';
    }
    joined += part;
  }
  return joined;
}

void Reader::problem(const Node& node, std::string message) {
  failed_.insert(&node);
  problem_at(node.position, std::move(message));
}

void Reader::problem_at(Position position, std::string message) {
  if (full()) {
    ++problems_dropped_;
    return;
  }
  problems_.push_back({file_, position.line, position.column, path(), std::move(message)});
}

void Reader::problem_at_key(Position position, std::string_view key, std::string message) {
  const Scope scope(*this, key);
  problem_at(position, std::move(message));
}

bool Reader::usable(const Node& map, std::string_view key) const {
  const Node* node = map.find(key);
  return node != nullptr && !failed(*node);
}

std::optional<std::string> Reader::text(const Node& node, std::string_view expected) {
  if (node.kind != NodeKind::kScalar) {
    problem(node, fmt::format("expected {}, found {}", expected, describe(node)));
    return std::nullopt;
  }
  const bool has_control = std::any_of(node.text.begin(), node.text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (has_control) {
    problem(node, fmt::format("expected {} without control characters, found {}", expected,
                              describe(node)));
    return std::nullopt;
  }
  return node.text;
}

std::optional<std::int64_t> Reader::integer(const Node& node, std::int64_t min, std::int64_t max) {
  std::int64_t value = 0;
  const std::string& digits = node.text;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (node.kind != NodeKind::kScalar || digits.empty() || error != std::errc{} ||
      end != digits.data() + digits.size() || value < min || value > max) {
    problem(node, fmt::format("expected a whole number from {} to {}, found {}", min, max,
                              describe(node)));
    return std::nullopt;
  }
  return value;
}

std::optional<double> Reader::number(const Node& node, double min, double max) {
  double value = 0;
  const std::string& digits = node.text;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (node.kind != NodeKind::kScalar || digits.empty() || error != std::errc{} ||
      end != digits.data() + digits.size() || !std::isfinite(value) || value < min || value > max) {
    problem(node,
            fmt::format("expected a number from {} to {}, found {}", min, max, describe(node)));
    return std::nullopt;
  }
  return value;
}

std::optional<bool> Reader::boolean(const Node& node) {
  if (node.kind == NodeKind::kScalar && (node.text == "true" || node.text == "false")) {
    return node.text == "true";
  }
  problem(node, fmt::format("expected true or false, found {}", describe(node)));
  return std::nullopt;
}

std::optional<Duration> Reader::duration(const Node& node, Duration min, Duration max) {
  const Result<Duration> value = parse_duration(node.text);  // "" unless it is a scalar
  if (!value || *value < min || *value > max) {
    problem(node, fmt::format("expected a duration from {} to {} such as 250ms, 5s or 2m, found {}",
                              format_duration(min), format_duration(max), describe(node)));
    return std::nullopt;
  }
  return *value;
}

std::string Reader::resolve_path(const std::string& path) const {
  return path.starts_with('/') ? path : directory_ + path;
}

std::vector<Problem> Reader::take_problems() {
  std::map<std::pair<int, int>, std::vector<Problem>> by_position;
  for (Problem& problem : problems_) {
    by_position[{problem.line, problem.column}].push_back(std::move(problem));
  }
  problems_.clear();
  for (auto& [position, there] : by_position) {
    std::move(there.begin(), there.end(), std::back_inserter(problems_));
  }
  if (problems_dropped_ > 0) {
    problems_.push_back(
        {file_, 0, 0, "",
         fmt::format("and {} more problems; correct those above first", problems_dropped_)});
  }
  return std::move(problems_);
}

Reader::Scope::Scope(Reader& reader, std::string_view key) : reader_(reader) {
  reader_.path_.push_back(path_part(key));
}

Reader::Scope::Scope(Reader& reader, std::size_t index) : reader_(reader) {
  reader_.path_.push_back(fmt::format("[{}]", index));
}

}  // namespace leeward::config
