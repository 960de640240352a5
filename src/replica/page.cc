// SPDX-License-Identifier: Apache-2.0
#include "replica/page.h"

#include <algorithm>
#include <map>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace leeward::replica {
namespace {

namespace json = boost::json;

const json::object* object_in(const json::object& parent, const char* name) {
  const json::value* value = parent.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

const json::string* string_in(const json::object& parent, const char* name) {
  const json::value* value = parent.if_contains(name);
  return value == nullptr ? nullptr : value->if_string();
}

std::unexpected<Error> corrupt(std::size_t index, const char* what) {
  return fail(ErrorCode::kDataCorrupt, fmt::format("stream record {} {}", index, what));
}

Result<StreamRecord> parse_record(const json::value& value, std::size_t index) {
  const json::object* outer = value.if_object();
  const json::object* change = outer == nullptr ? nullptr : object_in(*outer, "dynamodb");
  if (change == nullptr) {
    return corrupt(index, "has no 'dynamodb' object");
  }
  const json::string* sequence = string_in(*change, "SequenceNumber");
  const json::object* keys = object_in(*change, "Keys");
  if (sequence == nullptr || sequence->empty()) {
    return corrupt(index, "has no SequenceNumber");
  }
  if (keys == nullptr || keys->empty()) {
    return corrupt(index, "has no Keys");
  }
  StreamRecord record{std::string(*sequence), *keys, {}};
  if (const json::object* image = object_in(*change, "NewImage")) {
    record.item = *image;
  }
  return record;
}

// Attribute values in the order of their names, so that equal keys give equal text.
std::string canonical(const json::object& keys) {
  std::map<std::string, std::string> sorted;
  for (const auto& [name, value] : keys) {
    sorted.emplace(std::string(name), json::serialize(value));
  }
  std::string text;
  for (const auto& [name, value] : sorted) {
    text += name + "\x1f" + value + "\x1e";
  }
  return text;
}

}  // namespace

Result<StreamPage> parse_stream_page(const json::value& answer) {
  const json::object* object = answer.if_object();
  const json::value* records = object == nullptr ? nullptr : object->if_contains("Records");
  if (records == nullptr || !records->is_array()) {
    return fail(ErrorCode::kDataCorrupt, "the answer of GetRecords has no list 'Records'");
  }
  StreamPage page;
  for (const json::value& each : records->get_array()) {
    ASSIGN_OR_RETURN(auto record, parse_record(each, page.records.size()));
    page.records.push_back(std::move(record));
  }
  if (const json::string* next = string_in(*object, "NextShardIterator")) {
    page.next_iterator = std::string(*next);
  }
  return page;
}

Fate fate_of(const json::object& item, const RegionId& source, WallTime now, std::string& stamp) {
  stamp.clear();
  const json::object* attribute = object_in(item, kStampAttribute);
  const json::string* text = attribute == nullptr ? nullptr : string_in(*attribute, "S");
  const auto parsed = text == nullptr ? std::nullopt : parse_stamp(std::string_view(*text));
  if (!parsed) {
    return Fate::kShip;  // unstamped: written here by something that is not ours
  }
  if (ahead_of(*parsed, now) > kFutureMax) {
    return Fate::kRefused;
  }
  stamp = std::string(*text);
  return parsed->region == source ? Fate::kShip : Fate::kForeign;
}

PagePlan plan_page(std::vector<StreamRecord> records, const RegionId& source, WallTime now) {
  PagePlan plan;
  std::map<std::string, std::size_t> newest;  // key -> place in `chosen`
  std::vector<std::optional<Version>> chosen;
  for (StreamRecord& record : records) {
    plan.last_sequence = record.sequence;
    if (record.item.empty()) {
      ++plan.removals;
      continue;
    }
    Version version;
    switch (fate_of(record.item, source, now, version.stamp)) {
      case Fate::kForeign:
        ++plan.foreign;
        continue;
      case Fate::kRefused:
        version.item = std::move(record.item);
        plan.refused.push_back(std::move(version));
        continue;
      case Fate::kShip:
        break;
    }
    version.item = std::move(record.item);
    const auto [place, is_first] = newest.try_emplace(canonical(record.keys), chosen.size());
    if (!is_first) {
      ++plan.superseded;
      std::optional<Version>& earlier = chosen[place->second];
      if (version.stamp < earlier->stamp) {
        continue;
      }
      earlier.reset();
      place->second = chosen.size();
    }
    chosen.emplace_back(std::move(version));
  }
  for (std::optional<Version>& version : chosen) {
    if (version) {
      plan.ship.push_back(std::move(*version));
    }
  }
  return plan;
}

}  // namespace leeward::replica
