// SPDX-License-Identifier: Apache-2.0
//
// The hash of a lower-cased name, built label by label from the root: one pass over a query's name
// yields the hash of the name and of all its ancestors, which a search for the closest encloser
// needs one after the other. Mixing is wyhash's (Wang Yi, public domain): 64x64 -> 128 multiply,
// halves folded.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace leeward::dns {

static_assert(std::endian::native == std::endian::little, "the last chunk is cut off by a mask");

inline constexpr std::uint64_t kRootHash = 0xa0761d6478bd642fULL;

// Names are hashed eight bytes at a time; the buffer must be readable this far past the name.
inline constexpr std::size_t kNameReadAhead = 8;

// `label` points at the label's length byte (1 to 63).
[[nodiscard]] inline std::uint64_t hash_label(std::uint64_t parent, const std::uint8_t* label) {
  const auto fold = [](std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  std::uint64_t hash = parent;
  std::size_t left = std::size_t{1} + label[0];
  const std::uint8_t* at = label;
  while (left > 8) {
    std::uint64_t chunk = 0;
    std::memcpy(&chunk, at, 8);
    hash = fold(hash ^ chunk, 0xe7037ed1a0b428dbULL);
    at += 8;
    left -= 8;
  }
  std::uint64_t chunk = 0;
  std::memcpy(&chunk, at, 8);
  chunk &= ~std::uint64_t{0} >> (8 * (8 - left));  // little-endian: the first `left` bytes
  return fold(hash ^ chunk, 0x8ebc6af09c88c6e3ULL);
}

}  // namespace leeward::dns
