// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace leeward::cli {

// One command as a shell completes it: "check list" and its options.
struct CompletionEntry {
  std::string command;             // words separated by spaces; empty: the program itself
  std::vector<std::string> words;  // subcommands and options that may follow
};

enum class Shell { kBash, kZsh, kFish };

// The script that `source` or the shell's completion directory takes.
[[nodiscard]] std::string completion_script(Shell shell,
                                            const std::vector<CompletionEntry>& entries);

}  // namespace leeward::cli
