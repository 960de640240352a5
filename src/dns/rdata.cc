// SPDX-License-Identifier: Apache-2.0
#include "dns/rdata.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ldns/ldns.h>

#include "dns/protocol.h"

namespace leeward::dns {
namespace {

struct Free {
  void operator()(ldns_rr* rr) const { ldns_rr_free(rr); }
  void operator()(ldns_rdf* rdf) const { ldns_rdf_deep_free(rdf); }
  void operator()(ldns_buffer* buffer) const { ldns_buffer_free(buffer); }
  void operator()(char* text) const { std::free(text); }  // NOLINT: ldns allocates with malloc
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

// How many bytes at the start of `bytes` are a whole uncompressed name; 0: none.
std::size_t name_size(std::span<const std::uint8_t> bytes) {
  const std::optional<Name> name = Name::from_wire(bytes);
  return name ? name->wire().size() : 0;
}

std::size_t target_offset(std::uint16_t type) {
  return type == type::kMx ? 2 : (type == type::kSrv ? 6 : 0);
}

// An address without ldns, which takes five times as long: large zones have a million of them.
// nullopt: it is none as inet_pton knows them, or of another type; ldns decides.
std::optional<std::string> address_rdata(std::uint16_t type, std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if ((type != type::kA && type != type::kAaaa) || text.size() >= terminated.size()) {
    return std::nullopt;
  }
  std::ranges::copy(text, terminated.begin());
  std::string rdata(type == type::kA ? 4 : 16, '\0');
  return ::inet_pton(type == type::kA ? AF_INET : AF_INET6, terminated.data(), rdata.data()) == 1
             ? std::optional(std::move(rdata))
             : std::nullopt;
}

std::string unknown_rdata_text(std::span<const std::uint8_t> rdata) {
  return fmt::format("\\# {}{}{:02x}", rdata.size(), rdata.empty() ? "" : " ",
                     fmt::join(rdata, ""));
}

}  // namespace

std::optional<std::uint16_t> parse_type(std::string_view text) {
  constexpr std::size_t kTypeNameMax = 20;
  if (text.empty() || text.size() > kTypeNameMax) {
    return std::nullopt;
  }
  std::string upper(text);
  for (char& c : upper) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
  }
  if (upper.starts_with("TYPE")) {
    const std::string digits = upper.substr(4);
    if (digits.empty() || digits.size() > 5 ||
        digits.find_first_not_of("0123456789") != std::string::npos) {
      return std::nullopt;
    }
    unsigned value = 0;
    for (const char digit : digits) {
      value = value * 10 + static_cast<unsigned>(digit - '0');
    }
    return value <= 0xFFFF ? std::optional(static_cast<std::uint16_t>(value)) : std::nullopt;
  }
  const ldns_rr_type type = ldns_get_rr_type_by_name(upper.c_str());
  return type == 0 ? std::nullopt : std::optional(static_cast<std::uint16_t>(type));
}

std::string type_to_text(std::uint16_t type) {
  const Owned<char> text(ldns_rr_type2str(static_cast<ldns_rr_type>(type)));
  return text ? text.get() : fmt::format("TYPE{}", type);
}

Result<std::string> parse_rdata(std::uint16_t type, std::string_view text, const Name& origin) {
  if (std::optional<std::string> address = address_rdata(type, text)) {
    return *std::move(address);
  }
  const std::string type_text = type_to_text(type);
  const std::string line = fmt::format(". 0 IN {} {}", type_text, text);
  const Owned<ldns_rdf> ldns_origin(
      ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, origin.wire().size(), origin.wire().data()));
  ldns_rr* parsed = nullptr;
  const ldns_status status =
      ldns_rr_new_frm_str(&parsed, line.c_str(), 0, ldns_origin.get(), nullptr);
  const Owned<ldns_rr> rr(parsed);
  if (status != LDNS_STATUS_OK || !rr) {
    constexpr std::size_t kShownMax = 60;
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} record '{}{}': {}", type_text, text.substr(0, kShownMax),
                            text.size() > kShownMax ? "..." : "", ldns_get_errorstr_by_id(status)));
  }
  const Owned<ldns_buffer> buffer(ldns_buffer_new(LDNS_MIN_BUFLEN));
  if (!buffer || ldns_rr_rdata2buffer_wire(buffer.get(), rr.get()) != LDNS_STATUS_OK) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} record cannot be rendered", type_text));
  }
  std::string rdata(reinterpret_cast<const char*>(ldns_buffer_begin(buffer.get())),
                    ldns_buffer_position(buffer.get()));
  if (rdata.size() > 0xFFFF || !is_well_formed(type, as_bytes(rdata))) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} record: its data are malformed", type_text));
  }
  return rdata;
}

std::string rdata_to_text(std::uint16_t type, std::span<const std::uint8_t> rdata) {
  // ldns reads whole records: give it the root as owner.
  std::string wire(1 + 10, '\0');
  auto* fixed = reinterpret_cast<std::uint8_t*>(wire.data()) + 1;
  store16(fixed, type);
  store16(fixed + 2, dns_class::kIn);
  store16(fixed + 8, static_cast<std::uint16_t>(rdata.size()));
  wire.append(rdata.begin(), rdata.end());
  ldns_rr* parsed = nullptr;
  std::size_t at = 0;
  const ldns_status status =
      ldns_wire2rr(&parsed, reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size(), &at,
                   LDNS_SECTION_ANSWER);
  const Owned<ldns_rr> rr(parsed);
  if (status != LDNS_STATUS_OK || !rr || at != wire.size()) {
    return unknown_rdata_text(rdata);
  }
  std::string text;
  for (std::size_t i = 0; i < ldns_rr_rd_count(rr.get()); ++i) {
    const Owned<char> field(ldns_rdf2str(ldns_rr_rdf(rr.get(), i)));
    if (!field) {
      return unknown_rdata_text(rdata);
    }
    text += i == 0 ? "" : " ";
    text += field.get();
  }
  return text.empty() ? unknown_rdata_text(rdata) : text;
}

bool is_well_formed(std::uint16_t type, std::span<const std::uint8_t> rdata) {
  switch (type) {
    case type::kA:
      return rdata.size() == 4;
    case type::kAaaa:
      return rdata.size() == 16;
    case type::kNs:
    case type::kCname:
    case type::kPtr:
    case type::kDname:
    case type::kMx:
    case type::kSrv: {
      const std::size_t offset = target_offset(type);
      return rdata.size() > offset && name_size(rdata.subspan(offset)) == rdata.size() - offset;
    }
    case type::kSoa: {
      const std::size_t mname = name_size(rdata);
      const std::size_t rname = mname == 0 ? 0 : name_size(rdata.subspan(mname));
      return rname != 0 && rdata.size() == mname + rname + 20;
    }
    default:
      return true;
  }
}

Name name_server_of(std::string_view rdata) {
  return Name::of_checked(as_bytes(rdata));
}

}  // namespace leeward::dns
