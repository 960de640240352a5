// SPDX-License-Identifier: Apache-2.0
#include "config/document.h"

#include <algorithm>
#include <exception>
#include <map>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "config/quote.h"

namespace leeward::config {
namespace {

Position position_of(const YAML::Mark& mark) {
  if (mark.is_null()) {
    return {};
  }
  return {mark.line + 1, mark.column + 1};
}

// Builds the tree from yaml-cpp's events. After the first structural error it ignores the rest:
// yaml-cpp offers no way to stop but an exception through its frames.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::vector<DocumentProblem>& problems) : problems_(problems) {}

  NodePtr take_root() { return stopped_ ? nullptr : std::move(root_); }
  [[nodiscard]] bool stopped() const { return stopped_; }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (!stopped_) {
      complete(leaf(NodeKind::kNull, mark, ""), anchor, position_of(mark));
    }
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (!stopped_) {
      refuse_tag(mark, tag);
      complete(leaf(NodeKind::kScalar, mark, value), anchor, position_of(mark));
    }
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (stopped_) {
      return;
    }
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      stop(position_of(mark), "this alias stands inside the value that it names");
      return;
    }
    complete(found->second, YAML::NullAnchor, position_of(mark));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(NodeKind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(NodeKind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    std::shared_ptr<Node> node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    bool has_key = false;
    bool key_usable = false;
    Entry entry;
    std::map<std::string, Position, std::less<>> seen;
  };

  static std::shared_ptr<Node> leaf(NodeKind kind, const YAML::Mark& mark, std::string text) {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->position = position_of(mark);
    node->text = std::move(text);
    return node;
  }

  void stop(Position position, std::string message) {
    problems_.push_back({position, std::move(message)});
    stopped_ = true;
    stack_.clear();
    anchors_.clear();
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      problems_.push_back({position_of(mark), fmt::format("YAML tags have no meaning here; remove "
                                                          "the tag {}",
                                                          quote(tag))});
    }
  }

  void open(NodeKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (stopped_) {
      return;
    }
    refuse_tag(mark, tag);
    if (static_cast<int>(stack_.size()) >= Limits::kDepthMax) {
      stop(position_of(mark), fmt::format("nested more than {} levels deep", Limits::kDepthMax));
      return;
    }
    Open opened;
    opened.node = leaf(kind, mark, "");
    opened.anchor = anchor;
    stack_.push_back(std::move(opened));
  }

  void close() {
    if (stopped_) {
      return;
    }
    const Open closed = std::move(stack_.back());
    stack_.pop_back();
    complete(closed.node, closed.anchor, closed.node->position);
  }

  // A whole value: remember its anchor, count it, hand it to what is open around it.
  void complete(const NodePtr& node, YAML::anchor_t anchor, Position at) {
    if (anchor != YAML::NullAnchor) {
      anchors_[anchor] = node;
    }
    if (stack_.empty()) {
      root_ = node;
      return;
    }
    if (static_cast<int>(stack_.size()) + node->height > Limits::kDepthMax) {
      stop(at, fmt::format("nested more than {} levels deep", Limits::kDepthMax));
      return;
    }
    Node& parent = *stack_.back().node;
    parent.weight += node->weight;
    parent.height = std::max(parent.height, node->height + 1);
    if (parent.weight > Limits::kNodesMax) {
      stop(at, fmt::format("more than {} values, aliases expanded", Limits::kNodesMax));
      return;
    }
    if (parent.kind == NodeKind::kList) {
      parent.items.push_back(node);
    } else {
      complete_in_map(stack_.back(), node, at);
    }
  }

  void complete_in_map(Open& map, const NodePtr& node, Position at) {
    if (!map.has_key) {
      map.has_key = true;
      map.entry.key = node->text;
      map.entry.key_position = at;
      map.key_usable = node->kind == NodeKind::kScalar;
      if (!map.key_usable) {
        problems_.push_back({at, "a key must be plain text"});
        return;
      }
      const auto [first, is_new] = map.seen.emplace(node->text, at);
      if (!is_new) {
        map.key_usable = false;
        problems_.push_back({at, fmt::format("duplicate key {}: it is already written on line {}",
                                             quote(node->text), first->second.line)});
      }
      return;
    }
    map.has_key = false;
    if (!map.key_usable) {
      return;
    }
    map.entry.value = node;
    if (node->kind == NodeKind::kNull) {  // an absent value has no place of its own
      auto null = std::make_shared<Node>(*node);
      null->position = map.entry.key_position;
      map.entry.value = null;
    }
    map.node->entries.push_back(std::move(map.entry));
    map.entry = {};
  }

  std::vector<DocumentProblem>& problems_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, NodePtr> anchors_;
  NodePtr root_;
  bool stopped_ = false;
};

// yaml-cpp reports a tab as whatever it expected in its place.
bool has_tab_indent(std::string_view text) {
  return text.starts_with('\t') || text.find("\n\t") != std::string_view::npos;
}

// Counts whatever follows the first document.
void refuse_second_document(YAML::Parser& parser, std::vector<DocumentProblem>& problems) {
  std::vector<DocumentProblem> ignored;
  TreeBuilder builder(ignored);
  if (parser.HandleNextDocument(builder)) {
    const NodePtr root = builder.take_root();
    problems.push_back({root == nullptr ? Position{} : root->position,
                        "a second YAML document begins here; a config is one document, so remove "
                        "the '---' before it"});
  }
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
  return found == entries.end() ? nullptr : found->value.get();
}

Document parse_document(std::string_view text) {
  Document document;
  if (text.size() > Limits::kTextBytesMax) {
    document.problems.push_back(
        {{},
         fmt::format("the file has {} bytes, more than the {} MiB that a config may have",
                     text.size(), Limits::kTextBytesMax >> 20)});
    return document;
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(document.problems);
    const bool any = parser.HandleNextDocument(builder);
    document.root = builder.take_root();
    if (any && !builder.stopped()) {
      refuse_second_document(parser, document.problems);
    }
  } catch (const YAML::Exception& error) {
    document.root = nullptr;
    document.problems.push_back(
        {position_of(error.mark),
         fmt::format("this is not valid YAML: {}{}", error.msg,
                     has_tab_indent(text) ? "; lines may not be indented with tabs" : "")});
  } catch (const std::exception& error) {
    document.root = nullptr;
    document.problems.push_back({{}, fmt::format("this cannot be read as YAML: {}", error.what())});
  }
  return document;
}

}  // namespace leeward::config
