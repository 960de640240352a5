// SPDX-License-Identifier: Apache-2.0
#include "config/reference.h"

#include <vector>

#include <fmt/format.h>

#include "config/sections.h"

namespace leeward::config {
namespace {

constexpr const char* kIntroduction = R"(# Reference: leeward.yaml

Generated from the schema in `src/config`; do not edit. `examples/leeward.yaml` is a whole file with
comments. `leeward config check FILE` prints what a file means, or everything that is wrong with it.

- Unknown keys are errors. So are duplicate keys, YAML tags and merge keys (`<<`).
- Durations have a unit: `250ms`, `5s`, `1.5s`, `2m`, `1h`, `7d`.
- Relative paths are relative to the directory of the config file.
- Secrets stand in a file or in the environment, never in the config: `{file: PATH}`, `{env: NAME}`.
- A key that is left out has its default; one that depends on another (`timeout_floor`,
  `confirm.spacing`, `ttl_floor`) is lowered with it.
- Automatic failover needs `quorum: {required: 1}` written out, because one vantage point cannot
  tell a dead region from its own broken network. Where neither `automatic` nor `quorum` is written,
  failover is manual.
- At most 4 MiB, 32 levels, and 1,000,000 values with aliases expanded.
- `mesh`, `providers`, `notify` and `state.etcd` are reserved for later
  versions.
)";

std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    escaped += c == '|' ? "\\|" : std::string(1, c);
  }
  return escaped;
}

void append_rows(const std::vector<KeyDoc>& docs, const std::string& prefix, std::string& out) {
  for (const KeyDoc& doc : docs) {
    const std::string path =
        prefix + (prefix.empty() || doc.name.starts_with('[') ? "" : ".") + doc.name;
    if (!doc.doc.empty()) {
      const bool word = doc.default_text.empty();
      out += fmt::format("| `{}` | {} | {} | {} |\n", path, cell(doc.type),
                         word ? "" : cell(doc.default_text), cell(doc.doc));
    }
    append_rows(doc.children, path, out);
  }
}

}  // namespace

std::string config_reference() {
  std::string out = kIntroduction;
  for (const KeyDoc& doc : describe_section(root_section())) {
    out += fmt::format("\n## {}\n\n{}\n\n| key | type | default | meaning |\n|---|---|---|---|\n",
                       doc.name, doc.doc);
    append_rows(doc.children, doc.name, out);
  }
  return out;
}

}  // namespace leeward::config
