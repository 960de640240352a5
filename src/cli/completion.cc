// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace leeward::cli {
namespace {

std::string bash(const std::vector<CompletionEntry>& entries) {
  std::string script =
      "_leeward() {\n"
      "  local word command=\"\" i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    word=${COMP_WORDS[i]}\n"
      "    case \"$command $word\" in\n";
  for (const CompletionEntry& entry : entries) {
    if (!entry.command.empty()) {
      script += fmt::format("      \" {0}\"|\"{0}\") command=\"{0}\" ;;\n", entry.command);
    }
  }
  script += "    esac\n  done\n  case \"$command\" in\n";
  for (const CompletionEntry& entry : entries) {
    script += fmt::format(
        "    \"{}\") COMPREPLY=($(compgen -W \"{}\" -- \"${{COMP_WORDS[COMP_CWORD]}}\")) ;;\n",
        entry.command, fmt::join(entry.words, " "));
  }
  return script + "  esac\n}\ncomplete -o default -F _leeward leeward\n";
}

std::string fish(const std::vector<CompletionEntry>& entries) {
  std::string script = "complete -c leeward -f\n";
  for (const CompletionEntry& entry : entries) {
    std::string condition = "__fish_use_subcommand";
    if (!entry.command.empty()) {
      condition = fmt::format("__fish_seen_subcommand_from {}",
                              entry.command.substr(entry.command.rfind(' ') + 1));
    }
    for (const std::string& word : entry.words) {
      script += word.starts_with("--")
                    ? fmt::format("complete -c leeward -n '{}' -l {}\n", condition, word.substr(2))
                    : fmt::format("complete -c leeward -n '{}' -a {}\n", condition, word);
    }
  }
  return script;
}

}  // namespace

std::string completion_script(Shell shell, const std::vector<CompletionEntry>& entries) {
  switch (shell) {
    case Shell::kBash:
      return bash(entries);
    case Shell::kZsh:
      return "#compdef leeward\nautoload -U +X bashcompinit && bashcompinit\n" + bash(entries);
    case Shell::kFish:
      return fish(entries);
  }
  return "";
}

}  // namespace leeward::cli
