// SPDX-License-Identifier: Apache-2.0
#include "replication/put.h"

#include <array>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>

#include "replica/stamp.h"

namespace leeward::replication {
namespace {

namespace json = boost::json;

// An unstamped change of a carried copy goes back where it still finds what it replaced; a
// condition has room for small items only.
constexpr std::size_t kReplacedAttributesMax = 40;

std::string quoted(std::string_view text) {
  return json::serialize(json::string_view(text.data(), text.size()));
}

json::value text(std::string_view value) {
  return json::object{{"S", json::string_view(value.data(), value.size())}};
}

// What an unstamped version's condition is made of: its order among unstamped ones by region, and
// the content that it replaced.
struct Condition {
  std::string expression;
  json::object names;
  json::object values;
};

Condition unstamped_condition(std::string_view hash_key, const RegionId& here,
                              const replica::Version& version) {
  Condition condition;
  condition.names["#r"] = replica::kStampAttribute;
  condition.values[":r"] = text(version.stamp);
  if (replica::zero_stamp(here) < version.stamp) {
    condition.expression = "attribute_not_exists(#r) OR #r <= :r";
    return condition;
  }
  condition.names["#k"] = json::string_view(hash_key.data(), hash_key.size());
  condition.expression = "attribute_not_exists(#k) OR #r <= :r";
  if (replica::region_of_stamp(version.base) != here.str() || version.replaced.empty() ||
      version.replaced.size() > kReplacedAttributesMax) {
    return condition;
  }
  condition.expression += " OR (attribute_not_exists(#r)";
  int number = 0;
  for (const auto& [name, value] : version.replaced) {
    condition.expression += fmt::format(" AND #a{0} = :a{0}", number);
    condition.names[fmt::format("#a{}", number)] = name;
    condition.values[fmt::format(":a{}", number)] = value;
    ++number;
  }
  condition.expression += ")";
  return condition;
}

}  // namespace

std::string put_body(std::string_view table, std::string_view hash_key, const RegionId& here,
                     const replica::Version& version, std::string_view item_text) {
  std::string body;
  body.reserve(item_text.size() + 320);
  body.append(R"({"TableName":)").append(quoted(table));
  body.append(R"(,"ReturnValues":"ALL_OLD","ReturnValuesOnConditionCheckFailure":"ALL_OLD")");
  if (version.stamped) {
    body.append(R"(,"ConditionExpression":"attribute_not_exists(#r) OR #r < :r")");
    body.append(
        R"(,"ExpressionAttributeNames":{"#r":"_r"},"ExpressionAttributeValues":{":r":{"S":)");
    body.append(quoted(version.stamp)).append("}}");
  } else {
    const Condition condition = unstamped_condition(hash_key, here, version);
    body.append(R"(,"ConditionExpression":)").append(quoted(condition.expression));
    body.append(R"(,"ExpressionAttributeNames":)").append(json::serialize(condition.names));
    body.append(R"(,"ExpressionAttributeValues":)").append(json::serialize(condition.values));
  }
  body.append(R"(,"Item":)").append(item_text).append("}");
  return body;
}

std::string ledger_id(std::string_view table, std::string_view canonical_key,
                      std::string_view loser_stamp) {
  const std::string input = fmt::format("{}\n{}\n{}", table, canonical_key, loser_stamp);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(input.data(), input.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string id;
  for (std::size_t i = 0; i < 16; ++i) {
    id += fmt::format("{:02x}", digest[i]);
  }
  return id;
}

json::object ledger_item(const LedgerEntry& entry) {
  return {
      {"table_name", text(entry.table)},
      {"id", text(ledger_id(entry.table, replica::canonical_key(entry.key), entry.loser_stamp))},
      {"key", json::object{{"M", entry.key}}},
      {"loser", json::object{{"M", entry.loser}}},
      {"loser_stamp", text(entry.loser_stamp)},
      {"loser_region", text(replica::region_of_stamp(entry.loser_stamp))},
      {"winner", json::object{{"M", entry.winner}}},
      {"winner_stamp", text(entry.winner_stamp)},
      {"winner_region", text(replica::region_of_stamp(entry.winner_stamp))},
      {"base_stamp", text(entry.base_stamp)},
      {"detected_in", text(entry.detected_in.str())},
      {"detected_at", text(format_rfc3339(entry.detected_at))},
      {"evidence", text(replica::to_string(entry.evidence))},
      {"certain", json::object{{"BOOL", entry.certain}}}};
}

json::object key_of(const json::object& item, const std::vector<std::string>& key_names) {
  json::object key;
  for (const std::string& name : key_names) {
    if (const json::value* value = item.if_contains(name)) {
      key[name] = *value;
    }
  }
  return key;
}

}  // namespace leeward::replication
