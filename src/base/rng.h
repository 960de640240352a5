// SPDX-License-Identifier: Apache-2.0
//
// Seeded randomness for jitter, spreading and choices. A value type that is passed in, so that a
// simulation replays from its seed. Not for secrets.
//
// Algorithm: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
// OOPSLA 2014). Results are the same on every platform, unlike std::*_distribution.
#pragma once

#include <cstdint>

namespace leeward {

class Rng {
 public:
  explicit constexpr Rng(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  // Uniform in [0, bound). REQUIRES: bound > 0. Bias below 2^-32 for bounds below 2^32.
  constexpr std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }

  // Uniform in [0, 1).
  constexpr double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // An independent stream, for a child that must not disturb its parent's sequence.
  constexpr Rng split() { return Rng(next()); }

 private:
  std::uint64_t state_;
};

}  // namespace leeward
