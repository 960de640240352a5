// SPDX-License-Identifier: Apache-2.0
//
// The inside of Tables: flat arrays that refer to each other by index, so that a million record
// sets are a handful of allocations and a look-up touches three cache lines.
//
//   slots --hash of name--> nodes --> sets --> alternatives --> bytes
//                                      |              ^
//                                      +--> policies -+  (which alternatives answer)
//
// An alternative is one member's records, rendered: per record a pointer to offset 12 (the
// question's name), type, class, TTL, length and rdata with names uncompressed. An answer whose
// owner is the question's name is therefore a plain copy; others are re-written record by record.
// Nothing in an alternative depends on the owner, so hostnames of one application share theirs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dns/protocol.h"
#include "dns/signing.h"
#include "dns/tables.h"
#include "routing/policy.h"

namespace leeward::dns {

inline constexpr std::uint32_t kNone = 0xFFFFFFFF;

// Bytes before the rdata of a rendered record: pointer, type, class, TTL, length.
inline constexpr std::size_t kRecordHeaderBytes = 12;
inline constexpr std::size_t kRecordTtlOffset = 6;
inline constexpr std::size_t kRecordLengthOffset = 10;

struct Slot {
  std::uint32_t tag = 0;  // upper half of the hash
  std::uint32_t node = kNone;
};

// A name that exists: it has records, or names below it have (an empty non-terminal).
struct Node {
  std::uint32_t name = 0;  // offset in `names`: wire form, lower case
  std::uint32_t zone = 0;
  std::uint32_t first_set = 0;
  std::uint32_t cut = kNone;  // the node that delegates this name away (itself, at the cut)
  std::uint32_t parent_side =
      kNone;  // at an apex: the delegating node of the zone above, if loaded
  std::uint16_t set_count = 0;
  std::uint8_t name_bytes = 0;
  std::uint8_t flags = 0;
};
inline constexpr std::uint8_t kHasWildcardChild = 1;
inline constexpr std::uint8_t kHasCname = 2;
inline constexpr std::uint8_t kHasDname = 4;

struct Alternative {
  std::uint32_t offset = 0;  // in `bytes`
  std::uint32_t size = 0;
  std::uint32_t records = 0;
};

struct Set {
  std::uint32_t ttl = 0;
  std::uint32_t policy = kNone;         // a group of `policies`; kNone: simple
  std::uint32_t first_alternative = 0;  // the only one of a simple set
  std::uint16_t type = 0;
  // Simple, and no additional records to look for: a copy of this is the answer. Its alternative
  // again, which saves the commonest answers a cache line; size 0: not plain.
  Alternative plain;
};

struct Zone {
  std::uint32_t apex = 0;          // node
  std::uint32_t soa = 0;           // set
  std::uint32_t negative_ttl = 0;  // min(SOA TTL, SOA minimum), RFC 2308
  std::uint32_t signing = kNone;   // of `signings`; kNone: not signed
};

struct Layout {
  std::vector<Slot> slots;  // power of two, at most 2/3 full; linear probing
  std::vector<Node> nodes;
  std::vector<Set> sets;  // of a node: by type
  std::vector<Alternative> alternatives;
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint8_t> names;  // kNameReadAhead bytes of slack at the end
  std::vector<Zone> zones;
  std::vector<ZoneSigning> signings;
  // Whose leaves are alternatives; Member::name is an offset in `identifiers`.
  routing::Policies policies;
  std::string identifiers;            // set identifiers, each after its size in two bytes
  std::vector<std::uint8_t> version;  // TXT rdata; empty: CHAOS is refused
  std::vector<ZoneSummary> summaries;
  std::vector<std::string> notes;

  [[nodiscard]] std::span<const std::uint8_t> name_of(const Node& node) const {
    return {names.data() + node.name, node.name_bytes};
  }
  [[nodiscard]] std::span<const Set> sets_of(const Node& node) const {
    return {sets.data() + node.first_set, node.set_count};
  }
  [[nodiscard]] std::span<const std::uint8_t> bytes_of(const Alternative& alternative) const {
    return {bytes.data() + alternative.offset, alternative.size};
  }
  // The TTL that its records were rendered with; `fallback` of one without records.
  [[nodiscard]] std::uint32_t ttl_of(const Alternative& alternative, std::uint32_t fallback) const {
    return alternative.size == 0 ? fallback
                                 : load32(bytes.data() + alternative.offset + kRecordTtlOffset);
  }
  // Empty: it has none.
  [[nodiscard]] std::string_view identifier_of(const routing::Member& member) const {
    if (member.name == routing::kNoIndex) {
      return {};
    }
    const std::string_view rest = std::string_view(identifiers).substr(member.name);
    return rest.substr(2, load16(reinterpret_cast<const std::uint8_t*>(rest.data())));
  }
  [[nodiscard]] const Set* find_set(const Node& node, std::uint16_t type) const {
    for (const Set& set : sets_of(node)) {
      if (set.type == type) {
        return &set;
      }
    }
    return nullptr;
  }

  // The node of a lower-cased name with this hash (name_hash.h), or kNone.
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, std::span<const std::uint8_t> name) const {
    if (slots.empty()) {
      return kNone;
    }
    const std::size_t mask = slots.size() - 1;
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t i = hash & mask;; i = (i + 1) & mask) {
      const Slot slot = slots[i];
      if (slot.node == kNone) {
        return kNone;
      }
      if (slot.tag == tag) {
        const Node& node = nodes[slot.node];
        if (node.name_bytes == name.size() &&
            std::memcmp(names.data() + node.name, name.data(), name.size()) == 0) {
          return slot.node;
        }
      }
    }
  }
};

}  // namespace leeward::dns
