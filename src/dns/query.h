// SPDX-License-Identifier: Apache-2.0
//
// A query message taken apart, with every length checked. Internal to answer().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dns/client.h"
#include "dns/name.h"
#include "dns/name_hash.h"
#include "dns/protocol.h"

namespace leeward::dns {

// A name on the query path: lower case, with the hashes of itself and its ancestors.
struct QueryName {
  // Left uninitialised on purpose: clearing 1.4 KB per query would cost more than parsing it.
  std::array<std::uint8_t, kNameBytesMax + 1 + kNameReadAhead> bytes;  // NOLINT
  std::array<std::uint8_t, kLabelsMax + 1> label_at;                   // NOLINT offsets in bytes
  std::array<std::uint64_t, kLabelsMax + 1> hash;                      // NOLINT of each suffix
  std::uint32_t size = 0;
  std::uint32_t labels = 0;  // label_at[labels], hash[labels] are the root's

  [[nodiscard]] std::span<const std::uint8_t> suffix(std::size_t label) const {
    return {bytes.data() + label_at[label], size - label_at[label]};
  }
  // Takes an uncompressed name, lowers and hashes it; false if it is cut off, compressed or long.
  bool assign(std::span<const std::uint8_t> wire);
};

struct ParsedQuery {
  enum class Fault : std::uint8_t { kNone, kDrop, kHeaderOnlyFormErr, kHeaderOnlyNotImp, kFormErr };

  Fault fault = Fault::kNone;
  bool has_edns = false;
  bool has_tsig = false;
  bool dnssec_ok = false;
  std::uint8_t edns_version = 0;
  std::uint16_t edns_size = 0;
  bool has_client_subnet = false;  // a well-formed option that names a network (RFC 7871)
  ClientNetwork client_subnet;     // of prefix_bits 0: the client wishes not to be located
  bool compact_ok = false;         // CO (RFC 9824): may see NXDOMAIN beside a compact denial
  bool wants_nsid = false;         // RFC 5001
  bool has_cookie = false;         // RFC 7873
  std::array<std::uint8_t, 8> client_cookie{};
  std::span<const std::uint8_t> server_cookie;  // in the message; empty: none yet
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::uint16_t qtype = 0;
  std::uint16_t qclass = 0;
  std::size_t question_end = 0;  // of a well-formed question, which starts at kHeaderBytes
  QueryName name;                // NOLINT(cppcoreguidelines-pro-type-member-init)
};

// Never reads outside `message`.
void parse_query(std::span<const std::uint8_t> message, ParsedQuery& query);

}  // namespace leeward::dns
