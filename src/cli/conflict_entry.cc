// SPDX-License-Identifier: Apache-2.0
#include "cli/conflict_entry.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/render.h"
#include "replica/stamp.h"

namespace leeward::cli {
namespace {

namespace json = boost::json;

// A condition names every attribute, and DynamoDB takes 4 KB of it.
constexpr std::size_t kAttributesCompared = 60;

std::string text_of(const json::object& item, const char* name) {
  const json::value* attribute = item.if_contains(name);
  const json::object* typed = attribute == nullptr ? nullptr : attribute->if_object();
  const json::value* text = typed == nullptr ? nullptr : typed->if_contains("S");
  return text != nullptr && text->is_string() ? std::string(text->get_string()) : "";
}

json::object map_of(const json::object& item, const char* name) {
  const json::value* attribute = item.if_contains(name);
  const json::object* typed = attribute == nullptr ? nullptr : attribute->if_object();
  const json::value* map = typed == nullptr ? nullptr : typed->if_contains("M");
  return map != nullptr && map->is_object() ? map->get_object() : json::object();
}

std::string key_text(const json::object& key) {
  std::string text;
  for (const auto& [name, value] : key) {
    const json::object* typed = value.if_object();
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", std::string_view(name),
                        typed != nullptr && typed->size() == 1
                            ? (typed->begin()->value().is_string()
                                   ? std::string(typed->begin()->value().get_string())
                                   : json::serialize(typed->begin()->value()))
                            : json::serialize(value));
  }
  return printable(text);
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    result += c == '"' ? "\"\"" : std::string(1, c);
  }
  return result + "\"";
}

}  // namespace

Result<ConflictEntry> parse_conflict(const json::object& item, const std::string& region) {
  ConflictEntry entry;
  entry.id = text_of(item, "id");
  entry.table = text_of(item, "table_name");
  if (entry.id.empty() || entry.table.empty()) {
    return fail(ErrorCode::kDataCorrupt, "an entry of the ledger has no id or no table_name");
  }
  entry.key = map_of(item, "key");
  entry.loser = map_of(item, "loser");
  entry.winner = map_of(item, "winner");
  entry.loser_region = text_of(item, "loser_region");
  entry.winner_region = text_of(item, "winner_region");
  entry.loser_stamp = text_of(item, "loser_stamp");
  entry.winner_stamp = text_of(item, "winner_stamp");
  entry.base_stamp = text_of(item, "base_stamp");
  entry.detected_at = text_of(item, "detected_at");
  entry.evidence = text_of(item, "evidence");
  entry.reapplied_at = text_of(item, "reapplied_at");
  entry.images_file = text_of(item, "images_file");
  const json::value* certain = item.if_contains("certain");
  const json::object* typed = certain == nullptr ? nullptr : certain->if_object();
  const json::value* flag = typed == nullptr ? nullptr : typed->if_contains("BOOL");
  entry.certain = flag != nullptr && flag->is_bool() && flag->get_bool();
  entry.seen_in.push_back(region);
  return entry;
}

std::vector<ConflictEntry> merge_conflicts(std::vector<ConflictEntry> entries) {
  std::map<std::pair<std::string, std::string>, ConflictEntry> merged;
  for (ConflictEntry& entry : entries) {
    const auto key = std::pair(entry.table, entry.id);
    const auto found = merged.find(key);
    if (found == merged.end()) {
      merged.emplace(key, std::move(entry));
      continue;
    }
    ConflictEntry& known = found->second;
    std::vector<std::string> seen_in = known.seen_in;
    seen_in.insert(seen_in.end(), entry.seen_in.begin(), entry.seen_in.end());
    const std::string reapplied = std::max(known.reapplied_at, entry.reapplied_at);
    const std::string first = std::min(known.detected_at, entry.detected_at);
    if (entry.certain && !known.certain) {
      known = std::move(entry);
    }
    known.seen_in = std::move(seen_in);
    known.reapplied_at = reapplied;
    known.detected_at = first;
  }
  std::vector<ConflictEntry> result;
  for (auto& [key, entry] : merged) {
    result.push_back(std::move(entry));
  }
  std::ranges::sort(result, {}, [](const ConflictEntry& entry) {
    return std::tie(entry.detected_at, entry.table, entry.id);
  });
  return result;
}

json::object to_json(const ConflictEntry& entry) {
  json::array seen_in;
  for (const std::string& region : entry.seen_in) {
    seen_in.emplace_back(region);
  }
  return {{"id", entry.id},
          {"table", entry.table},
          {"key", entry.key},
          {"loser_region", entry.loser_region},
          {"loser_stamp", entry.loser_stamp},
          {"loser", entry.loser},
          {"winner_region", entry.winner_region},
          {"winner_stamp", entry.winner_stamp},
          {"winner", entry.winner},
          {"base_stamp", entry.base_stamp},
          {"detected_at", entry.detected_at},
          {"evidence", entry.evidence},
          {"certain", entry.certain},
          {"seen_in", std::move(seen_in)},
          {"reapplied_at",
           entry.reapplied_at.empty() ? json::value(nullptr) : json::value(entry.reapplied_at)},
          {"images_file",
           entry.images_file.empty() ? json::value(nullptr) : json::value(entry.images_file)}};
}

std::string to_csv(const std::vector<ConflictEntry>& entries) {
  std::string text =
      "detected_at,table,key,loser_region,winner_region,certain,evidence,loser,winner,id,"
      "reapplied_at\r\n";
  for (const ConflictEntry& entry : entries) {
    text += fmt::format(
        "{}\r\n",
        fmt::join(
            std::vector<std::string>{quoted(entry.detected_at), quoted(entry.table),
                                     quoted(json::serialize(entry.key)), quoted(entry.loser_region),
                                     quoted(entry.winner_region), entry.certain ? "yes" : "no",
                                     quoted(entry.evidence), quoted(json::serialize(entry.loser)),
                                     quoted(json::serialize(entry.winner)), quoted(entry.id),
                                     quoted(entry.reapplied_at)},
            ","));
  }
  return text;
}

std::string render_conflicts(const std::vector<ConflictEntry>& entries) {
  if (entries.empty()) {
    return "no write was lost to last-writer-wins\n";
  }
  std::size_t key_width = 3;
  std::size_t table_width = 5;
  for (const ConflictEntry& entry : entries) {
    key_width = std::min<std::size_t>(40, std::max(key_width, key_text(entry.key).size()));
    table_width = std::max(table_width, entry.table.size());
  }
  std::string text =
      fmt::format("{:<24}  {:<{}}  {:<{}}  {:<10}  {:<10}  {:<9}  {}\n", "DETECTED", "TABLE",
                  table_width, "KEY", key_width, "LOST IN", "TO", "CERTAIN", "ID");
  for (const ConflictEntry& entry : entries) {
    text += fmt::format("{:<24}  {:<{}}  {:<{}}  {:<10}  {:<10}  {:<9}  {}{}\n",
                        printable(entry.detected_at), printable(entry.table), table_width,
                        key_text(entry.key), key_width, printable(entry.loser_region),
                        printable(entry.winner_region), entry.certain ? "yes" : "maybe", entry.id,
                        entry.reapplied_at.empty() ? "" : "  re-applied");
  }
  return text + fmt::format("{} lost; `leeward tables conflicts --show ID` prints both versions\n",
                            entries.size());
}

std::string render_conflict(const ConflictEntry& entry) {
  std::string text = fmt::format(
      "Conflict {} in table {}\n  key        {}\n  lost in    {} (stamp {})\n  to         {} "
      "(stamp {})\n  based on   {}\n  detected   {} ({}, {}), in the ledger of {}\n",
      entry.id, printable(entry.table), key_text(entry.key), printable(entry.loser_region),
      printable(entry.loser_stamp), printable(entry.winner_region), printable(entry.winner_stamp),
      entry.base_stamp.empty() ? "nothing known" : printable(entry.base_stamp),
      printable(entry.detected_at), printable(entry.evidence),
      entry.certain ? "certain" : "not certain", fmt::join(entry.seen_in, ", "));
  if (!entry.reapplied_at.empty()) {
    text += fmt::format("  re-applied {}\n", printable(entry.reapplied_at));
  }
  if (!entry.images_file.empty()) {
    text +=
        fmt::format("  images     too large for an entry; see {}\n", printable(entry.images_file));
  }
  const json::object loser = application_image(entry.loser);
  const json::object winner = application_image(entry.winner);
  text += fmt::format("\n  {:<20}  {:<38}  {}\n", "ATTRIBUTE",
                      is_delete(entry.loser) ? "LOST (a delete)" : "LOST",
                      is_delete(entry.winner) ? "KEPT (a delete)" : "KEPT");
  std::set<std::string> names;
  for (const auto* image : {&loser, &winner}) {
    for (const auto& member : *image) {
      names.insert(std::string(member.key()));
    }
  }
  const auto shown = [](const json::object& image, const std::string& name) {
    const json::value* value = image.if_contains(name);
    return value == nullptr ? std::string("-") : printable(json::serialize(*value));
  };
  for (const std::string& name : names) {
    const std::string lost = shown(loser, name);
    const std::string kept = shown(winner, name);
    text += fmt::format("{} {:<20}  {:<38}  {}\n", lost == kept ? " " : "*", printable(name), lost,
                        kept);
  }
  return text;
}

json::object application_image(const json::object& image) {
  json::object result = image;
  for (const char* name : {"_r", "_del", "_hb"}) {
    result.erase(name);
  }
  return result;
}

bool is_delete(const json::object& image) {
  return image.contains("_del");
}

Reapply make_reapply(const ConflictEntry& entry, const json::object& current,
                     const std::string& stamp) {
  Reapply reapply{"PutItem", {{"TableName", entry.table}}};
  const bool to_store = !stamp.empty();
  if (is_delete(entry.loser) && !to_store) {
    reapply.operation = "DeleteItem";
    reapply.body["Key"] = entry.key;
  } else {
    json::object item = application_image(entry.loser);
    if (to_store) {
      item["_r"] = json::object{{"S", stamp}};
      if (is_delete(entry.loser)) {
        item["_del"] = json::object{{"BOOL", true}};
      }
    }
    reapply.body["Item"] = std::move(item);
  }
  json::object names;
  json::object values;
  std::string condition;
  if (current.empty()) {
    names["#k"] = entry.key.empty() ? json::string("id") : json::string(entry.key.begin()->key());
    condition = "attribute_not_exists(#k)";
  }
  std::size_t index = 0;
  for (const auto& [name, value] : current) {
    // Straight at a store its stamp says it all; a gateway does not show that.
    const bool compared = current.contains("_r") ? name == "_r" : !entry.key.contains(name);
    if (index == kAttributesCompared || !compared) {
      continue;
    }
    names[fmt::format("#a{}", index)] = name;
    values[fmt::format(":a{}", index)] = value;
    condition += fmt::format("{}#a{} = :a{}", condition.empty() ? "" : " AND ", index, index);
    ++index;
  }
  if (condition.empty()) {  // an item of its key alone
    names["#k"] = json::string(entry.key.begin()->key());
    condition = "attribute_exists(#k)";
  }
  reapply.body["ConditionExpression"] = condition;
  reapply.body["ExpressionAttributeNames"] = std::move(names);
  if (!values.empty()) {
    reapply.body["ExpressionAttributeValues"] = std::move(values);
  }
  return reapply;
}

std::string stamp_above(const std::vector<std::string>& stamps, WallTime now,
                        const std::string& region) {
  replica::Stamp stamp{
      static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count()),
      0, RegionId(region)};
  for (const std::string& text : stamps) {
    const auto other = replica::parse_stamp(text);
    if (other && other->microseconds >= stamp.microseconds) {
      stamp.microseconds = other->microseconds + 1;
    }
  }
  return replica::format_stamp(stamp);
}

}  // namespace leeward::cli
