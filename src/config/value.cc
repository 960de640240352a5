// SPDX-License-Identifier: Apache-2.0
#include "config/value.h"

#include <algorithm>

#include <fmt/format.h>

namespace leeward::config {
namespace {

bool is_plain(std::string_view text) {
  if (text.empty() || text.front() == '-' || text == "null" || text == "Null" || text == "NULL" ||
      text.back() == ':') {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '/' || c == '-';
  });
}

std::string scalar_text(std::string_view text) {
  if (is_plain(text)) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      quoted += fmt::format("\\x{:02x}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

bool is_flow(const Value& value) {
  if (value.kind == Value::Kind::kList) {
    return std::all_of(value.items.begin(), value.items.end(),
                       [](const Value& item) { return item.kind == Value::Kind::kScalar; });
  }
  return value.kind == Value::Kind::kScalar || value.entries.empty();
}

void append_block(const Value& value, const std::string& indent, std::string& out) {
  if (value.kind == Value::Kind::kList) {
    for (const Value& item : value.items) {
      std::string lines;
      append_block(item, indent + "  ", lines);
      out += indent + "- " + lines.substr(std::min(lines.size(), indent.size() + 2));
    }
    return;
  }
  for (const auto& [key, child] : value.entries) {
    out += indent + scalar_text(key) + ":";
    if (is_flow(child)) {
      out += " " + to_inline_yaml(child) + "\n";
    } else {
      out += "\n";
      append_block(child, indent + "  ", out);
    }
  }
}

}  // namespace

Value Value::absent() {
  return {};
}

Value Value::scalar(std::string_view text) {
  Value value;
  value.kind = Kind::kScalar;
  value.text = text;
  return value;
}

Value Value::list(const std::vector<std::string>& texts) {
  std::vector<Value> items;
  items.reserve(texts.size());
  for (const std::string& text : texts) {
    items.push_back(scalar(text));
  }
  return list(std::move(items));
}

Value Value::list(std::vector<Value> items) {
  Value value;
  value.kind = Kind::kList;
  value.items = std::move(items);
  return value;
}

Value Value::map(std::vector<ValueEntry> entries) {
  Value value;
  value.kind = Kind::kMap;
  value.entries = std::move(entries);
  std::erase_if(value.entries, [](const auto& entry) { return entry.value.kind == Kind::kAbsent; });
  return value;
}

std::string to_yaml(const Value& value) {
  if (is_flow(value)) {
    return to_inline_yaml(value) + "\n";
  }
  std::string out;
  append_block(value, "", out);
  return out;
}

std::string to_inline_yaml(const Value& value) {
  std::vector<std::string> parts;
  switch (value.kind) {
    case Value::Kind::kAbsent:
      return "";
    case Value::Kind::kScalar:
      return scalar_text(value.text);
    case Value::Kind::kList:
      for (const Value& item : value.items) {
        parts.push_back(to_inline_yaml(item));
      }
      return fmt::format("[{}]", fmt::join(parts, ", "));
    case Value::Kind::kMap:
      for (const auto& [key, child] : value.entries) {
        parts.push_back(scalar_text(key) + ": " + to_inline_yaml(child));
      }
      return fmt::format("{{{}}}", fmt::join(parts, ", "));
  }
  return "";
}

}  // namespace leeward::config
