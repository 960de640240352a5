// SPDX-License-Identifier: Apache-2.0
#include "routing/prefix_map.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include <arpa/inet.h>

namespace leeward::routing {
namespace {

constexpr std::uint8_t bits_of(std::uint8_t family) {
  return family == 4 ? 32 : 128;
}

// As a number, IPv4 in the lowest 32 bits.
unsigned __int128 number_of(const ClientNetwork& network) {
  unsigned __int128 number = 0;
  for (std::size_t i = 0; i < bits_of(network.family) / 8; ++i) {
    number = number << 8 | network.address[i];
  }
  return number;
}

// The address after the network's last; 0 where that is the end of all addresses.
unsigned __int128 end_of(const ClientNetwork& network) {
  const unsigned host_bits = static_cast<unsigned>(bits_of(network.family)) - network.prefix_bits;
  if (host_bits == 128) {
    return 0;
  }
  return number_of(network) + (static_cast<unsigned __int128>(1) << host_bits);
}

void clear_host_bits(ClientNetwork& network) {
  for (std::size_t bit = network.prefix_bits; bit < 128; ++bit) {
    network.address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  }
}

}  // namespace

std::optional<ClientNetwork> parse_network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  ClientNetwork network;
  if (::inet_pton(AF_INET, address.c_str(), network.address.data()) == 1) {
    network.family = 4;
  } else if (::inet_pton(AF_INET6, address.c_str(), network.address.data()) == 1) {
    network.family = 6;
  } else {
    return std::nullopt;
  }
  network.prefix_bits = bits_of(network.family);
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    unsigned length = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() ||
        length > network.prefix_bits) {
      return std::nullopt;
    }
    network.prefix_bits = static_cast<std::uint8_t>(length);
  }
  clear_host_bits(network);
  return network;
}

std::string to_string(const ClientNetwork& network) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = network.family == 4 ? AF_INET : AF_INET6;
  if (::inet_ntop(family, network.address.data(), text.data(), text.size()) == nullptr) {
    return "?";
  }
  const bool whole = network.prefix_bits == bits_of(network.family);
  return whole ? text.data()
               : std::string(text.data()) + "/" + std::to_string(int{network.prefix_bits});
}

// A sweep over the prefixes in order of address, the wider first: the open ones form a stack.
class PrefixMap::Builder {
 public:
  explicit Builder(std::vector<Prefix>& prefixes) : prefixes_(prefixes) {}

  std::vector<Range> build(std::span<const Entry> entries, std::uint8_t family) {
    std::map<std::pair<Address, std::uint8_t>, const Entry*> ordered;
    for (const Entry& entry : entries) {
      if (entry.network.family == family) {
        ordered.insert_or_assign({number_of(entry.network), entry.network.prefix_bits}, &entry);
      }
    }
    ranges_.clear();
    open_.clear();
    if (ordered.empty()) {
      return {};
    }
    begin_range(0, kNone);
    for (const auto& [key, entry] : ordered) {
      close_until(key.first, family);
      const std::uint32_t prefix =
          number_of_prefix({entry->value, innermost(), entry->network.prefix_bits});
      open_.emplace_back(&entry->network, prefix);
      begin_range(key.first, prefix);
    }
    close_until(std::nullopt, family);
    ranges_.shrink_to_fit();
    return std::move(ranges_);
  }

 private:
  [[nodiscard]] std::uint32_t innermost() const {
    return open_.empty() ? kNone : open_.back().second;
  }

  // Neighbours that are alike in everything share a number, and so a range.
  std::uint32_t number_of_prefix(const Prefix& prefix) {
    const auto [at, is_new] =
        numbers_.try_emplace(prefix, static_cast<std::uint32_t>(prefixes_.size()));
    if (is_new) {
      prefixes_.push_back(prefix);
    }
    return at->second;
  }

  void begin_range(Address first, std::uint32_t prefix) {
    if (!ranges_.empty() && ranges_.back().first == first) {
      ranges_.pop_back();
    }
    if (ranges_.empty() || ranges_.back().prefix != prefix) {
      ranges_.push_back({first, prefix});
    }
  }

  void close_until(std::optional<Address> address, std::uint8_t family) {
    while (!open_.empty()) {
      const Address end = end_of(*open_.back().first);
      const bool at_the_end = end == 0 || (family == 4 && end >> 32 != 0);
      if (address && (at_the_end || end > *address)) {
        return;
      }
      open_.pop_back();
      if (!at_the_end) {
        begin_range(end, innermost());
      }
    }
  }

  std::vector<Prefix>& prefixes_;
  std::map<Prefix, std::uint32_t> numbers_;
  std::vector<Range> ranges_;
  std::vector<std::pair<const ClientNetwork*, std::uint32_t>> open_;
};

PrefixMap::PrefixMap(std::span<const Entry> entries) {
  Builder builder(prefixes_);
  ipv4_ = builder.build(entries, 4);
  ipv6_ = builder.build(entries, 6);
}

PrefixMap::Found PrefixMap::find(const ClientNetwork& network) const {
  const std::vector<Range>& ranges = network.family == 4 ? ipv4_ : ipv6_;
  if (ranges.empty() || (network.family != 4 && network.family != 6)) {
    return {};
  }
  const Address address = number_of(network);
  const auto next = std::ranges::upper_bound(ranges, address, {}, &Range::first);
  const Range& found = *(next - 1);
  // The widest block around the address that stays within the range holds neither neighbour.
  const unsigned spare_bits = 128U - bits_of(network.family);
  const auto common_bits = [&](Address other) {
    const Address difference = address ^ other;
    const auto high = static_cast<std::uint64_t>(difference >> 64);
    const auto low = static_cast<std::uint64_t>(difference);
    return (high != 0 ? std::countl_zero(high) : 64 + std::countl_zero(low)) -
           static_cast<int>(spare_bits);
  };
  int scope = 0;
  if (found.first != 0) {
    scope = common_bits(found.first - 1) + 1;
  }
  if (next != ranges.end()) {
    scope = std::max(scope, common_bits(next->first) + 1);
  }
  std::uint32_t prefix = found.prefix;
  while (prefix != kNone && prefixes_[prefix].bits > network.prefix_bits) {
    prefix = prefixes_[prefix].wider;
  }
  return {prefix == kNone ? kNone : prefixes_[prefix].value, static_cast<std::uint8_t>(scope)};
}

}  // namespace leeward::routing
