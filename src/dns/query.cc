// SPDX-License-Identifier: Apache-2.0
#include "dns/query.h"

#include <cstring>

namespace leeward::dns {
namespace {

using Fault = ParsedQuery::Fault;

// Eight bytes at once: sets bit 5 of each byte that is 'A' to 'Z'. A byte's upper bit cannot be
// carried into its neighbour, since it is masked off before the additions.
std::uint64_t lower8(std::uint64_t bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
  const std::uint64_t low7 = bytes & (0x7F * kOnes);
  const std::uint64_t from_a = low7 + (0x80 - 'A') * kOnes;
  const std::uint64_t after_z = low7 + (0x7F - 'Z') * kOnes;
  const std::uint64_t upper = (from_a ^ after_z) & ~bytes & (0x80 * kOnes);
  return bytes | (upper >> 2);
}

// Length bytes are at most 63, below 'A': lowering every byte leaves them alone.
void lower_name(std::span<const std::uint8_t> name, std::uint8_t* out) {
  std::size_t at = 0;
  for (; at + 8 <= name.size(); at += 8) {
    std::uint64_t chunk = 0;
    std::memcpy(&chunk, name.data() + at, 8);
    chunk = lower8(chunk);
    std::memcpy(out + at, &chunk, 8);
  }
  for (; at < name.size(); ++at) {
    out[at] = lower(name[at]);
  }
}

// Skips a name of a record in a query, which may be compressed: what a pointer points at does not
// matter, since only its length here is needed. Returns the offset after it, 0 if malformed.
std::size_t skip_name(std::span<const std::uint8_t> message, std::size_t at) {
  while (at < message.size()) {
    const std::uint8_t length = message[at];
    if (length == 0) {
      return at + 1;
    }
    if ((length & 0xC0) == 0xC0) {
      return at + 2;
    }
    if (length > kLabelBytesMax) {
      return 0;
    }
    at += std::size_t{1} + length;
  }
  return 0;
}

// RFC 7871 section 7.1.2: an address of as many bytes as the prefix needs, no bits beyond it.
bool take_client_subnet(std::span<const std::uint8_t> data, ParsedQuery& query) {
  if (data.size() < 4 || query.has_client_subnet) {
    return false;
  }
  const std::uint16_t family = load16(data.data());
  const std::uint8_t prefix_bits = data[2];
  if (data[3] != 0) {
    return false;  // a scope is the server's to say
  }
  if (family != 1 && family != 2) {
    return data.size() == 4 || prefix_bits != 0;  // a family that is not known here
  }
  const std::span<const std::uint8_t> address = data.subspan(4);
  if (prefix_bits > (family == 1 ? 32 : 128) || address.size() != (prefix_bits + 7U) / 8U ||
      (prefix_bits % 8 != 0 && (address.back() & (0xFFU >> (prefix_bits % 8))) != 0)) {
    return false;
  }
  query.has_client_subnet = true;
  query.client_subnet = {};
  query.client_subnet.family = family == 1 ? 4 : 6;
  query.client_subnet.prefix_bits = prefix_bits;
  std::memcpy(query.client_subnet.address.data(), address.data(), address.size());
  return true;
}

bool take_cookie(std::span<const std::uint8_t> data, ParsedQuery& query) {
  // RFC 7873 section 4: a client cookie, or that and a server cookie of 8 to 32 bytes.
  if (data.size() != 8 && (data.size() < 16 || data.size() > 40)) {
    return false;
  }
  if (!query.has_cookie) {  // of several the first counts (section 5.2)
    query.has_cookie = true;
    std::memcpy(query.client_cookie.data(), data.data(), query.client_cookie.size());
    query.server_cookie = data.subspan(query.client_cookie.size());
  }
  return true;
}

bool take_option(std::uint16_t code, std::span<const std::uint8_t> data, ParsedQuery& query) {
  switch (code) {
    case option::kClientSubnet:
      return take_client_subnet(data, query);
    case option::kCookie:
      return take_cookie(data, query);
    case option::kNsid:
      query.wants_nsid = true;
      return true;
    default:
      return true;
  }
}

// RFC 6891: at most one OPT, in the additional section, owned by the root.
bool take_opt(std::span<const std::uint8_t> message, std::size_t owner, std::size_t fixed,
              ParsedQuery& query) {
  if (query.has_edns || message[owner] != 0) {
    return false;
  }
  query.has_edns = true;
  query.edns_size = load16(&message[fixed + 2]);
  query.edns_version = message[fixed + 5];
  query.dnssec_ok = (message[fixed + 6] & 0x80) != 0;
  query.compact_ok = (message[fixed + 6] & 0x40) != 0;
  // Options must fill the record exactly; those that are not known do not matter.
  std::size_t left = load16(&message[fixed + 8]);
  std::size_t at = fixed + 10;
  while (left >= 4) {
    const std::size_t size = load16(&message[at + 2]);
    if (4 + size > left ||
        !take_option(load16(&message[at]), message.subspan(at + 4, size), query)) {
      return false;
    }
    at += 4 + size;
    left -= 4 + size;
  }
  return left == 0;
}

// Walks the records after the question. Each takes at least eleven bytes, so the counts of a
// hostile header bound nothing and cost nothing.
bool parse_records(std::span<const std::uint8_t> message, std::size_t at, ParsedQuery& query) {
  const std::uint32_t answers = load16(&message[6]);
  const std::uint32_t authority = load16(&message[8]);
  const std::uint32_t total = answers + authority + load16(&message[10]);
  // An answer in a query is nonsense; authority is IXFR's, which is refused whole later.
  if (answers != 0 || (authority != 0 && query.qtype != type::kIxfr)) {
    return false;
  }
  for (std::uint32_t i = 0; i < total; ++i) {
    const std::size_t owner = at;
    const std::size_t fixed = skip_name(message, at);
    if (fixed == 0 || fixed + 10 > message.size()) {
      return false;
    }
    const std::size_t end = fixed + 10 + load16(&message[fixed + 8]);
    if (end > message.size()) {
      return false;
    }
    query.has_tsig = query.has_tsig || load16(&message[fixed]) == type::kTsig;
    if (load16(&message[fixed]) == type::kOpt &&
        (i < authority || !take_opt(message, owner, fixed, query))) {
      return false;
    }
    at = end;
  }
  return at == message.size();
}

}  // namespace

bool QueryName::assign(std::span<const std::uint8_t> wire) {
  const std::size_t readable = wire.size() < kNameBytesMax ? wire.size() : kNameBytesMax;
  std::size_t at = 0;
  labels = 0;
  while (true) {
    if (at >= readable || wire[at] > kLabelBytesMax) {
      return false;  // cut off, too long, or compressed
    }
    label_at[labels] = static_cast<std::uint8_t>(at);
    if (wire[at] == 0) {
      break;
    }
    at += std::size_t{1} + wire[at];
    ++labels;
  }
  size = static_cast<std::uint32_t>(at + 1);
  lower_name(wire.first(size), bytes.data());
  hash[labels] = kRootHash;
  for (std::size_t i = labels; i-- > 0;) {
    hash[i] = hash_label(hash[i + 1], bytes.data() + label_at[i]);
  }
  return true;
}

void parse_query(std::span<const std::uint8_t> message, ParsedQuery& query) {
  if (message.size() < kHeaderBytes) {
    query.fault = Fault::kDrop;
    return;
  }
  query.id = load16(message.data());
  query.flags = load16(&message[2]);
  if ((query.flags & flag::kResponse) != 0) {
    query.fault = Fault::kDrop;
    return;
  }
  if ((query.flags & flag::kOpcodeMask) != 0) {
    query.fault = Fault::kHeaderOnlyNotImp;
    return;
  }
  query.fault = Fault::kHeaderOnlyFormErr;
  if (load16(&message[4]) != 1 || !query.name.assign(message.subspan(kHeaderBytes))) {
    return;
  }
  const std::size_t name_end = kHeaderBytes + query.name.size;
  if (name_end + 4 > message.size()) {
    return;
  }
  query.qtype = load16(&message[name_end]);
  query.qclass = load16(&message[name_end + 2]);
  query.question_end = name_end + 4;
  query.fault = Fault::kNone;
  if (query.question_end == message.size() && load32(&message[6]) == 0 &&
      load16(&message[10]) == 0) {
    return;
  }
  if (!parse_records(message, query.question_end, query)) {
    query.fault = Fault::kFormErr;
  }
}

}  // namespace leeward::dns
