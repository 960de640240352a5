// SPDX-License-Identifier: Apache-2.0
#include "dns/query.h"

namespace leeward::dns {
namespace {

using Fault = ParsedQuery::Fault;

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
  // Options must fill the record exactly; which they are does not matter.
  std::size_t left = load16(&message[fixed + 8]);
  std::size_t at = fixed + 10;
  while (left >= 4) {
    const std::size_t option = std::size_t{4} + load16(&message[at + 2]);
    if (option > left) {
      return false;
    }
    at += option;
    left -= option;
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
  std::size_t at = 0;
  labels = 0;
  const std::size_t readable = wire.size() < kNameBytesMax ? wire.size() : kNameBytesMax;
  while (at < readable) {
    const std::uint8_t length = wire[at];
    if (length > kLabelBytesMax || at + length >= readable) {
      return false;  // compressed, or no room for the rest and the root after it
    }
    label_at[labels] = static_cast<std::uint8_t>(at);
    bytes[at] = length;
    if (length == 0) {
      size = static_cast<std::uint32_t>(at + 1);
      hash[labels] = kRootHash;
      for (std::size_t i = labels; i-- > 0;) {
        hash[i] = hash_label(hash[i + 1], bytes.data() + label_at[i]);
      }
      return true;
    }
    for (std::size_t i = at + 1; i <= at + length; ++i) {
      bytes[i] = lower(wire[i]);
    }
    at += std::size_t{1} + length;
    ++labels;
  }
  return false;
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
