// SPDX-License-Identifier: Apache-2.0
#include "lag/probe_items.h"

#include <charconv>

#include <fmt/format.h>

#include "base/fnv.h"

namespace leeward::lag {
namespace {

namespace json = boost::json;

const json::value* member(const json::value* value, const char* name) {
  const json::object* object = value == nullptr ? nullptr : value->if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

std::string text_of(const json::value* value) {
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63U] : '=';
    }
  }
  return text;
}

std::string key_text(ProbeKind kind, const RegionId& from, int lane) {
  return fmt::format("leeward-{}#{}#{}", kind == ProbeKind::kHeartbeat ? "heartbeat" : "barrier",
                     from, lane);
}

// Far from what anybody counts: -9 and 33 digits, within the 38 that DynamoDB keeps.
std::string key_number(ProbeKind kind, const RegionId& from, int lane) {
  return fmt::format("-9{}{:020}{:04}", kind == ProbeKind::kHeartbeat ? "000000001" : "000000002",
                     fnv1a(from.str()), lane);
}

}  // namespace

Result<std::vector<KeyAttribute>> key_schema_of(const json::value& described) {
  const json::value* table = member(&described, "Table");
  const json::value* schema = member(table, "KeySchema");
  const json::value* definitions = member(table, "AttributeDefinitions");
  std::vector<KeyAttribute> keys;
  if (schema != nullptr && schema->is_array() && definitions != nullptr &&
      definitions->is_array()) {
    for (const json::value& element : schema->get_array()) {
      KeyAttribute key{text_of(member(&element, "AttributeName")), ' '};
      for (const json::value& definition : definitions->get_array()) {
        const std::string type = text_of(member(&definition, "AttributeType"));
        if (text_of(member(&definition, "AttributeName")) == key.name && type.size() == 1) {
          key.type = type.front();
        }
      }
      keys.push_back(std::move(key));
    }
  }
  const bool good = !keys.empty() && keys.size() <= 2;
  for (const KeyAttribute& key : keys) {
    if (!good || key.name.empty() || (key.type != 'S' && key.type != 'N' && key.type != 'B')) {
      keys.clear();
      break;
    }
  }
  if (keys.empty()) {
    return fail(ErrorCode::kDataCorrupt, "the table's description names no usable key schema");
  }
  return keys;
}

json::object probe_key(const std::vector<KeyAttribute>& schema, ProbeKind kind,
                       const RegionId& from, int lane) {
  json::object key;
  for (std::size_t i = 0; i < schema.size(); ++i) {
    std::string value;
    switch (schema[i].type) {
      case 'N':
        value = i == 0 ? key_number(kind, from, lane) : "-1";
        break;
      case 'B':
        value = base64(i == 0 ? key_text(kind, from, lane) : "leeward");
        break;
      default:
        value = i == 0 ? key_text(kind, from, lane) : "leeward";
    }
    key[schema[i].name] = json::object{{std::string(1, schema[i].type), value}};
  }
  return key;
}

json::object probe_item(const std::vector<KeyAttribute>& schema, ProbeKind kind,
                        const RegionId& from, int lane, std::uint64_t sequence) {
  json::object item = probe_key(schema, kind, from, lane);
  json::object content{{"seq", json::object{{"N", std::to_string(sequence)}}},
                       {"from", json::object{{"S", from.str()}}}};
  if (kind == ProbeKind::kBarrier) {
    content["barrier"] = json::object{{"BOOL", true}};
  }
  item[kProbeAttribute] = json::object{{"M", std::move(content)}};
  return item;
}

std::optional<std::uint64_t> sequence_of(const json::value& answer) {
  const json::value* content = member(member(member(&answer, "Item"), kProbeAttribute), "M");
  const std::string digits = text_of(member(member(content, "seq"), "N"));
  std::uint64_t sequence = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), sequence);
  if (digits.empty() || parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return sequence;
}

}  // namespace leeward::lag
