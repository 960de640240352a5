// SPDX-License-Identifier: Apache-2.0
//
// A domain name as a value: uncompressed wire form, absolute, letter case kept. Compared and
// hashed without regard to ASCII letter case (RFC 4343) through lowered().
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace leeward::dns {

inline constexpr std::size_t kNameBytesMax = 255;  // wire form, root label included
inline constexpr std::size_t kLabelBytesMax = 63;
inline constexpr std::size_t kLabelsMax = 127;

class Name {
 public:
  Name() : wire_(1, '\0') {}  // the root

  // Presentation form: "www.example.test", with or without trailing dot, "\." and "\DDD" escapes;
  // "." is the root. A name without trailing dot is completed with `origin`.
  static Result<Name> parse(std::string_view text, const Name& origin);
  static Result<Name> parse(std::string_view text) { return parse(text, Name()); }

  // The name at the start of `bytes`, uncompressed; nullopt if it is cut off, too long, or
  // compressed.
  static std::optional<Name> from_wire(std::span<const std::uint8_t> bytes);

  // The same of bytes that are known to be a name: rdata that was checked, a table's own.
  static Name of_checked(std::span<const std::uint8_t> bytes);

  [[nodiscard]] const std::string& wire() const { return wire_; }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const;
  [[nodiscard]] std::string text() const;  // no trailing dot but for the root: "."
  [[nodiscard]] Name lowered() const;
  [[nodiscard]] bool is_root() const { return wire_.size() == 1; }
  [[nodiscard]] bool is_wildcard() const { return wire_.starts_with(std::string_view("\1*", 2)); }
  [[nodiscard]] std::size_t label_count() const;  // the root has 0
  [[nodiscard]] Name parent() const;              // of the root: the root
  // Equal to `ancestor` or below it. Both lowered.
  [[nodiscard]] bool is_within(const Name& ancestor) const;

  friend auto operator<=>(const Name&, const Name&) = default;

 private:
  explicit Name(std::string wire) : wire_(std::move(wire)) {}
  std::string wire_;
};

// ASCII only, whatever the locale.
[[nodiscard]] constexpr std::uint8_t lower(std::uint8_t byte) {
  return byte >= 'A' && byte <= 'Z' ? static_cast<std::uint8_t>(byte | 0x20) : byte;
}

}  // namespace leeward::dns
