// SPDX-License-Identifier: Apache-2.0
//
// YAML text as a tree that remembers where everything stood. yaml-cpp reads the text; the tree is
// ours, because YAML::Node forgets duplicate keys and shares nothing between aliases.
//
// Hostile text is bounded: see Limits. Aliases share their target instead of copying it, and count
// as often as they are used, so that a "billion laughs" document is refused and not expanded.
//
// Thread-safety: values; none shared.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace leeward::config {

struct Position {
  int line = 0;    // from 1
  int column = 0;  // from 1, in characters

  friend auto operator<=>(const Position&, const Position&) = default;
};

struct Node;
using NodePtr = std::shared_ptr<const Node>;

struct Entry {
  std::string key;
  Position key_position;
  NodePtr value;
};

enum class NodeKind : unsigned char { kNull, kScalar, kList, kMap };

struct Node {
  NodeKind kind = NodeKind::kNull;
  Position position;
  std::string text;            // kScalar
  std::vector<NodePtr> items;  // kList
  std::vector<Entry> entries;  // kMap, in the file's order, duplicates left out
  std::size_t weight = 1;      // nodes in this subtree with aliases expanded
  int height = 1;

  // nullptr: no such key
  [[nodiscard]] const Node* find(std::string_view key) const;
};

struct Limits {
  static constexpr std::size_t kTextBytesMax = 4UL << 20;
  static constexpr int kDepthMax = 32;
  static constexpr std::size_t kNodesMax = 1'000'000;  // with aliases expanded
};

struct DocumentProblem {
  Position position;  // line 0: the whole file
  std::string message;
};

struct Document {
  NodePtr root;  // nullptr: nothing usable
  std::vector<DocumentProblem> problems;
};

Document parse_document(std::string_view text);

}  // namespace leeward::config
