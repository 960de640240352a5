// SPDX-License-Identifier: Apache-2.0
#include "geo/test_database.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/check.h"
#include "routing/client_network.h"

namespace leeward::geo {
namespace {

using routing::ClientNetwork;

std::string big_endian(std::uint64_t value, std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = bytes; i > 0; --i, value >>= 8) {
    text[i - 1] = static_cast<char>(value & 0xFF);
  }
  return text;
}

// The data section's values. Types above 7 carry theirs in a second byte.
std::string value(std::uint8_t type, std::size_t size, const std::string& payload) {
  LEEWARD_CHECK(size < 285, "test databases have short values");
  std::string head;
  const std::size_t field = size < 29 ? size : 29;
  head.push_back(static_cast<char>((type <= 7 ? type << 5 : 0) | static_cast<int>(field)));
  if (type > 7) {
    head.push_back(static_cast<char>(type - 7));
  }
  if (size >= 29) {
    head.push_back(static_cast<char>(size - 29));
  }
  return head + payload;
}
std::string text_value(std::string_view text) {
  return value(2, text.size(), std::string(text));
}
std::string double_value(double number) {
  return value(3, 8, big_endian(std::bit_cast<std::uint64_t>(number), 8));
}
std::string uint16_value(std::uint16_t number) {
  return value(5, 2, big_endian(number, 2));
}
std::string uint32_value(std::uint32_t number) {
  return value(6, 4, big_endian(number, 4));
}
std::string uint64_value(std::uint64_t number) {
  return value(9, 8, big_endian(number, 8));
}
std::string array_value(const std::vector<std::string>& values) {
  std::string payload;
  for (const std::string& each : values) {
    payload += each;
  }
  return value(11, values.size(), payload);
}
std::string map_value(const std::map<std::string, std::string>& values) {
  std::string payload;
  for (const auto& [key, each] : values) {
    payload += text_value(key) + each;
  }
  return value(7, values.size(), payload);
}

std::string place_value(const TestPlace& place) {
  std::map<std::string, std::string> values;
  if (!place.continent.empty()) {
    values["continent"] = map_value({{"code", text_value(place.continent)}});
  }
  if (!place.country.empty()) {
    values["country"] = map_value({{"iso_code", text_value(place.country)}});
  }
  if (!place.subdivision.empty()) {
    values["subdivisions"] =
        array_value({map_value({{"iso_code", text_value(place.subdivision)}})});
  }
  if (place.point) {
    values["location"] =
        map_value({{"latitude", double_value(static_cast<double>(place.point->latitude))},
                   {"longitude", double_value(static_cast<double>(place.point->longitude))}});
  }
  return map_value(values);
}

// A binary tree over address bits; a record is a node's number, an offset of data, or nothing.
class Tree {
 public:
  void insert(const ClientNetwork& network, std::uint32_t data_offset, std::uint16_t ip_version) {
    std::vector<bool> bits(ip_version == 6 && network.family == 4 ? 96 : 0, false);
    for (std::size_t i = 0; i < network.prefix_bits; ++i) {
      bits.push_back((network.address[i / 8] >> (7 - i % 8) & 1) != 0);
    }
    LEEWARD_CHECK(!bits.empty(), "a network of the whole tree has no record to stand in");
    std::size_t node = 0;
    for (std::size_t i = 0; i + 1 < bits.size(); ++i) {
      const Record record = nodes_[node][bits[i] ? 1 : 0];
      if (record.kind == Record::kNode) {
        node = record.number;
        continue;
      }
      nodes_.push_back({record, record});  // what held for the whole holds for both halves
      nodes_[node][bits[i] ? 1 : 0] = {Record::kNode,
                                       static_cast<std::uint32_t>(nodes_.size() - 1)};
      node = nodes_.size() - 1;
    }
    nodes_[node][bits.back() ? 1 : 0] = {Record::kData, data_offset};
  }

  [[nodiscard]] std::string bytes() const {
    constexpr std::uint32_t kSeparatorBytes = 16;
    std::string text;
    for (const auto& node : nodes_) {
      for (const Record& record : node) {
        const std::uint32_t number = record.kind == Record::kNode ? record.number
                                     : record.kind == Record::kData
                                         ? count() + kSeparatorBytes + record.number
                                         : count();
        text += big_endian(number, 4);
      }
    }
    return text;
  }
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(nodes_.size()); }

 private:
  struct Record {
    enum Kind : std::uint8_t { kNothing, kNode, kData };
    Kind kind = kNothing;
    std::uint32_t number = 0;
  };
  std::vector<std::array<Record, 2>> nodes_ = std::vector<std::array<Record, 2>>(1);
};

}  // namespace

std::string test_database(const std::vector<TestPlace>& places, std::string_view type,
                          std::uint16_t ip_version) {
  struct Item {
    ClientNetwork network;
    std::uint32_t data_offset;
  };
  std::string data;
  std::vector<Item> items;
  for (const TestPlace& place : places) {
    const auto network = routing::parse_network(place.network);
    LEEWARD_CHECK(network.has_value(), "a test's network is one");
    items.push_back({*network, static_cast<std::uint32_t>(data.size())});
    data += place_value(place);
  }
  std::ranges::sort(items, {}, [](const Item& item) { return item.network.prefix_bits; });
  Tree tree;
  for (const Item& item : items) {
    tree.insert(item.network, item.data_offset, ip_version);
  }
  const std::string metadata = map_value({
      {"binary_format_major_version", uint16_value(2)},
      {"binary_format_minor_version", uint16_value(0)},
      {"build_epoch", uint64_value(1'795'000'000)},  // 2026-11-18
      {"database_type", text_value(type)},
      {"description", map_value({{"en", text_value("for tests")}})},
      {"ip_version", uint16_value(ip_version)},
      {"languages", array_value({text_value("en")})},
      {"node_count", uint32_value(tree.count())},
      {"record_size", uint16_value(32)},
  });
  return tree.bytes() + std::string(16, '\0') + data + "\xAB\xCD\xEFMaxMind.com" + metadata;
}

}  // namespace leeward::geo
