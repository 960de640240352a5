// SPDX-License-Identifier: Apache-2.0
#include "dynamodb/credentials_ini.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace leeward::dynamodb {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_space(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

// Up to a '#' or ';' that stands after a space.
std::string_view without_comment(std::string_view line) {
  for (std::size_t i = 1; i < line.size(); ++i) {
    if ((line[i] == '#' || line[i] == ';') && is_space(line[i - 1])) {
      return line.substr(0, i);
    }
  }
  return line;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

// "profile   dev" and "profile dev" are the same.
std::string section_name(std::string_view inner) {
  inner = trimmed(inner);
  constexpr std::string_view kProfile = "profile";
  if (inner.starts_with(kProfile) && inner.size() > kProfile.size() &&
      is_space(inner[kProfile.size()])) {
    return "profile " + std::string(trimmed(inner.substr(kProfile.size())));
  }
  return std::string(inner);
}

}  // namespace

Result<IniFile> parse_ini(std::string_view text) {
  if (text.size() > kIniBytesMax) {
    return fail(ErrorCode::kDataCorrupt, fmt::format("larger than {} bytes", kIniBytesMax));
  }
  IniFile file;
  IniSection* section = nullptr;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view raw = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view line = trimmed(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') {
      continue;
    }
    if (line.front() == '[') {
      const std::size_t close = line.find(']');
      if (close == std::string_view::npos) {
        return fail(ErrorCode::kDataCorrupt, fmt::format("line {}: a '[' without ']'", number));
      }
      section = &file[section_name(line.substr(1, close - 1))];
      continue;
    }
    if (is_space(raw.front())) {
      continue;  // nested
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || section == nullptr) {
      return fail(ErrorCode::kDataCorrupt,  // the line may hold a secret: it is not repeated
                  fmt::format("line {}: {}", number,
                              section == nullptr ? "a setting before the first [section]"
                                                 : "neither 'key = value' nor '[section]'"));
    }
    (*section)[lower(trimmed(line.substr(0, equals)))] =
        std::string(trimmed(without_comment(line.substr(equals + 1))));
  }
  return file;
}

IniSection find_profile(const IniFile& credentials, const IniFile& config, std::string_view name) {
  IniSection merged;
  const auto add = [&merged](const IniFile& file, const std::string& section) {
    if (const auto found = file.find(section); found != file.end()) {
      merged.insert(found->second.begin(), found->second.end());  // what is there already stays
    }
  };
  add(credentials, std::string(name));
  add(config, fmt::format("profile {}", name));
  if (name == "default") {
    add(config, "default");
  }
  return merged;
}

}  // namespace leeward::dynamodb
