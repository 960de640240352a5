// SPDX-License-Identifier: Apache-2.0
//
// A tree to be printed as YAML.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leeward::config {

struct ValueEntry;

struct Value {
  enum class Kind : unsigned char { kAbsent, kScalar, kList, kMap };

  Kind kind = Kind::kAbsent;
  std::string text;
  std::vector<Value> items;
  std::vector<ValueEntry> entries;

  static Value absent();  // the key is left out
  static Value scalar(std::string_view text);
  static Value list(const std::vector<std::string>& texts);
  static Value list(std::vector<Value> items);
  static Value map(std::vector<ValueEntry> entries);
};

struct ValueEntry {
  std::string key;
  Value value;
};

// Block style, two spaces; scalars quoted where YAML could read them otherwise.
[[nodiscard]] std::string to_yaml(const Value& value);

// Flow style on one line: {a: b, c: [1, 2]}
[[nodiscard]] std::string to_inline_yaml(const Value& value);

}  // namespace leeward::config
