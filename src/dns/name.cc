// SPDX-License-Identifier: Apache-2.0
#include "dns/name.h"

#include <fmt/format.h>

#include "base/check.h"

namespace leeward::dns {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::unexpected<Error> bad_name(std::string_view text, std::string_view why) {
  constexpr std::size_t kShownMax = 80;
  return fail(ErrorCode::kInvalidArgument, fmt::format("name '{}{}' {}", text.substr(0, kShownMax),
                                                       text.size() > kShownMax ? "..." : "", why));
}

// Reads one possibly escaped character at `at` and moves past it; nullopt: a bad escape.
std::optional<char> read_escaped(std::string_view text, std::size_t& at) {
  if (at + 1 >= text.size()) {
    return std::nullopt;
  }
  if (!is_digit(text[at + 1])) {
    at += 2;
    return text[at - 1];
  }
  if (at + 3 >= text.size() || !is_digit(text[at + 2]) || !is_digit(text[at + 3])) {
    return std::nullopt;
  }
  const int value = (text[at + 1] - '0') * 100 + (text[at + 2] - '0') * 10 + (text[at + 3] - '0');
  if (value > 255) {
    return std::nullopt;
  }
  at += 4;
  return static_cast<char>(value);
}

}  // namespace

Result<Name> Name::parse(std::string_view text, const Name& origin) {
  if (text.empty()) {
    return bad_name(text, "is empty");
  }
  if (text == ".") {
    return Name();
  }
  std::string wire;
  std::string label;
  bool absolute = false;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '.') {
      if (label.empty()) {
        return bad_name(text, "has an empty label");
      }
      wire.push_back(static_cast<char>(label.size()));
      wire += label;
      label.clear();
      ++at;
      absolute = at == text.size();
    } else if (text[at] == '\\') {
      const std::optional<char> escaped = read_escaped(text, at);
      if (!escaped) {
        return bad_name(text, "has a bad escape; write \\. or \\046");
      }
      label.push_back(*escaped);
    } else {
      label.push_back(text[at++]);
    }
    if (label.size() > kLabelBytesMax) {
      return bad_name(text, "has a label of more than 63 bytes");
    }
    if (wire.size() > kNameBytesMax) {
      return bad_name(text, "is longer than 255 bytes");
    }
  }
  if (!label.empty()) {
    wire.push_back(static_cast<char>(label.size()));
    wire += label;
  }
  wire += absolute ? std::string(1, '\0') : origin.wire_;
  if (wire.size() > kNameBytesMax) {
    return bad_name(text, "is longer than 255 bytes");
  }
  return Name(std::move(wire));
}

std::optional<Name> Name::from_wire(std::span<const std::uint8_t> bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && at < kNameBytesMax) {
    const std::size_t length = bytes[at];
    if (length > kLabelBytesMax) {
      return std::nullopt;
    }
    at += 1 + length;
    if (length == 0) {
      return Name(std::string(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at)));
    }
  }
  return std::nullopt;
}

Name Name::of_checked(std::span<const std::uint8_t> bytes) {
  std::optional<Name> name = from_wire(bytes);
  LEEWARD_CHECK(name.has_value(), "these bytes were checked to be a name");
  return *std::move(name);
}

std::span<const std::uint8_t> Name::bytes() const {
  return {reinterpret_cast<const std::uint8_t*>(wire_.data()), wire_.size()};
}

std::string Name::text() const {
  if (is_root()) {
    return ".";
  }
  std::string text;
  for (std::size_t at = 0; wire_[at] != '\0';) {
    const auto length = static_cast<std::size_t>(static_cast<unsigned char>(wire_[at]));
    if (at != 0) {
      text.push_back('.');
    }
    for (std::size_t i = at + 1; i <= at + length; ++i) {
      const auto byte = static_cast<unsigned char>(wire_[i]);
      if (byte <= ' ' || byte >= 0x7F) {
        text += fmt::format("\\{:03}", byte);
      } else if (std::string_view(".\\\"();@$").contains(wire_[i])) {
        text += '\\';
        text += wire_[i];
      } else {
        text += wire_[i];
      }
    }
    at += 1 + length;
  }
  return text;
}

Name Name::lowered() const {
  Name name(*this);
  // Length bytes are at most 63, below 'A': lowering every byte leaves them alone.
  for (char& c : name.wire_) {
    c = static_cast<char>(lower(static_cast<std::uint8_t>(c)));
  }
  return name;
}

std::size_t Name::label_count() const {
  std::size_t count = 0;
  for (std::size_t at = 0; wire_[at] != '\0'; ++count) {
    at += 1 + static_cast<std::size_t>(static_cast<unsigned char>(wire_[at]));
  }
  return count;
}

Name Name::parent() const {
  if (is_root()) {
    return *this;
  }
  return Name(wire_.substr(1 + static_cast<std::size_t>(static_cast<unsigned char>(wire_[0]))));
}

bool Name::is_within(const Name& ancestor) const {
  Name name(*this);
  while (name.wire_.size() > ancestor.wire_.size()) {
    name = name.parent();
  }
  return name == ancestor;
}

}  // namespace leeward::dns
