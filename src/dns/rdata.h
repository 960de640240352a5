// SPDX-License-Identifier: Apache-2.0
//
// Rdata through ldns: presentation form to wire form and back. ldns knows every type's format; the
// answer path relies on a few of them, which is_well_formed() checks again.
//
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/name.h"

namespace leeward::dns {

// "A", "TYPE65280", any letter case.
[[nodiscard]] std::optional<std::uint16_t> parse_type(std::string_view text);
[[nodiscard]] std::string type_to_text(std::uint16_t type);

// `text` has no comments, parentheses or line ends. Relative names are completed with `origin`.
Result<std::string> parse_rdata(std::uint16_t type, std::string_view text, const Name& origin);

// Rdata in presentation form; names must be uncompressed. As \# (RFC 3597) where ldns cannot.
[[nodiscard]] std::string rdata_to_text(std::uint16_t type, std::span<const std::uint8_t> rdata);

// A and AAAA have their sizes, and the names in NS, CNAME, PTR, MX, SOA, SRV, DNAME are whole.
[[nodiscard]] bool is_well_formed(std::uint16_t type, std::span<const std::uint8_t> rdata);

// The name in NS rdata. REQUIRES: is_well_formed.
[[nodiscard]] Name name_server_of(std::string_view rdata);

[[nodiscard]] inline std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace leeward::dns
