// SPDX-License-Identifier: Apache-2.0
#include "dns/octal.h"

#include <fmt/format.h>

namespace leeward::dns {
namespace {

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

}  // namespace

std::string octal_to_decimal(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '\\' || at + 1 >= text.size()) {
      result.push_back(text[at++]);
      continue;
    }
    if (at + 3 < text.size() && text[at + 1] <= '3' && is_octal(text[at + 1]) &&
        is_octal(text[at + 2]) && is_octal(text[at + 3])) {
      const int value = (text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0');
      result += fmt::format("\\{:03d}", value);
      at += 4;
      continue;
    }
    result.append(text.substr(at, 2));
    at += 2;
  }
  return result;
}

std::string route53_text(const Name& name) {
  std::string text;
  const std::string& wire = name.wire();
  for (std::size_t at = 0; wire[at] != '\0';) {
    const auto length = static_cast<std::uint8_t>(wire[at]);
    for (const char c : std::string_view(wire).substr(at + 1, length)) {
      const std::uint8_t byte = lower(static_cast<std::uint8_t>(c));
      const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
                         byte == '-' || byte == '_';
      text += plain ? std::string(1, static_cast<char>(byte)) : fmt::format("\\{:03o}", byte);
    }
    text.push_back('.');
    at += std::size_t{1} + length;
  }
  return text.empty() ? "." : text;
}

Result<Name> parse_route53_name(std::string_view text) {
  auto name = Name::parse(octal_to_decimal(text));
  if (!name) {
    return fail(name.error());
  }
  return name->lowered();
}

}  // namespace leeward::dns
