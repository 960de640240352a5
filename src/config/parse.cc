// SPDX-License-Identifier: Apache-2.0
#include "config/parse.h"

#include <utility>

#include <fmt/format.h>

#include "config/document.h"
#include "config/reader.h"
#include "config/sections.h"
#include "config/value.h"

namespace leeward::config {

std::string format_problem(const Problem& problem) {
  std::string text = problem.file;
  if (problem.line > 0) {
    text += fmt::format(":{}:{}", problem.line, problem.column);
  }
  if (!problem.key_path.empty()) {
    text += ": " + problem.key_path;
  }
  return text + ": " + problem.message;
}

std::expected<Config, std::vector<Problem>> parse_config(std::string_view text,
                                                         const std::string& file_name,
                                                         const Sources& sources) {
  Reader reader(file_name, sources);
  Config config;
  const Document document = parse_document(text);
  for (const DocumentProblem& problem : document.problems) {
    reader.problem_at(problem.position, problem.message);
  }
  if (document.root != nullptr && document.root->kind == NodeKind::kMap) {
    const Node* regions = document.root->find("regions");
    if (regions != nullptr) {  // referred to by what stands before them
      for (const Entry& entry : regions->entries) {
        reader.context().region_names.push_back(entry.key);
        reader.context().region_name_set.insert(entry.key);
      }
    }
    read_section(reader, *document.root, root_section(), config);
  } else if (document.problems.empty()) {
    const bool empty = document.root == nullptr || document.root->kind == NodeKind::kNull;
    reader.problem_at({}, empty ? "the file is empty: expected settings such as 'dns:' and "
                                  "'applications:'"
                                : "expected a map with settings such as 'dns:' and "
                                  "'applications:'");
  }
  std::vector<Problem> problems = reader.take_problems();
  if (!problems.empty()) {
    return std::unexpected(std::move(problems));
  }
  return config;
}

std::string format_config(const Config& config) {
  return to_yaml(write_section(root_section(), config));
}

}  // namespace leeward::config
