// SPDX-License-Identifier: Apache-2.0
//
// Keys whose value is text, or a list of texts, with a parser of its own.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/schema.h"

namespace leeward::config {

using TextParser = std::function<Result<std::string>(std::string_view)>;

// Makes a check into a parser that keeps the text as it is.
inline TextParser unchanged(std::function<Status(std::string_view)> check) {
  return [check = std::move(check)](std::string_view text) -> Result<std::string> {
    RETURN_IF_ERROR(check(text));
    return std::string(text);
  };
}

// Empty in the struct: left out.
template <typename Owner>
Key<Owner> text_key(std::string name, std::string Owner::* member, std::string type,
                    TextParser parse, std::string doc) {
  return {
      .name = std::move(name),
      .type = type,
      .doc = std::move(doc),
      .read =
          [=](Reader& reader, const Node& node, Owner& owner) {
            if (const auto text = reader.text(node, type)) {
              owner.*member = reader.accept(node, parse(*text)).value_or(owner.*member);
            }
          },
      .write =
          [=](const Owner& o) {
            return (o.*member).empty() ? Value::absent() : Value::scalar(o.*member);
          },
  };
}

// Reads a list of texts, or a single text as a list of one. `add` returns why it is refused.
inline void read_texts(Reader& reader, const Node& node, const std::string& expected,
                       std::size_t count_max,
                       const std::function<Status(const std::string&)>& add) {
  const auto read_one = [&](const Node& item) {
    if (const auto text = reader.text(item, expected)) {
      if (const Status added = add(*text); !added) {
        reader.problem(item, added.error().message);
      }
    }
  };
  if (node.kind == NodeKind::kScalar) {
    read_one(node);
    return;
  }
  if (node.kind != NodeKind::kList || node.items.empty() || node.items.size() > count_max) {
    reader.problem(
        node,
        fmt::format("expected a list of 1 to {}, each {}, found {}", count_max, expected,
                    node.kind == NodeKind::kList ? fmt::format("{} of them", node.items.size())
                                                 : describe(node)));
    return;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Reader::Scope scope(reader, i);
    read_one(*node.items[i]);
  }
}

// A list without repetitions. Empty in the struct: left out.
template <typename Owner>
Key<Owner> texts_key(std::string name, std::vector<std::string> Owner::* member, std::string type,
                     std::size_t count_max, std::function<TextParser(Reader&)> parser,
                     std::string doc) {
  return {
      .name = std::move(name),
      .type = "list of: " + type,
      .doc = std::move(doc),
      .read =
          [=](Reader& reader, const Node& node, Owner& owner) {
            const TextParser parse = parser(reader);
            std::vector<std::string> texts;
            std::set<std::string> seen;
            read_texts(reader, node, type, count_max, [&](const std::string& text) -> Status {
              ASSIGN_OR_RETURN(std::string parsed, parse(text));
              if (!seen.insert(parsed).second) {
                return fail(ErrorCode::kAlreadyExists,
                            fmt::format("{} is already in this list", quote(text)));
              }
              texts.push_back(std::move(parsed));
              return {};
            });
            owner.*member = std::move(texts);
          },
      .write =
          [=](const Owner& o) {
            return (o.*member).empty() ? Value::absent() : Value::list(o.*member);
          },
      .default_text = "none",
  };
}

}  // namespace leeward::config
